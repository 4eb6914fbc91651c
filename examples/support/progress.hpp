// SPDX-License-Identifier: MIT
// The line that tells how far a run has come.
#pragma once

#include <chrono>
#include <string>

#include <octavo/octavo.hpp>

namespace support {

/// On a terminal one line that is rewritten, elsewhere one line every `every` steps.
class Progress {
 public:
  /// `steps` in all.
  Progress(octavo::Index steps, octavo::Index tokens_per_step, octavo::Index every);

  /// After each step.
  void step(const octavo::StepResult& result);
  /// Prints a line of its own, whatever is being rewritten.
  void say(const std::string& line);
  /// Ends the line being rewritten.
  void finish();

  /// Mean loss of the last (at most) 100 steps.
  double recent_loss() const;
  double seconds() const;

 private:
  std::string line(const octavo::StepResult& result) const;

  octavo::Index steps_;
  octavo::Index tokens_per_step_;
  octavo::Index every_;
  bool terminal_;
  bool open_ = false;
  octavo::Index done_ = 0;
  double recent_[100] = {};
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_ = start_;
};

/// "0:07", "12:05", "3:20:11".
std::string clock_time(double seconds);

}  // namespace support
