// SPDX-License-Identifier: MIT
// What a terminal shows while a text is read.
#pragma once

#include <chrono>
#include <string>

#include <octavo/runs.hpp>

namespace support {

/// On a terminal a line that says how far a text has been read, and is rewritten; gone when this
/// goes. A signal that was caught ends the reading.
class ReadingLine {
 public:
  ReadingLine() = default;
  ReadingLine(const ReadingLine&) = delete;
  ReadingLine& operator=(const ReadingLine&) = delete;
  ~ReadingLine() { erase(); }

  /// For the reader of the text. This object must outlive it.
  octavo::RunCallbacks callbacks();

 private:
  using Clock = std::chrono::steady_clock;

  void read(std::string_view purpose, std::size_t done, std::size_t all);
  bool is_time_to_draw();
  void erase();

  std::string_view purpose_;
  Clock::time_point start_ = Clock::now();  ///< of what the text is read for
  Clock::time_point last_drawn_ = start_;
  bool drawn_ = false;
};

}  // namespace support
