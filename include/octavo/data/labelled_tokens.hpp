// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// A document with the targets that count in the loss.
struct LabelledTokens {
  std::vector<Token> inputs;   ///< [length]
  std::vector<Token> targets;  ///< [length], the token after each input; negative: ignored

  Index length() const noexcept { return static_cast<Index>(inputs.size()); }
  /// The number of targets that count.
  Index counted() const noexcept {
    return std::count_if(targets.begin(), targets.end(), [](Token target) { return target >= 0; });
  }

  friend bool operator==(const LabelledTokens&, const LabelledTokens&) = default;
};

/// The document of tokens [n], of which those with counts[i] are targets. Nothing stands before the
/// first token, which is therefore never a target; the last one is never an input.
inline LabelledTokens labelled(const std::vector<Token>& tokens, const std::vector<bool>& counts) {
  LabelledTokens document;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    document.inputs.push_back(tokens[i - 1]);
    document.targets.push_back(counts[i] ? tokens[i] : ignored_target);
  }
  return document;
}

}  // namespace OCTAVO_NAMESPACE
