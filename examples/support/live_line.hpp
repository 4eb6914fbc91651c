// SPDX-License-Identifier: MIT
// Progress of work on many bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace support {

/// On a terminal, a line with the progress of some work; the destructor removes the line.
class LiveLine {
 public:
  LiveLine() = default;
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine() { erase(); }

  /// Shows "purpose: 40% of 1 GB, 200 MB/s", at most ten times a second. A new purpose begins anew.
  void show(std::string_view purpose, std::size_t done, std::size_t all);
  /// As above, with a text of the caller's.
  void show(const std::string& text);
  void erase();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_time_to_draw();

  std::string purpose_;
  Clock::time_point start_ = Clock::now();  ///< start of the current purpose
  Clock::time_point last_drawn_ = start_;
  bool drawn_ = false;
};

}  // namespace support
