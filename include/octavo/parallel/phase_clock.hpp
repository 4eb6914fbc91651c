// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The wall time of each phase of a step, on the first worker of a thread pool:
/// `threads.set_clock(&clock)`. The phases of a training step are in transformer/phases.hpp. The
/// first worker's waiting for the others belongs to the phase in which it waits.
class PhaseClock {
 public:
  static constexpr std::size_t most_phases = 16;

  /// outside: the phase, 0 to most_phases - 1, of all time that is in no other: outside the runs of
  /// the pool, and in runs that enter none.
  explicit PhaseClock(int outside) noexcept : outside_(outside), phase_(outside) {}

  /// From now on time belongs to `phase`. Returns the phase before.
  int enter(int phase) noexcept {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<std::size_t>(phase_)] +=
        std::chrono::duration<double>(now - began_).count();
    const int before = phase_;
    phase_ = phase;
    began_ = now;
    return before;
  }
  void leave() noexcept { enter(outside_); }

  /// The time of all stretches of a phase that have ended.
  double seconds(int phase) const noexcept { return seconds_[static_cast<std::size_t>(phase)]; }

 private:
  using Clock = std::chrono::steady_clock;

  int outside_;
  int phase_;
  Clock::time_point began_ = Clock::now();
  std::array<double, most_phases> seconds_{};
};

/// A stretch of time in another phase: at the end of its scope the phase is the one before.
class PhaseStretch {
 public:
  /// clock: null: does nothing.
  PhaseStretch(PhaseClock* clock, int phase) noexcept
      : clock_(clock), before_(clock == nullptr ? phase : clock->enter(phase)) {}
  PhaseStretch(const PhaseStretch&) = delete;
  PhaseStretch& operator=(const PhaseStretch&) = delete;
  ~PhaseStretch() {
    if (clock_ != nullptr) clock_->enter(before_);
  }

 private:
  PhaseClock* clock_;
  int before_;
};

}  // namespace OCTAVO_NAMESPACE
