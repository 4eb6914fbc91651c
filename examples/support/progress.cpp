// SPDX-License-Identifier: MIT
#include "support/progress.hpp"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/program.hpp"

namespace support {
namespace {

constexpr octavo::Index curve_rows = 7;
/// The longest time between two lines if the output is not a terminal.
constexpr std::chrono::seconds longest_silence(30);

/// The run was stopped by Ctrl-Z and continues: other programs have written to the terminal.
volatile std::sig_atomic_t was_stopped = 0;

void watch_stops() {
  struct sigaction action {};
  action.sa_handler = [](int) { was_stopped = 1; };
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGCONT, &action, nullptr);
}

/// Whether the run is in the foreground, so that it does not overwrite another program's output. A
/// terminal that does not control the run has no foreground.
bool in_foreground() {
  const pid_t group = ::tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == ::getpgrp();
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return value.find("utf-8") != value.npos || value.find("utf8") != value.npos;
  }
  return false;
}

/// Columns and rows of the terminal; 80 x 24 if it does not report them.
winsize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {24, 80, 0, 0};
  return size;
}

/// The capabilities of standard output: its width, colours unless NO_COLOR is set, UTF-8 if the
/// locale has it.
octavo::TerminalStyle terminal_style() {
  return {terminal_size().ws_col, variable("NO_COLOR").empty(), locale_is_utf8()};
}

}  // namespace

Progress::Progress(const octavo::RunReport& page, const octavo::RunLogOptions& options,
                   octavo::Index every)
    : terminal_(::isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb"),
      log_(page, options, callbacks()),
      every_(every) {
  if (terminal_) watch_stops();
  release_idle_memory();  // the description of the run is not needed any more
}

octavo::RunCallbacks Progress::callbacks() {
  return run_callbacks([this](const std::string& line) { say(line); });
}

void Progress::step(const octavo::StepResult& result) {
  const auto time = Clock::now();
  const octavo::Index done = result.step + 1;
  const bool last = done == log_.steps();
  if (terminal_) {
    if (!last && time - last_drawn_ < std::chrono::milliseconds(200)) return;
    last_drawn_ = time;
    if (was_stopped != 0) was_stopped = 0, lines_ = 0;
    if (!in_foreground()) {
      lines_ = 0;
      return;
    }
    if (lines_ == 0 || width_ != terminal_size().ws_col) return draw();
    print("\r\x1b[K");
    print(progress_line(log_.now(), terminal_style()).view());
    std::fflush(stdout);
  } else if (last ||
             (every_ > 0 && (done % every_ == 0 || time - last_drawn_ >= longest_silence))) {
    last_drawn_ = time;
    release_idle_memory();  // training code is not needed while printing, nor printing code while
                            // training
    print(log_line(result) + "\n");
    std::fflush(stdout);
    release_idle_memory();
  }
}

std::string Progress::log_line(const octavo::StepResult& result) const {
  const octavo::RunProgress run = log_.now();
  char text[200];
  std::snprintf(text, sizeof(text),
                "step %6td/%td  loss %.4f%s  lr %.2e  %8.0f tokens/s  %s  %s left", run.step,
                run.steps, run.loss, log_.bits_text(run.loss).c_str(), result.learning_rate,
                run.tokens_per_second,
                octavo::readable_bytes(octavo::process_memory().resident_bytes).c_str(),
                std::string(octavo::clock_time(run.seconds_left)).c_str());
  return text;
}

/// Moves to the start of the drawing, unless the terminal was resized: lines may then be wrapped,
/// and the next drawing is put below.
void Progress::erase() {
  if (lines_ == 0) return;
  if (width_ != terminal_size().ws_col) {
    print("\n");
  } else if (lines_ == 1) {
    print("\r\x1b[J");
  } else {
    char up[32];
    std::snprintf(up, sizeof(up), "\r\x1b[%tdA\x1b[J", lines_ - 1);
    print(up);
  }
  lines_ = 0;
}

void Progress::draw() {
  erase();
  const octavo::TerminalStyle style = terminal_style();
  if (!log_.history().evaluations().empty() && terminal_size().ws_row > curve_rows + 4) {
    draw_loss_curve(log_.history(), log_.references(), style, curve_rows,
                    [&](std::string_view line) {
                      print(line);
                      print("\n");
                      ++lines_;
                    });
  }
  print(progress_line(log_.now(), style).view());
  ++lines_;
  width_ = style.width;
  std::fflush(stdout);
}

void Progress::say(const std::string& text) {
  if (terminal_ && (was_stopped != 0 || !in_foreground())) was_stopped = 0, lines_ = 0;
  const bool drawn = lines_ > 0;
  erase();
  print(text + "\n");
  if (drawn) draw();
  std::fflush(stdout);
}

void Progress::finish() {
  if (lines_ > 0) print("\n");
  lines_ = 0;
}

}  // namespace support
