// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/data/packed_data.hpp>
#include <octavo/data/token_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The windows of a validation text over which an evaluation takes the mean loss. The text is
/// divided, from its start, into windows of `sequence` targets; the last may be shorter. An
/// evaluation uses all windows or a sample: whole windows, evenly spread and always the same, so
/// that the losses of a run's evaluations are comparable.
class EvaluationWindows {
 public:
  /// `targets`: the number of predicted tokens, one less than the text has. `most_targets`: the
  /// targets of the sample, rounded down to whole windows, but at least one window; 0, or `targets`
  /// and more: all windows.
  constexpr EvaluationWindows(Index targets, Index sequence, Index most_targets) noexcept
      : targets_(targets), sequence_(sequence), whole_(targets / sequence) {
    const Index sampled = std::max<Index>(most_targets / sequence, 1);
    is_sample_ = most_targets > 0 && most_targets < targets && sampled <= whole_;
    count_ = is_sample_ ? sampled : whole_ + (targets % sequence > 0 ? 1 : 0);
  }

  constexpr bool is_sample() const noexcept { return is_sample_; }
  constexpr Index count() const noexcept { return count_; }
  /// The number of targets in all windows of the evaluation.
  constexpr Index targets() const noexcept { return is_sample_ ? count_ * sequence_ : targets_; }
  /// The index of a window's first token.
  constexpr Index first(Index window) const noexcept {
    if (!is_sample_) return window * sequence_;
    return (whole_ / count_ * window + whole_ % count_ * window / count_) * sequence_;
  }
  /// The number of targets in a window.
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

/// The targets of a validation text: every token but the first; of packed rows every position,
/// whether it counts or not.
constexpr Index evaluation_targets(TokenView tokens) noexcept { return tokens.size() - 1; }
inline Index evaluation_targets(const PackedData& rows) noexcept { return rows.positions(); }

/// The largest share of a run's arithmetic for evaluations within the run, unless they would have
/// fewer than least_evaluation_tokens.
inline constexpr double evaluation_share = 0.1;
/// The fewest targets of an evaluation: a loss over fewer says little.
inline constexpr Index least_evaluation_tokens = 1024;

/// The number of targets per evaluation that keeps to evaluation_share, for an evaluation every
/// `steps` steps of `tokens_per_step` tokens; training costs three forward passes per token.
/// Computed from these counts, not from measured time. 0 if the run has no evaluations.
constexpr Index affordable_evaluation_tokens(Index steps, Index tokens_per_step) noexcept {
  if (steps == 0) return 0;
  const double forward_passes =
      3 * static_cast<double>(steps) * static_cast<double>(tokens_per_step) * evaluation_share;
  return std::max(least_evaluation_tokens, static_cast<Index>(std::min(forward_passes, 0x1p62)));
}

}  // namespace OCTAVO_NAMESPACE
