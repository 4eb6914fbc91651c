// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Reference losses in nats per token: of uniform guessing, of a predictor that knows token
/// frequencies, and of one that knows which token follows which.
struct ReferenceLosses {
  double uniform = 0;  ///< ln(vocabulary)
  std::optional<double> unigram = {};
  std::optional<double> bigram = {};
};

}  // namespace OCTAVO_NAMESPACE
