// SPDX-License-Identifier: MIT
// What a run shows while it trains.
#pragma once

#include <chrono>
#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>
#include <octavo/runs.hpp>

namespace support {

/// A run's log, and on a terminal a line that is rewritten, below the loss so far once there was an
/// evaluation, as long as the run is in its foreground; elsewhere one line every `every` steps, or
/// half a minute.
class Progress {
 public:
  /// `every`: steps from one line to the next if the output is not a terminal; 0: the last line
  /// only.
  Progress(const octavo::RunReport& page, const octavo::RunLogOptions& options,
           octavo::Index every = 100);

  octavo::RunLog& log() noexcept { return log_; }
  /// For what is said while the line is there.
  octavo::RunCallbacks callbacks();
  /// After each step, which the log knows.
  void step(const octavo::StepResult& result);
  /// Prints a line of its own, whatever is being rewritten.
  void say(const std::string& line);
  /// Leaves the line being rewritten.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  std::string log_line(const octavo::StepResult& result) const;
  void erase();
  void draw();

  bool terminal_;
  octavo::RunLog log_;
  octavo::Index every_;
  octavo::Index lines_ = 0;                      ///< on the terminal that the next drawing replaces
  octavo::Index width_ = 0;                      ///< of the terminal when they were drawn
  Clock::time_point last_drawn_ = Clock::now();  ///< or printed, off a terminal
};

}  // namespace support
