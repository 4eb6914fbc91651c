// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Losses that say what a model has learnt, in nats per token: guessing blindly, knowing how often
/// each token comes, knowing what follows each token.
struct ReferenceLosses {
  double uniform = 0;  ///< ln(vocabulary)
  std::optional<double> unigram = {};
  std::optional<double> bigram = {};
};

}  // namespace OCTAVO_NAMESPACE
