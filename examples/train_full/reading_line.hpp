// SPDX-License-Identifier: MIT
// Progress display while a text is read.
#pragma once

#include <chrono>
#include <string>

#include <octavo/runs.hpp>

namespace support {

/// On a terminal, a line with the progress of reading a text; the destructor removes the line. A
/// caught signal ends the reading.
class ReadingLine {
 public:
  ReadingLine() = default;
  ReadingLine(const ReadingLine&) = delete;
  ReadingLine& operator=(const ReadingLine&) = delete;
  ~ReadingLine() { erase(); }

  /// The callback for the reader of the text, which this object must outlive.
  octavo::RunCallbacks callbacks();

 private:
  using Clock = std::chrono::steady_clock;

  void read(std::string_view purpose, std::size_t done, std::size_t all);
  bool is_time_to_draw();
  void erase();

  std::string_view purpose_;
  Clock::time_point start_ = Clock::now();  ///< start of the current purpose of reading
  Clock::time_point last_drawn_ = start_;
  bool drawn_ = false;
};

}  // namespace support
