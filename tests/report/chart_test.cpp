// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/chart.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::Chart;
using octavo::HistoryPoint;
using octavo::Index;
using page_text::page_of;

namespace {

markup::Page drawn(const Chart& chart) {
  return markup::Page(
      page_text::written([&](octavo::PageWriter& page) { octavo::write_chart(page, chart); }));
}

/// A falling curve over 100 steps.
Chart falling() {
  Chart chart{.id = "loss", .title = "Loss & more", .unit = "nats", .steps = 100};
  chart.series = {{"training", "smooth", {{1, 4}, {50, 2}, {100, 1}}}};
  return chart;
}

}  // namespace

TEST_CASE("report: the curve over a gap in the numbers, smoothed") {
  const std::vector<octavo::ChartPoint> points = {
      {1, 2}, {2, 4}, {3, std::nan("")}, {4, 8}, {5, 4}};
  const auto smooth = octavo::smoothed(points, 1);
  CHECK(smooth[0].y == 3);
  CHECK(smooth[1].y == 3);
  CHECK(smooth[2].y == 6);
  CHECK(smooth[3].y == 6);
  CHECK(smooth[4].y == 6);
  CHECK(octavo::smoothed({}, 3).empty());
}

TEST_CASE("report: names of lines that lie together do not lie on each other") {
  ExampleRun example(100);
  example.history.add(HistoryPoint{600, 500, 800, 1e-3, 1, 1});
  const markup::Page page(page_of(example.run, example.history));
  CHECK(page.all("line", "reference", "loss").size() == 3);
  CHECK(page.all("text", "reference", "loss").size() == 1);
}

TEST_CASE("chart: a curve goes from its first step to its last, and says so in words") {
  const markup::Page page = drawn(falling());
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  REQUIRE(page.all("path", "smooth").size() == 1);
  const std::string path = page.all("path", "smooth")[0]->attribute("d");
  CHECK(path.starts_with("M10.0 "));
  CHECK(path.find("L500.0 ") != path.npos);
  CHECK(path.find("L1000.0 ") != path.npos);
  CHECK(page.all("desc").at(0)->text ==
        "Over 100 steps. training: from 4 to 1, lowest 1, highest 4.");
  CHECK(page.all("title").at(0)->text == "Loss & more");
  CHECK(page.all("figure").at(0)->attribute("data-steps") == "100");
  CHECK(page.all("text", "y").front()->text == "0");
}

TEST_CASE("chart: values that are none leave a gap, one point alone is a dot") {
  Chart chart = falling();
  chart.series[0].points = {{1, 4}, {2, std::nan("")}, {3, 4}};
  const std::string path = drawn(chart).all("path", "smooth").at(0)->attribute("d");
  CHECK(std::count(path.begin(), path.end(), 'M') == 2);
  CHECK(path.find('L') == path.npos);
  chart.series[0].points.clear();
  CHECK(drawn(chart).all("path").empty());
}

TEST_CASE("chart: of few evaluations each has a dot, of many the best alone") {
  Chart chart = falling();
  chart.series[0].look = "validation";
  CHECK(drawn(chart).all("circle").size() == 3);
  CHECK(drawn(chart).all("circle", "validation best").at(0)->attribute("cx") == "100%");
  chart.series[0].points.clear();
  for (int i = 0; i < 65; ++i) {
    chart.series[0].points.push_back({static_cast<double>(i), std::abs(i - 20.0) + 1});
  }
  const markup::Page many = drawn(chart);
  REQUIRE(many.all("circle").size() == 1);
  CHECK(many.all("circle")[0]->attribute("cx") == "20%");
}

TEST_CASE("chart: a line across is there where the curves come near, or always") {
  Chart chart = falling();
  chart.references = {{"near", 3, false}, {"far", 30, false}};
  CHECK(drawn(chart).all("line", "reference").size() == 1);
  CHECK(drawn(chart).all("text", "reference").at(0)->text == "near 3");
  chart.references[1].always = true;
  CHECK(drawn(chart).all("line", "reference").size() == 2);
}

TEST_CASE("chart: a second axis has round numbers of its own unit") {
  Chart chart = falling();
  CHECK(drawn(chart).all("text", "y2").empty());
  chart.second_unit = "bits";
  chart.second_factor = 10;
  const auto labels = drawn(chart);
  CHECK(labels.all("text", "y2").front()->text == "0");
  CHECK(labels.all("text", "y2").back()->text == "40");
}
