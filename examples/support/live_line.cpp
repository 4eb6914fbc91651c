// SPDX-License-Identifier: MIT
#include "support/live_line.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include "support/program.hpp"

namespace support {

void LiveLine::show(std::string_view purpose, std::size_t done, std::size_t all) {
  if (purpose != purpose_) {
    purpose_ = purpose;
    start_ = Clock::now();
  }
  if (done == all) erase();
  if (done == all || !is_time_to_draw()) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto speed = static_cast<std::size_t>(static_cast<double>(done) / std::max(seconds, 1e-3));
  std::printf("\r\x1b[K%s: %.0f%% of %s, %s/s", purpose_.c_str(),
              100 * static_cast<double>(done) / static_cast<double>(all),
              octavo::readable_bytes(all).c_str(), octavo::readable_bytes(speed).c_str());
  std::fflush(stdout);
}

void LiveLine::show(const std::string& text) {
  if (!is_time_to_draw()) return;
  std::printf("\r\x1b[K%s", text.c_str());
  std::fflush(stdout);
}

bool LiveLine::is_time_to_draw() {
  const auto now = Clock::now();
  if (::isatty(STDOUT_FILENO) != 1 || now - last_drawn_ < std::chrono::milliseconds(100)) {
    return false;
  }
  last_drawn_ = now;
  return drawn_ = true;
}

void LiveLine::erase() {
  if (std::exchange(drawn_, false)) print("\r\x1b[K");
}

}  // namespace support
