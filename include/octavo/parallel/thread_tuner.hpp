// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// Finds the fastest number of threads for a task that runs repeatedly and whose results do not
/// depend on that number. It measures every run, now and then tries more or fewer threads, and
/// keeps the fastest number. If the calling thread shares its core (other programs compute, or the
/// group's processor time is limited), more threads must save wall time and may cost only little
/// more processor time, because all threads wait for the slowest.
///
/// ThreadPool::run(tuner, work, task) measures. Use one tuner for one kind of run.
class ThreadTuner {
 public:
  /// The number of threads of the first runs. Tasks of microseconds should start with one: on a
  /// busy machine a single run on several threads can take a thousand times as long.
  enum class Start { all, one };
  /// One thread for tasks of a few milliseconds.
  static constexpr Start start_for(double floating_point_operations) noexcept {
    return floating_point_operations < 3e8 ? Start::one : Start::all;
  }

  explicit ThreadTuner(Start start = Start::all) noexcept : start_(start) {}

  /// The fastest number of threads found so far; 0 before the first run.
  Index count() const noexcept { return count_; }
  /// Whether another number of threads has been tried.
  bool compared() const noexcept { return compared_; }

  /// The number of threads for the next run, at most `most`.
  Index next(Index most) noexcept {
    if (count_ == 0) count_ = start_ == Start::one ? 1 : most;
    most_ = most;
    count_ = std::min(count_, most);
    trial_ = std::min(trial_, most);
    return trial_ != 0 ? trial_ : count_;
  }

  /// Whether the next run starts a sample: begin() then needs the processor time of this thread.
  bool is_between_samples() const noexcept { return sample_.runs == 0; }
  void begin(double processor_seconds) noexcept { began_ = processor_seconds; }

  /// To be called after each run, with its work in a constant unit and its wall time. Returns
  /// whether the sample is complete: finish() then needs the processor time of this thread.
  bool add(double work, double seconds) noexcept {
    if (!(work > 0)) return false;
    if (!warm_) {  // the first run touches memory for the first time
      warm_ = true;
      return false;
    }
    sample_.least = sample_.runs == 0 ? seconds / work : std::min(sample_.least, seconds / work);
    sample_.wall += seconds;
    sample_.work += work;
    ++sample_.runs;
    return sample_.wall >= (busy_ ? busy_sample : quiet_sample);
  }

  void finish(double processor_seconds) noexcept {
    sample_.processor = processor_seconds - began_;
    if (trial_ != 0) {
      end_trial();
    } else {
      settled_ = sample_;
      since_trial_ += sample_.wall;
      suspect_ = sample_.is_busy() ? suspect_ + sample_.wall : 0;
      busy_ = sample_.is_busy();
      if (wants_trial()) trial_ = up_ ? more() : fewer();
    }
    sample_ = {};
  }

 private:
  // Seconds.
  static constexpr double quiet_sample = 2e-3;
  static constexpr double busy_sample = 20e-3;  // several time slices of the system's scheduler
  static constexpr double suspicion = 8e-3;     // of runs that shared their core
  static constexpr double first_interval =
      200e-3;  // between trials; doubled after each failed trial
  static constexpr double last_interval = 4;
  static constexpr double quiet_runs_per_trial = 200;  // of runs that take longer than a sample
  static constexpr double busy_runs_per_trial = 16;

  struct Sample {
    int runs = 0;
    double work = 0;
    double wall = 0;
    double processor = 0;  ///< of the calling thread
    double least = 0;      ///< time per unit of work in the fastest run

    double mean() const noexcept { return wall / work; }
    bool is_busy() const noexcept { return processor < 0.8 * wall; }
  };

  /// The numbers that are tried: all, all but one (another program may use it), half, ..., 1.
  Index below(Index count) const noexcept {
    if (count == most_ && most_ > 2) return most_ - 1;
    if (count == most_ - 1 && most_ > 3) return most_ / 2;
    return std::max<Index>(1, count / 2);
  }
  Index fewer() const noexcept { return below(count_); }
  Index more() const noexcept {
    Index count = most_;
    while (count > 1 && below(count) > count_) count = below(count);
    return count;
  }

  /// Trials of long runs are expensive, so they are rare.
  static double least_interval(double run) noexcept {
    return run > quiet_sample ? quiet_runs_per_trial * run : 0;
  }

  bool wants_trial() noexcept {
    if (most_ == 1) return false;
    const double run = sample_.wall / sample_.runs;
    if (interval_ == 0 && count_ == most_) interval_ = least_interval(run);
    const bool is_slowed = count_ > 1 && suspect_ >= suspicion;
    const double soon = compared_ ? std::max(first_interval, busy_runs_per_trial * run) : 0;
    if (since_trial_ < (is_slowed ? std::min(interval_, soon) : interval_)) return false;
    if (is_slowed || count_ == most_) up_ = false;
    if (count_ == 1) up_ = true;
    return true;
  }

  void end_trial() noexcept {
    compared_ = true;
    since_trial_ = suspect_ = 0;
    if (is_better()) {
      count_ = trial_;
      const bool is_last = count_ == (up_ ? most_ : 1);
      interval_ = is_last ? first_interval : 0;  // 0: continue at once in the same direction
    } else {
      interval_ = std::clamp(2 * interval_, first_interval, last_interval);
      up_ = !up_;
    }
    if (interval_ > 0) interval_ = std::max(interval_, least_interval(sample_.wall / sample_.runs));
    trial_ = 0;
    busy_ = sample_.is_busy();
  }

  /// Whether the number of the trial is faster than the settled number.
  bool is_better() const noexcept {
    const bool is_fewer = trial_ < count_;
    const double wall = sample_.mean() / settled_.mean();
    if (!settled_.is_busy() && !sample_.is_busy()) {
      // The fastest run shows what the machine can do, the mean what it does.
      const double least = sample_.least / settled_.least;
      return is_fewer ? least < 1 || (least < 1.03 && wall < 0.97) : least < 0.97 && wall < 1;
    }
    const double processor = static_cast<double>(trial_) * sample_.processor / sample_.work /
                             (static_cast<double>(count_) * settled_.processor / settled_.work);
    if (is_fewer) return wall < 1.1 || (wall < 1.3 && processor < 0.8);
    return wall < 0.8 && processor < 1.2;
  }

  Start start_;
  Index most_ = 1;
  Index count_ = 0;
  Index trial_ = 0;  ///< the number on trial; 0: none
  bool up_ = true;   ///< whether the next trial takes more threads
  bool warm_ = false;
  bool busy_ = false;
  bool compared_ = false;
  double began_ = 0;
  double interval_ = 0;
  double since_trial_ = 0;
  double suspect_ = 0;  ///< seconds of recent samples that shared their core
  Sample sample_;
  Sample settled_;
};

}  // namespace OCTAVO_NAMESPACE
