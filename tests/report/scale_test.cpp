// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/report/scale.hpp>

using octavo::ReportScale;

namespace {

std::string labels(const ReportScale& scale) {
  std::string text;
  for (const double tick : scale.ticks()) text += scale.label(tick) + " ";
  return text;
}

/// What holds for every axis: a few ticks that rise, on both ends, at equal distances.
void check_axis(const ReportScale& scale, double low, double high) {
  CAPTURE(low);
  CAPTURE(high);
  const auto ticks = scale.ticks();
  REQUIRE(ticks.size() >= 2);
  CHECK(ticks.size() <= static_cast<std::size_t>(ReportScale::most_ticks));
  CHECK(scale.low() < scale.high());
  const double little = 1e-8 * std::max(std::abs(low), std::abs(high));
  CHECK(scale.low() <= low + little);
  CHECK(scale.high() >= high - little);
  CHECK(scale.share(scale.low()) == 0);
  CHECK(scale.share(scale.high()) == 1);
  const double gap = scale.share(ticks[1]);
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    CHECK(ticks[i] > ticks[i - 1]);
    CHECK(scale.share(ticks[i]) - scale.share(ticks[i - 1]) == doctest::Approx(gap).epsilon(1e-6));
    CHECK(scale.label(ticks[i]) != scale.label(ticks[i - 1]));
    CHECK(scale.label(ticks[i]).size() <= 9);
  }
}

}  // namespace

TEST_CASE("report scale: round numbers of few digits") {
  CHECK(labels(ReportScale(1.52, 4.21)) == "1 2 3 4 5 ");
  CHECK(labels(ReportScale(0, 1)) == "0 0.2 0.4 0.6 0.8 1.0 ");
  CHECK(labels(ReportScale(0, 1e-3)) == "0 0.2e-3 0.4e-3 0.6e-3 0.8e-3 1.0e-3 ");
  CHECK(labels(ReportScale(0, 9e-5)) == "0 0.2e-4 0.4e-4 0.6e-4 0.8e-4 1.0e-4 ");
  CHECK(labels(ReportScale(0, 23'456)) == "0 5k 10k 15k 20k 25k ");
  CHECK(labels(ReportScale(0, 2.6e6)) == "0 1M 2M 3M ");
  CHECK(labels(ReportScale(-2, 3)) == "-2 -1 0 1 2 3 ");
  CHECK(labels(ReportScale(0.01, 300)) == "0.01 0.1 1 10 100 1000 ");
  CHECK(labels(ReportScale(1e-7, 1e-2)) == "1e-7 1e-6 1e-5 1e-4 1e-3 1e-2 ");
}

TEST_CASE("report scale: any two ends make an axis") {
  const double sizes[] = {1e-29, 1e-12, 3e-7, 1e-3,   0.5, 1,   1.0000001,
                          7,     999,   1e4,  123456, 1e9, 9e29};
  for (const double a : sizes) {
    for (const double b : sizes) {
      if (a > b) continue;
      check_axis(ReportScale(a, b), a, b);
      check_axis(ReportScale(-b, -a), -b, -a);
      check_axis(ReportScale(-a, b), -a, b);
      check_axis(ReportScale(0, b), 0, b);
    }
  }
  check_axis(ReportScale(0, 0), 0, 0);
  check_axis(ReportScale(2.5, 2.5 + 1e-15), 2.5, 2.5);
}

TEST_CASE("report scale: no values, or none that can be drawn") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(labels(ReportScale(infinity, -infinity)) == "0 0.2 0.4 0.6 0.8 1.0 ");
  CHECK(labels(ReportScale(none, none)) == labels(ReportScale(0, 1)));
  CHECK(labels(ReportScale(0, infinity)) == labels(ReportScale(0, 1)));
  CHECK_FALSE(octavo::is_drawable(none));
  CHECK_FALSE(octavo::is_drawable(-infinity));
  CHECK_FALSE(octavo::is_drawable(1e31));
  CHECK(octavo::is_drawable(-1e29));
}

TEST_CASE("report scale: logarithmic from three decades on") {
  CHECK_FALSE(ReportScale(0.02, 4).logarithmic());
  const ReportScale scale(0.004, 4.2);
  CHECK(scale.logarithmic());
  CHECK(labels(scale) == "0.001 0.01 0.1 1 10 ");
  CHECK(scale.share(0.1) == doctest::Approx(0.5));
  CHECK(scale.share(0) == 0);
  CHECK(scale.share(100) == 1);
  CHECK_FALSE(ReportScale(0, 1e6).logarithmic());
}

TEST_CASE("report scale: steps end where the run does") {
  for (const octavo::Index last : {1, 2, 7, 99, 100, 1234, 2000, 10'000, 1'234'567}) {
    const auto scale = ReportScale::of_steps(last);
    CHECK(scale.high() == static_cast<double>(last));
    CHECK(scale.share(static_cast<double>(last) / 2) == 0.5);
    CHECK(scale.ticks().back() <= scale.high());
    CHECK(scale.ticks().size() >= 2);
    CHECK(scale.ticks().size() <= 6);
  }
  CHECK(labels(ReportScale::of_steps(2000)) == "0 500 1000 1500 2000 ");
  CHECK(labels(ReportScale::of_steps(10'000)) == "0 2k 4k 6k 8k 10k ");
  CHECK(ReportScale::of_steps(0).high() == 1);
}
