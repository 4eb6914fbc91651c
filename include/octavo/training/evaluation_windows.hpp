// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The windows of a validation text that an evaluation takes the mean loss over. Windows of
/// `sequence` targets lie one after the other from the beginning of the text. All of them, the last
/// of which may be shorter, or a sample: whole windows, evenly spread, always the same ones, so
/// that the losses of a run's evaluations compare.
class EvaluationWindows {
 public:
  /// `targets`: tokens that are predicted, one less than the text has. `most_targets`: of a sample,
  /// rounded down to whole windows, but at least one window; 0, or as many as there are: all.
  constexpr EvaluationWindows(Index targets, Index sequence, Index most_targets) noexcept
      : targets_(targets), sequence_(sequence), whole_(targets / sequence) {
    const Index sampled = std::max<Index>(most_targets / sequence, 1);
    is_sample_ = most_targets > 0 && most_targets < targets && sampled <= whole_;
    count_ = is_sample_ ? sampled : whole_ + (targets % sequence > 0 ? 1 : 0);
  }

  constexpr bool is_sample() const noexcept { return is_sample_; }
  constexpr Index count() const noexcept { return count_; }
  /// Targets in all windows together.
  constexpr Index targets() const noexcept { return is_sample_ ? count_ * sequence_ : targets_; }
  /// The token that a window begins with.
  constexpr Index first(Index window) const noexcept {
    if (!is_sample_) return window * sequence_;
    return (whole_ / count_ * window + whole_ % count_ * window / count_) * sequence_;
  }
  /// Targets of one window.
  constexpr Index length(Index window) const noexcept {
    return std::min(sequence_, targets_ - first(window));
  }

 private:
  Index targets_;
  Index sequence_;
  Index whole_;  ///< windows of full length
  Index count_ = 0;
  bool is_sample_ = false;
};

/// Share of a run's arithmetic that evaluations within the run take, at most, unless they would
/// have fewer than least_evaluation_tokens.
inline constexpr double evaluation_share = 0.1;
/// A loss over fewer targets says little.
inline constexpr Index least_evaluation_tokens = 1024;

/// Targets of an evaluation every `steps` steps of so many tokens each, by that share: training
/// takes three times the arithmetic of the forward pass for each token. Depends on no clock. 0 if
/// there are no evaluations within the run.
constexpr Index affordable_evaluation_tokens(Index steps, Index tokens_per_step) noexcept {
  if (steps == 0) return 0;
  const double forward_passes =
      3 * static_cast<double>(steps) * static_cast<double>(tokens_per_step) * evaluation_share;
  return std::max(least_evaluation_tokens, static_cast<Index>(std::min(forward_passes, 0x1p62)));
}

}  // namespace OCTAVO_NAMESPACE
