// SPDX-License-Identifier: MIT
#include "support/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include "support/program.hpp"

namespace support {

std::string clock_time(double seconds) {
  const auto whole = static_cast<long long>(std::max(0.0, seconds) + 0.5);
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof(text), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else {
    std::snprintf(text, sizeof(text), "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

Progress::Progress(octavo::Index steps, octavo::Index tokens_per_step, octavo::Index every)
    : steps_(steps),
      tokens_per_step_(tokens_per_step),
      every_(every),
      terminal_(::isatty(STDOUT_FILENO) == 1) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double Progress::recent_loss() const {
  const octavo::Index count = std::min<octavo::Index>(done_, 100);
  double total = 0;
  for (octavo::Index i = 0; i < count; ++i) total += recent_[i];
  return count == 0 ? 0 : total / static_cast<double>(count);
}

std::string Progress::line(const octavo::StepResult& result) const {
  const double elapsed = seconds();
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  char text[200];
  std::snprintf(
      text, sizeof(text), "step %6td/%td  loss %.4f  lr %.2e  %8.0f tokens/s  %s  %s left",
      result.step + 1, steps_, recent_loss(), result.learning_rate,
      rate * static_cast<double>(tokens_per_step_),
      octavo::readable_bytes(octavo::process_memory().resident_bytes).c_str(),
      clock_time(rate > 0 ? static_cast<double>(steps_ - result.step - 1) / rate : 0).c_str());
  return text;
}

void Progress::step(const octavo::StepResult& result) {
  recent_[done_++ % 100] = result.loss;
  const bool last = result.step + 1 == steps_;
  if (terminal_) {
    const auto now = std::chrono::steady_clock::now();
    if (!last && now - last_shown_ < std::chrono::milliseconds(200)) return;
    last_shown_ = now;
    print("\r\x1b[K" + line(result));
    std::fflush(stdout);
    open_ = true;
  } else if (last || (every_ > 0 && (result.step + 1) % every_ == 0)) {
    print(line(result) + "\n");
    std::fflush(stdout);
    release_idle_memory();
  }
}

void Progress::say(const std::string& text) {
  finish();
  print(text + "\n");
  std::fflush(stdout);
}

void Progress::finish() {
  if (open_) print("\n");
  open_ = false;
}

}  // namespace support
