// SPDX-License-Identifier: MIT
// The processes that share a run, and what they agree on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <octavo/base/error.hpp>
#include <octavo/fwd.hpp>
#include <octavo/parallel/ranks.hpp>

#include "train_full/options.hpp"

namespace support {

/// The processes that share the run; null: this one alone.
octavo::Ranks* processes() noexcept;
void set_processes(octavo::Ranks* ranks);

/// Bytes of the program itself, with MPI if it is linked, beside what is planned.
std::size_t program_bytes() noexcept;
void set_library_bytes(std::size_t bytes) noexcept;

/// Whether this process writes the run's files and prints.
bool is_first_process() noexcept;

/// Calls of_first() on the first process; all get its result.
double agreed(const std::function<double()>& of_first);

/// Returns on the other processes when the first has come to the same place.
void wait_for_first();

/// Calls body(), which may write files, on the first process and then on all others.
template <typename Body>
auto first_before_others(Body body) {
  if (!is_first_process()) wait_for_first();
  auto result = body();
  if (is_first_process()) wait_for_first();
  return result;
}

/// Calls body(). If processes that share steps diverge, they do so at the same step: the others
/// wait until the first has said so and ends them.
template <typename Body>
int first_reports_divergence(const octavo::TrainingOptions& training, Body body) {
  try {
    return body();
  } catch (const octavo::Diverged&) {
    if (is_first_process() || training.diloco.on()) throw;
  }
  wait_for_first();
  return static_cast<int>(octavo::ErrorCode::diverged);
}

/// Measures, from its construction on, how long each process waits for the others and for messages:
/// a slow machine waits least.
class ProcessTimes {
 public:
  ProcessTimes();
  /// The times of all processes, which all call this after `steps` steps, as a line for the user.
  /// Empty if there are no other processes or steps.
  std::string operator()(octavo::Index steps);

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  double waited_;
};

/// Steps of this run of the program after which the times are shown for the first time.
inline constexpr octavo::Index steps_before_times = 10;
/// Not where processes take steps without each other.
inline bool times_are_due(const octavo::TrainingOptions& training, octavo::Index steps) {
  return !training.diloco.on() && steps == steps_before_times;
}

/// Deals a run to the processes: one leaf per sequence of a step, unless a number is given or
/// stored. ConfigError if their number does not fit.
void share(FullOptions& options, bool leaves_given);

/// Gives all processes the first one's choices of memory, which depend on its threads.
void agree_on_memory(octavo::TrainingOptions& training);

/// ConfigError unless all processes have equal `options`, `corpus` and checkpoints (null: none).
void require_equal_runs(const FullOptions& options, const octavo::Corpus& corpus,
                        const octavo::ResumedRun* resumed);

}  // namespace support
