// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <span>

#include <octavo/checkpoint/named_checkpoint.hpp>

// The checkpoint to which a run goes back after a loss spike. It depends only on the steps of the
// run, not on how often it is saved or where it was interrupted.
namespace OCTAVO_NAMESPACE {

/// A run with rollbacks is saved before its first step, and after each interval of this many steps.
inline constexpr Index rollback_interval = 50;
/// The least number of steps between a spike and the checkpoint: the span of the moving average of
/// losses, in which the spike starts.
inline constexpr Index rollback_age = 16;
/// The number of successive rollbacks, each to a different checkpoint, that find a checkpoint.
inline constexpr Index rollbacks_in_a_row = 4;

constexpr bool is_rollback_step(Index step) { return step % rollback_interval == 0; }

/// Whether a run after `now` steps may still go back to `step`. (The answer is the same for all
/// steps within an interval, so that an interruption cannot change it.)
constexpr bool is_rollback_target(Index step, Index now) {
  const Index last = now - now % rollback_interval;
  return is_rollback_step(step) &&
         step > last - rollback_age - rollbacks_in_a_row * rollback_interval;
}

/// The newest of these checkpoints that is at a multiple of rollback_interval, is at least
/// rollback_age steps older than `now` (the start of the run is always old enough), and to which
/// the run has not gone back before. Nothing if there is none, or if there were rollbacks_in_a_row
/// rollbacks since it was saved. `skipped` is called for damaged checkpoints.
///
/// A run continues from a checkpoint with the checkpoint's RunState::lr_scale or, after a
/// rollback, with a smaller one. The factors of successive checkpoints and of the run therefore
/// tell to which checkpoints it has gone back, and how often.
inline std::optional<NamedCheckpoint> rollback_target(
    std::span<const NamedCheckpoint> checkpoints, const RunState& now,
    const std::function<void(const Error&)>& skipped = {}, const CheckpointKinds& kinds = {},
    FileSystem& files = real_file_system()) {
  constexpr double most = Index{1} << (rollbacks_in_a_row - 1);
  double next = now.lr_scale;  // the factor of the later checkpoint, or of the run
  for (const NamedCheckpoint& one : checkpoints) {
    if (one.step > now.steps_done || !is_rollback_step(one.step)) continue;
    try {
      const FileSource source(one.path, files);
      const CheckpointFile file(source, kinds);
      const double factor = file.info().state.lr_scale;
      const bool used = factor > next;
      const bool old_enough = one.step == 0 || one.step <= now.steps_done - rollback_age;
      next = factor;
      if (factor > now.lr_scale * most) return std::nullopt;
      if (used || !old_enough) continue;
      file.verify();
      return one;
    } catch (const Error& error) {
      if (skipped) skipped(error);
    }
  }
  return std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE
