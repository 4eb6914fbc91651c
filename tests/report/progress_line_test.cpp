// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/progress_line.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::Index;
using octavo::RunProgress;

namespace {

constexpr RunProgress halfway{4500, 10000, 1.5432, 1.6123, 123456, 83, 9.6e6};

std::string line(const RunProgress& run, Index width) {
  return std::string(progress_line(run, {width, false, false}).view());
}

/// The text as a terminal shows it.
std::string without_escapes(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = text.find('m', at);
    } else {
      shown += text[at];
    }
  }
  return shown;
}

}  // namespace

TEST_CASE("progress line: what is shown at which width") {
  CHECK(line(halfway, 4) == "");
  CHECK(line(halfway, 5) == " 45%");
  CHECK(line(halfway, 20) == " 45%  loss 1.543");
  CHECK(line(halfway, 28) == " 45%  loss 1.543  1:23 left");
  CHECK(line(halfway, 46) == " 45% ##---  4500/10000  loss 1.543  1:23 left");
  CHECK(line(halfway, 51) == " 45%  4500/10000  loss 1.543  val 1.612  1:23 left");
  CHECK(line(halfway, 80) ==
        " 45% ##----  4500/10000  loss 1.543  val 1.612  123.5k tok/s  1:23 left  9.6 MB");
  CHECK(line(halfway, 200) ==
        " 45% #############-----------------  4500/10000  loss 1.543  "
        "val 1.612  123.5k tok/s  1:23 left  9.6 MB");
}

TEST_CASE("progress line: bits per character come last, beside the losses") {
  RunProgress run = halfway;
  run.bits_per_character = 2.326;
  CHECK(line(run, 80) == line(halfway, 80));
  CHECK(line(run, 100) ==
        " 45% ####-----  4500/10000  loss 1.543  val 1.612  2.326 bits/char  123.5k tok/s  "
        "1:23 left  9.6 MB");
}

TEST_CASE("progress line: at every width it fits, in plain letters or not") {
  for (Index width = 0; width <= 200; ++width) {
    CAPTURE(width);
    const std::string plain = line(halfway, width);
    CHECK(static_cast<Index>(plain.size()) <= std::max<Index>(width - 1, 0));
    const auto rich = progress_line(halfway, {width, true, true});
    CHECK(rich.columns() == static_cast<Index>(plain.size()));
    const std::string_view last =
        rich.view().substr(std::min(rich.view().rfind('\x1b'), rich.view().size()));
    if (width >= 5) CHECK(last.starts_with("\x1b[0m"));
    const auto unicode = progress_line(halfway, {width, false, true});
    CHECK(without_escapes(rich.view()) == unicode.view());
    for (const char symbol : plain) {
      CHECK(symbol >= ' ');
      CHECK(symbol < 127);
    }
  }
}

TEST_CASE("progress line: the bar grows by eighths of a column") {
  RunProgress run = halfway;
  std::string before;
  int changes = 0;
  for (run.step = 0; run.step <= run.steps; run.step += 10) {
    const auto drawn = progress_line(run, {200, false, true});
    const std::string text(drawn.view());
    const std::string bar = text.substr(5, text.find("  ", 5) - 5);
    changes += bar != before;
    before = bar;
  }
  CHECK(changes == 30 * 8 + 1);
  CHECK(before.find("░") == std::string::npos);
}

TEST_CASE("progress line: numbers of every size") {
  RunProgress run{};
  CHECK(line(run, 80).find("  0%") == 0);
  run = {1, 1, 1e30, 12345.678, 5e9, 1e300, 5e15};
  CHECK(line(run, 120) ==
        "100% ##############################  1/1  loss 1e+30  val 1.2e+04  5000.00M tok/s"
        "  ? left  5000000.00 GB");
  run = {999'999'999, 1'000'000'000, 0.01234, std::nan(""), 0, 400'000, 0};
  CHECK(line(run, 80) ==
        " 99% #############-  999999999/1000000000  loss 0.01234  0 tok/s  4 d 15 h left");
}

TEST_CASE("progress line: it makes no heap call") {
  const octavo_test::HeapGuard guard;
  const auto drawn = progress_line(halfway, {120, true, true});
  const auto allocations = guard.allocations();
  CHECK(drawn.columns() > 80);
  CHECK(allocations == 0);
}
