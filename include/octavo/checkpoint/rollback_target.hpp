// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <span>

#include <octavo/checkpoint/named_checkpoint.hpp>

// Where a run goes back to after a loss spike. It depends on nothing but the steps of the run: not
// on how often it is saved, nor on where it was interrupted.
namespace OCTAVO_NAMESPACE {

/// A run that can be rolled back is saved before its first step, and after every so many.
inline constexpr Index rollback_interval = 50;
/// Steps that lie between a spike and where the run goes back to, at least: as many as the moving
/// average of losses looks back, in which the spike begins.
inline constexpr Index rollback_age = 16;
/// Rollbacks in a row, each of them to where none went before, that find a checkpoint.
inline constexpr Index rollbacks_in_a_row = 4;

constexpr bool is_rollback_step(Index step) { return step % rollback_interval == 0; }

/// Whether a run that has done `now` steps may yet go back to `step`. (Were it asked at any step
/// and not at multiples of the interval, an interruption could change the answer.)
constexpr bool is_rollback_target(Index step, Index now) {
  const Index last = now - now % rollback_interval;
  return is_rollback_step(step) &&
         step > last - rollback_age - rollbacks_in_a_row * rollback_interval;
}

/// Of these checkpoints, newest first, the first at a multiple of rollback_interval that is
/// rollback_age steps older than `now` or more (the run's beginning is always old enough), and that
/// the run has not gone back to before; none if there is no such, or if there were
/// rollbacks_in_a_row since it was saved. `skipped` hears about those that are not whole.
///
/// A run goes on from a checkpoint with the checkpoint's RunState::rate_factor or, after a
/// rollback, with less: so the factors of the checkpoints that follow one another, and of the run,
/// tell which of them it has gone back to, and how often since.
inline std::optional<NamedCheckpoint> rollback_target(
    std::span<const NamedCheckpoint> checkpoints, const RunState& now,
    const std::function<void(const Error&)>& skipped = {}, FileSystem& files = real_file_system(),
    const CheckpointKinds& kinds = {}) {
  constexpr double most = Index{1} << (rollbacks_in_a_row - 1);
  double next = now.rate_factor;  // of what follows
  for (const NamedCheckpoint& one : checkpoints) {
    if (one.step > now.steps_done || !is_rollback_step(one.step)) continue;
    try {
      const FileSource source(one.path, files);
      const CheckpointFile file(source, kinds);
      const double factor = file.info().state.rate_factor;
      const bool used = factor > next;
      const bool old_enough = one.step == 0 || one.step <= now.steps_done - rollback_age;
      next = factor;
      if (factor > now.rate_factor * most) return std::nullopt;
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
