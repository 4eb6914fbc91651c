// SPDX-License-Identifier: MIT
// What a host program has set as its locale changes no number that Octavo writes.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/report/loss_curve.hpp>
#include <octavo/report/memory_drawing.hpp>
#include <octavo/report/memory_report.hpp>
#include <octavo/report/page.hpp>
#include <octavo/report/progress_line.hpp>
#include <octavo/testing/gradient_check.hpp>

#include "comma_locale.hpp"
#include "report/example_run.hpp"

using octavo::Index;

namespace {

/// A run of each kind that has something to be said against it.
std::vector<octavo::RunHistory> bad_runs() {
  std::vector<octavo::RunHistory> runs(4);
  for (Index step = 1; step <= 400; ++step) {
    const double done = static_cast<double>(step) / 400;
    const double losses[] = {1.5 + 3 * done, 3.3123, 2.4512, 4.181 - 0.001 * done};
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i].add(octavo::HistoryPoint{step, 1, losses[i], 1e-3, 0.5, 0.001});
    }
  }
  return runs;
}

std::string everything() {
  ExampleRun example(2000);
  example.run.tokens_per_second = 12'345;
  std::string all;
  octavo::write_report(example.run, example.history, [&](std::string_view piece) { all += piece; });
  for (const octavo::RunHistory& run : bad_runs()) {
    const auto found = octavo::diagnose(run, {4.19, 3.31, 2.45}, run.steps_done());
    REQUIRE(found);
    all += found->text + '\n';
  }
  for (const double size : {1.5e-5, 0.0123, 1.5, 12.25, 5678.5, 1.5e7}) {
    all += octavo::progress_line({450, 1000, size, size, 1e4 * size, size, 1e6 * size},
                                 {200, false, false})
               .view();
    all += octavo::readable_bytes(octavo::parse_bytes("1234567.5")) + '\n';
  }
  octavo::draw_loss_curve(example.history, {4.2, 3.3, 2.3}, {120, false, false}, 8,
                          [&](std::string_view line) { all += line; });
  all += memory_table(example.plan) + memory_by_phase(example.plan, ExampleRun::phases);
  all += octavo::testing::GradientCheckResult{{{"w", 0.25, 0.125}}, ""}.failures();
  return all;
}

}  // namespace

TEST_CASE("a decimal comma in the host's locale is in nothing that is written") {
  const std::string expected = everything();
  const octavo_test::CommaLocale comma;
  if (comma) CHECK(everything() == expected);
}
