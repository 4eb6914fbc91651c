// SPDX-License-Identifier: MIT
// Courses that are made up; tests/examples provokes each finding with a real run.
#include <algorithm>
#include <cmath>
#include <functional>

#include <doctest/doctest.h>

#include <octavo/report/diagnosis.hpp>

using octavo::diagnose;
using octavo::Finding;
using octavo::Index;
using octavo::RunHistory;

namespace {

constexpr octavo::ReferenceLosses shakespeare{4.190, 3.309, 2.452};

/// A run whose loss at each step is `loss` of the share of it that is done, with some noise.
RunHistory course(Index steps, const std::function<double(double)>& loss) {
  RunHistory history;
  for (Index step = 1; step <= steps; ++step) {
    const double noise = 0.1 * std::sin(static_cast<double>(step) * 2.4);
    const double share = static_cast<double>(step) / static_cast<double>(steps);
    history.add(octavo::HistoryPoint{step, 1, loss(share) + noise, 1e-3, 1, 0.001});
  }
  return history;
}

void check_finding(const RunHistory& history, Finding expected, std::string_view words) {
  const auto found = diagnose(history, shakespeare, history.steps_done());
  REQUIRE(found);
  CHECK(found->finding == expected);
  CHECK_MESSAGE(found->text.find(words) != std::string::npos, found->text);
}

}  // namespace

TEST_CASE("diagnosis: a run that learns is left in peace, at every moment") {
  for (const Index steps :
       {Index{10}, Index{60}, Index{100}, Index{300}, Index{1000}, Index{9000}}) {
    CAPTURE(steps);
    // Tiny Shakespeare's usual course: 4.2, 2.5 after a tenth, 1.5 in the end.
    const auto history =
        course(steps, [](double share) { return 1.4 + 2.8 * std::exp(-share * 12) - 0.2 * share; });
    const auto found = diagnose(history, shakespeare, history.steps_done());
    CHECK_MESSAGE(!found, found->text);
  }
}

TEST_CASE("diagnosis: nothing is said of a run that has only begun") {
  CHECK(!diagnose(RunHistory(), shakespeare, 100));
  const auto flat = [](Index done) { return course(done, [](double) { return 4.19; }); };
  CHECK(!diagnose(flat(59), shakespeare, 60));
  CHECK(diagnose(flat(60), shakespeare, 60));
  CHECK(!diagnose(flat(999), shakespeare, 10000));  // a tenth
  CHECK(diagnose(flat(1000), shakespeare, 10000));
}

TEST_CASE("diagnosis: stuck on a line") {
  const auto settle = [](double line) {
    return course(2000, [=](double share) { return line + 1.0 * std::exp(-share * 20); });
  };
  check_finding(settle(3.309), Finding::stuck_at_unigram, "stuck at 3.3");
  check_finding(settle(2.452), Finding::stuck_at_bigram, "stuck at 2.4");
  CHECK(!diagnose(settle(2.9), shakespeare, 2000));
  CHECK(!diagnose(settle(3.309), {4.190, {}, {}}, 2000));
  // On its way through the line it is not stuck.
  CHECK(!diagnose(course(2000, [](double share) { return 4.1 - 0.8 * share; }), shakespeare, 2000));
  // Nor where it rests before a third of the run is over.
  CHECK(!diagnose(settle(2.452), shakespeare, 6001));
  CHECK(diagnose(settle(2.452), shakespeare, 6000));
  // Nor while it falls by half a percent in the last three tenths, or validation does.
  CHECK(
      !diagnose(course(3000, [](double share) { return 2.49 - 0.08 * share; }), shakespeare, 3000));
  // Nor where it rises through the line, by 3% in the last three tenths.
  const auto rise = [](double share) {
    return 2.452 * (0.985 + 0.15 * std::max(0.0, share - 0.8));
  };
  CHECK(!diagnose(course(2000, rise), shakespeare, 2000));
  auto history = settle(2.452);
  history.add(octavo::EvaluationPoint{1400, 2.45, 2.50});
  history.add(octavo::EvaluationPoint{2000, 2.45, 2.49});
  CHECK(diagnose(history, shakespeare, 2000));
  history.add(octavo::EvaluationPoint{2000, 2.45, 2.48});
  CHECK(!diagnose(history, shakespeare, 2000));
}

TEST_CASE("diagnosis: diverging") {
  check_finding(course(1000, [](double share) { return 2.0 + 2.0 * share * share; }),
                Finding::diverging, "diverging: the loss is 3.");
  check_finding(course(1000, [](double) { return 9.0; }), Finding::diverging,
                "blind guessing has 4.190");
  // The whole run is looked at, its first tenth too.
  check_finding(course(1000, [](double share) { return share <= 0.1 ? 2.0 : 2.7; }),
                Finding::diverging, "it was 2.0");
  // A bump that is being left again is none.
  CHECK(!diagnose(course(1000, [](double share) { return share < 0.6 ? 1.5 : 4.5 - 2.5 * share; }),
                  shakespeare, 1000));
}

TEST_CASE("diagnosis: a learning rate that is too small to move") {
  check_finding(course(1000, [](double share) { return 4.2 - 0.02 * share; }),
                Finding::hardly_moving, "learning rate ten times higher");
}

TEST_CASE("diagnosis: overfitting") {
  auto history = course(3000, [](double share) { return 2.2 - 1.5 * share; });
  const auto evaluate = [&](Index step, double training, double validation) {
    history.add(octavo::EvaluationPoint{step, training, validation});
  };
  evaluate(500, 2.0, 1.9);
  evaluate(1000, 1.7, 1.7);
  CHECK(!diagnose(history, shakespeare, history.steps_done()));
  evaluate(1500, 1.45, 1.80);
  CHECK(!diagnose(history, shakespeare, 3000));  // once may be chance
  SUBCASE("not if the one before the last was as good as the best") {
    evaluate(2000, 1.4, 1.71);
    evaluate(2500, 1.2, 1.95);
    CHECK(!diagnose(history, shakespeare, 3000));
    return;
  }
  evaluate(2000, 1.2, 1.95);
  check_finding(history, Finding::overfitting,
                "overfitting since step 1000: validation rose from 1.700 to 1.950 while training "
                "fell from 1.700 to 1.200");
  SUBCASE("not if validation improves again") {
    evaluate(2500, 1.1, 1.65);
    CHECK(!diagnose(history, shakespeare, history.steps_done()));
  }
  SUBCASE("not if training got worse as well") {
    evaluate(2500, 1.8, 1.99);
    CHECK(!diagnose(history, shakespeare, history.steps_done()));
  }
}
