// SPDX-License-Identifier: MIT
// The display of a run.
#pragma once

#include <chrono>
#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>
#include <octavo/runs.hpp>

namespace support {

/// Shows a run's log. On a terminal, while the run is in the foreground, also a live line, and
/// above it the loss curve after the first evaluation; elsewhere one line every `every` steps or
/// half minute.
class Progress {
 public:
  /// `every`: steps from one line to the next if the output is not a terminal; 0: the last line
  /// only.
  Progress(const octavo::RunReport& page, const octavo::RunLogOptions& options,
           octavo::Index every = 100);

  octavo::RunLog& log() noexcept { return log_; }
  /// Prints a line above the live line.
  octavo::RunCallbacks callbacks();
  /// Call after each step, when the log has it.
  void step(const octavo::StepResult& result);
  /// Prints a separate line, independent of the live line.
  void say(const std::string& line);
  /// Ends the live line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  std::string log_line(const octavo::StepResult& result) const;
  void erase();
  void draw();

  bool terminal_;
  octavo::RunLog log_;
  octavo::Index every_;
  octavo::Index lines_ = 0;  ///< lines on the terminal that the next drawing replaces
  octavo::Index width_ = 0;  ///< width of the terminal when they were drawn
  Clock::time_point last_drawn_ = Clock::now();  ///< or printed, off a terminal
};

}  // namespace support
