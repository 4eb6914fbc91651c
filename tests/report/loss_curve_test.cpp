// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/loss_curve.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;
using octavo::TerminalStyle;

namespace {

/// Falls from 4 to 1 in `steps` steps, with validation half-way and at the end.
RunHistory falling(Index steps) {
  RunHistory history;
  for (Index step = 1; step <= steps; ++step) {
    const double share = static_cast<double>(step - 1) / static_cast<double>(steps - 1);
    history.add(HistoryPoint{step, 1, 4 - 3 * share, 1e-3, 1, 0.001});
  }
  history.add(octavo::EvaluationPoint{steps / 2, 2.5, 3.9});
  history.add(octavo::EvaluationPoint{steps, 1, 1.2});
  return history;
}

std::string drawn(const RunHistory& history, const TerminalStyle& style, Index height = 4,
                  const octavo::ReferenceLosses& lines = {4.2, 3.3, 2.3}) {
  std::string text;
  draw_loss_curve(history, lines, style, height,
                  [&](std::string_view line) { text.append(line).append("\n"); });
  return text;
}

}  // namespace

TEST_CASE("loss curve: in plain letters") {
  CHECK(drawn(falling(100), {30, false, false}) ==
        "  4.000 |*****....o.. unigram\n"
        "        |     *****          \n"
        "        |..........*** bigram\n"
        "  1.000 |               ****o\n"
        "        +----------- step 100\n");
}

TEST_CASE("loss curve: the names of lines are whole, beside the curve where there is room") {
  RunHistory resting;  // on one line, after the other
  for (Index step = 1; step <= 300; ++step) {
    const double wave = 0.15 * std::sin(static_cast<double>(step));
    resting.add(HistoryPoint{step, 1, (step < 150 ? 3.3 : 2.3) + wave, 1e-3, 1, 0.001});
  }
  for (const Index width : {30, 57, 58, 80, 200}) {
    for (const bool unicode : {false, true}) {
      CAPTURE(width);
      const std::string text = drawn(resting, {width, false, unicode}, 8, {4.2, 3.3, 2.3});
      CHECK(text.find(" unigram\n") != text.npos);
      const bool beside = width >= 58;
      CHECK(text.find(beside ? " bigram \n" : " bigram\n") != text.npos);
    }
  }
}

TEST_CASE("loss curve: in braille, with colours") {
  const std::string plain = drawn(falling(100), {30, false, true});
  CHECK(plain.find("⠉") != std::string::npos);
  CHECK(plain.find("●") != std::string::npos);
  CHECK(plain.find("\x1b") == std::string::npos);
  const std::string coloured = drawn(falling(100), {30, true, true});
  CHECK(coloured.find("\x1b[0;36m") != std::string::npos);
  CHECK(coloured.find("\x1b[0;33m●") != std::string::npos);
  for (std::size_t end = coloured.find('\n'); end != coloured.npos;
       end = coloured.find('\n', end + 1)) {
    const std::size_t last = coloured.rfind('\x1b', end);
    CHECK(coloured.substr(last, 4) == "\x1b[0m");
  }
}

TEST_CASE("loss curve: at every width each line fits, and all are equally long") {
  const RunHistory history = falling(3000);
  for (Index width = 0; width <= 200; ++width) {
    for (const bool unicode : {false, true}) {
      CAPTURE(width);
      Index lines = 0, columns = 0;
      draw_loss_curve(history, {4.2, 3.3, 2.3}, {width, false, unicode}, 6,
                      [&](std::string_view line) {
                        octavo::TerminalText text({width, false, unicode});
                        text.add(line);
                        if (lines++ == 0) columns = text.columns();
                        CHECK(text.columns() == columns);
                        CHECK(text.columns() < width);
                      });
      CHECK(lines == (width < 26 ? 0 : 7));
    }
  }
}

TEST_CASE("loss curve: a run that is only beginning, a flat one, and one with an absurd loss") {
  RunHistory history;
  CHECK(drawn(history, {80, false, false}).empty());
  history.add(HistoryPoint{1, 1, 2.0, 0, 0, 0});
  CHECK(drawn(history, {80, false, false}).empty());
  history.add(HistoryPoint{2, 1, 2.0, 0, 0, 0});
  CHECK(drawn(history, {30, false, false}, 2, {}) ==
        "  2.001 |                    \n"
        "  2.000 |***********         \n"
        "        +------------- step 2\n");
  history.add(HistoryPoint{3, 1, 1e300, 0, 0, 0});
  CHECK(drawn(history, {30, false, false}, 2, {}).find("1e+300 |") != std::string::npos);
}

TEST_CASE("loss curve: it makes no heap call") {
  const RunHistory history = falling(3000);
  std::size_t bytes = 0;
  const octavo_test::HeapGuard guard;
  draw_loss_curve(history, {4.2, 3.3, 2.3}, {120, true, true}, 8,
                  [&](std::string_view line) { bytes += line.size(); });
  const auto allocations = guard.allocations();
  CHECK(bytes > 1000);
  CHECK(allocations == 0);
}
