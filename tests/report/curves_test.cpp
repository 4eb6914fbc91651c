// SPDX-License-Identifier: MIT
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/curves.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;
using page_text::page_of;

namespace {

/// "2.5k" as 2500.
double read_label(const std::string& label) {
  std::size_t end = 0;
  const double value = std::stod(label, &end);
  return value * (label[end] == 'k' ? 1e3 : label[end] == 'M' ? 1e6 : 1);
}

/// The corners of a path of lines.
std::vector<octavo::ChartPoint> points_of(std::string path) {
  for (std::size_t at; (at = path.find("h0")) != path.npos;) path.erase(at, 2);
  for (char& c : path) c = c == 'M' || c == 'L' ? ' ' : c;
  std::vector<octavo::ChartPoint> points;
  std::istringstream numbers(path);
  for (octavo::ChartPoint point; numbers >> point.x >> point.y;) points.push_back(point);
  return points;
}

/// The same heights say the same loss in bits per character: 0.5 / ln 2 of them are a nat.
void check_second_axis(const markup::Page& page) {
  const auto nats = page.all("text", "y", "loss"), bits = page.all("text", "y2", "loss");
  REQUIRE(bits.size() >= 3);
  const double low = read_label(nats.front()->text), high = read_label(nats.back()->text);
  const double bottom = std::stod(nats.front()->attribute("y"));
  for (const markup::Element* one : bits) {
    const double value = low + (1 - std::stod(one->attribute("y")) / bottom) * (high - low);
    CHECK(read_label(one->text) == doctest::Approx(value * 0.5 / 0.69314718).epsilon(1e-4));
  }
}

}  // namespace

TEST_CASE("report: curves lie where the axes say") {
  const ExampleRun example(2000);
  const markup::Page page(page_of(example.run, example.history));
  const std::string charts[] = {"loss", "rate", "norm", "speed"};
  for (std::size_t column = 1; column <= 4; ++column) {
    const std::string& id = charts[column - 1];
    CAPTURE(id);
    const auto labels = page.all("text", "y", id);
    REQUIRE(labels.size() >= 3);
    const double low = read_label(labels.front()->text), high = read_label(labels.back()->text);
    const double bottom = std::stod(labels.front()->attribute("y"));
    const double top = std::stod(labels.back()->attribute("y"));
    CHECK(top == 0);
    CHECK(bottom == std::stod(page.all("svg", "", id).at(0)->attribute("height")));
    const auto curve = points_of(page.all("path", "", id).at(0)->attribute("d"));
    const auto rows = page.rows("points");
    REQUIRE(curve.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double value = low + (bottom - curve[i].y) / (bottom - top) * (high - low);
      const double pixel = (high - low) / (bottom - top);
      CHECK(std::abs(value - rows[i][column]) < 0.06 * pixel);
      CHECK(std::abs(curve[i].x / 1000 * 2000 - rows[i][0]) < 0.11);
    }
  }
  CHECK(page.all("circle", "", "loss").size() == 8);
  REQUIRE(page.all("circle", "validation best", "loss").size() == 1);
  CHECK(page.all("circle", "validation best", "loss")[0]->attribute("cx") == "87.5%");
  check_second_axis(page);
  const auto names = page.all("text", "reference", "loss");
  REQUIRE(names.size() == 3);
  CHECK(names[1]->text == "unigram 3.314");
  CHECK(names[2]->text == "bigram 2.453");
}

TEST_CASE("report: what pale lines are, and how often gradients are clipped") {
  ExampleRun example(3000);
  const auto page = [&] { return markup::Page(page_of(example.run, example.history)); };
  CHECK(page().all("span", "key raw", "loss").at(0)->text == "mean of 8 steps");
  const auto clipping = [&](double clip) {
    example.run.clip = clip;
    return octavo::detail::clipping_words(example.run, example.history);
  };
  CHECK(clipping(0) == "never clipped: there is no limit");
  CHECK(clipping(1) == "hardly any step is clipped");
  CHECK(clipping(0.1) == "all steps are clipped");
  CHECK(clipping(0.4).starts_with("clipped in about "));
  RunHistory mixed;
  for (Index step = 1; step <= 10; ++step) mixed.add(HistoryPoint{10 * step, 10, 1, 1, 1, 1});
  CHECK(octavo::detail::point_words(mixed) == "mean of 10 steps");
  mixed.add(HistoryPoint{132, 32, 1, 1, 1, 1});
  CHECK(octavo::detail::point_words(mixed) == "mean of 10 to 32 steps");
  CHECK(octavo::detail::point_words(RunHistory()) == "each step");
}
