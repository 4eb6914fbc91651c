// SPDX-License-Identifier: MIT
#include <cmath>

#include <doctest/doctest.h>

#include <octavo/report/run_history.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;

namespace {

/// Step number `step` (counted from 1), whose loss is its number.
HistoryPoint numbered(Index step) {
  const double x = static_cast<double>(step);
  return {step, 1, x, 2 * x, 3 * x, 0.5};
}

}  // namespace

TEST_CASE("run history: few steps are kept one by one") {
  RunHistory history(8);
  CHECK(std::isnan(history.recent_loss()));
  CHECK(history.steps_done() == 0);
  for (Index step = 1; step <= 8; ++step) history.add(numbered(step));
  REQUIRE(history.points().size() == 8);
  CHECK(history.points()[6].step == 7);
  CHECK(history.points()[6].loss == 7);
  CHECK(history.points()[6].learning_rate == 14);
  CHECK(history.points()[6].gradient_norm == 21);
  CHECK(history.points()[6].seconds == 0.5);
  CHECK(history.recent_loss() == 4.5);
}

TEST_CASE("run history: of many steps every point is the mean of equally many, none is lost") {
  for (const Index steps : {Index{9}, Index{10}, Index{16}, Index{17}, Index{1000}, Index{4097}}) {
    CAPTURE(steps);
    RunHistory history(8);
    for (Index step = 1; step <= steps; ++step) history.add(numbered(step));
    CHECK(history.steps_done() == steps);
    CHECK(history.points().size() >= 4);
    CHECK(history.points().size() <= 8);
    const Index stride = history.points()[0].steps;
    Index end = 0;
    for (const HistoryPoint& point : history.points()) {
      CHECK(point.steps == stride);
      CHECK(point.step == end + stride);
      const double middle = static_cast<double>(end) + static_cast<double>(stride + 1) / 2;
      CHECK(point.loss == doctest::Approx(middle));
      CHECK(point.gradient_norm == doctest::Approx(3 * middle));
      CHECK(point.seconds == doctest::Approx(0.5 * static_cast<double>(stride)));
      end = point.step;
    }
    CHECK(steps - end < stride);
  }
}

TEST_CASE("run history: the mean over a stretch takes whole points, weighted by their steps") {
  RunHistory history(8);
  history.add(HistoryPoint{10, 10, 4.0, 0, 0, 1});
  history.add(HistoryPoint{11, 1, 1.0, 0, 0, 1});
  history.add(HistoryPoint{12, 1, 2.0, 0, 0, 1});
  CHECK(history.mean_loss(0, 12) == doctest::Approx(43.0 / 12));
  CHECK(history.mean_loss(10, 12) == 1.5);
  CHECK(history.mean_loss(9, 11) == 1.0);
  CHECK(std::isnan(history.mean_loss(12, 20)));
}

TEST_CASE("run history: the recent loss is that of a hundred steps") {
  RunHistory history;
  for (Index step = 1; step <= 1000; ++step) history.add(numbered(step));
  CHECK(history.recent_loss() == 950.5);
  history.add(HistoryPoint{5000, 4000, 7.0, 0, 0, 1});
  CHECK(history.recent_loss() == 7);
}

TEST_CASE("run history: going back forgets what came later") {
  RunHistory history(8);
  for (Index step = 1; step <= 7; ++step) history.add(numbered(step));
  history.add(octavo::EvaluationPoint{4, 4, 5});
  history.add(octavo::EvaluationPoint{7, 7, 8});
  history.rewind(4);
  CHECK(history.points().size() == 4);
  CHECK(history.steps_done() == 4);
  CHECK(history.evaluations().size() == 1);
  CHECK(std::isnan(history.recent_loss()));
  history.add(numbered(5));
  CHECK(history.recent_loss() == 5);
}

TEST_CASE("run history: of many evaluations every second one stays, the last among them") {
  RunHistory history(4);
  for (Index step = 1; step <= 9; ++step) {
    history.add(octavo::EvaluationPoint{step, 0, static_cast<double>(step)});
  }
  REQUIRE(history.evaluations().size() >= 2);
  CHECK(history.evaluations().back().step == 9);
  CHECK(history.evaluations().size() <= 4);
}

TEST_CASE("run history: steps make no heap call") {
  RunHistory history(8);
  const octavo_test::HeapGuard guard;
  for (Index step = 1; step <= 1000; ++step) {
    history.add(numbered(step));
    history.add(octavo::EvaluationPoint{step, 1, 2});
  }
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
}

TEST_CASE("run history: a capacity that cannot be halved is refused") {
  CHECK_THROWS_AS(RunHistory(7), octavo::ConfigError);
  CHECK_THROWS_AS(RunHistory(0), octavo::ConfigError);
}
