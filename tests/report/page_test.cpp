// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/page.hpp>

#include "heap_guard/heap_guard.hpp"
#include "report/example_run.hpp"
#include "report/markup.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;
using octavo::RunReport;

namespace {

std::string page_of(const RunReport& run, const RunHistory& history) {
  std::string text;
  octavo::write_report(run, history, [&](std::string_view piece) { text += piece; });
  return text;
}

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

TEST_CASE("report: a well-formed page with the history's numbers") {
  const ExampleRun example(2000);
  const markup::Page page(page_of(example.run, example.history));
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  const auto points = page.rows("points");
  REQUIRE(points.size() == example.history.points().size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const HistoryPoint& point = example.history.points()[i];
    CHECK(points[i][0] == static_cast<double>(point.step));
    CHECK(points[i][1] == doctest::Approx(point.loss).epsilon(1e-5));
    CHECK(points[i][2] == doctest::Approx(point.learning_rate).epsilon(1e-5));
    CHECK(points[i][3] == doctest::Approx(point.gradient_norm).epsilon(1e-5));
    const double speed = static_cast<double>(point.steps * 32) / point.seconds;
    CHECK(points[i][4] == doctest::Approx(speed).epsilon(1e-3));
  }
  const auto evaluations = page.rows("evaluations");
  REQUIRE(evaluations.size() == 8);
  CHECK(evaluations[7][0] == 2000);
  CHECK(evaluations[7][2] == doctest::Approx(example.run.validation_loss).epsilon(1e-5));
  CHECK(evaluations[7][3] == doctest::Approx(1.612 * 0.5 / 0.69314718).epsilon(1e-5));
  std::string numbers;
  for (const markup::Element* number : page.all("dd")) numbers += number->text + "|";
  CHECK(numbers ==
        "1.550|1.118|1.504|1.612|3:07|123,456|64.0k|5.20 MB|0.001 falling to "
        "0.0001|1 \u00d7 32 tokens|");
  CHECK(page.all("p", "stage").at(0)->text == "Finished: step 2,000 of 2,000");
  CHECK(page.all("p", "when").at(0)->text == "2025-11-29 00:01 UTC, 3:07 by the clock");
  std::string remarks;
  for (const markup::Element* remark : page.all("small")) remarks += remark->text + "|";
  CHECK_MESSAGE(remarks.find("|2:05 training, 1:02 evaluations, samples, saves|") != remarks.npos,
                remarks);
  CHECK_MESSAGE(remarks.find("plan 3.01 kB (3,008 bytes)|") != remarks.npos, remarks);
}

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

TEST_CASE("report: text from outside shows as it is and does nothing") {
  ExampleRun example(100);
  const std::string evil = "</script></style></pre><img src=x onerror=alert(1)>&lt;\"'\x01\xFF";
  const std::string shown = "</script></style></pre><img src=x onerror=alert(1)>&lt;\"'␁\uFFFD";
  example.run.title = evil;
  example.run.facts.push_back({evil, {{evil, evil}}});
  example.run.resume = example.run.generate = evil;
  octavo::SamplesFile(example.run.samples, 100).add(5000, evil);
  const std::string text = page_of(example.run, example.history);
  const markup::Page page(text);
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  CHECK(page.all("img").empty());
  CHECK(page.all("script").size() == 1);
  CHECK(page.all("h1").at(0)->text == shown);
  CHECK(page.all("title").at(0)->text == shown);
  CHECK(page.all("td").size() > 0);
  std::size_t found = 0;
  for (const auto& element : page.elements()) found += element.text == shown;
  CHECK(found >= 8);  // title, heading, group, name, value, commands, sample
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = octavo::utf8_length(rest);
    REQUIRE(length > 0);
    rest.remove_prefix(length);
  }
}

TEST_CASE("report: nothing, one step, constants, numbers that are none") {
  ExampleRun example(0);
  for (const char* id : {"loss", "rate", "norm", "speed"}) {
    const markup::Page page(page_of(example.run, RunHistory()));
    REQUIRE_MESSAGE(page.error().empty(), page.error());
    CHECK(page.all("path", "", id).empty());
    CHECK(page.all("text", "y", id).size() >= 2);
  }
  RunHistory one;
  one.add(HistoryPoint{1, 1, 3.5, 1e-3, 0.5, 0});
  const markup::Page page(page_of(example.run, one));
  CHECK(page.error().empty());
  CHECK(page.rows("points") == std::vector<std::vector<double>>{{1, 3.5, 0.001, 0.5, 0}});
  CHECK(page.all("path", "smooth", "loss").at(0)->attribute("d").ends_with("h0"));

  RunHistory odd;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double losses[] = {3, 3, std::nan(""), 3, infinity, 1e300, 3, -3};
  for (Index step = 1; step <= 8; ++step) {
    odd.add(HistoryPoint{step, 1, losses[step - 1], 0, infinity, 1e-3});
  }
  odd.add(octavo::EvaluationPoint{8, 3, std::nan("")});
  const std::string text = page_of(example.run, odd);
  const markup::Page strange(text);
  CHECK(strange.error().empty());
  CHECK(text.find("nan") == text.npos);
  CHECK(text.find("inf") == text.npos);
  const std::string path = strange.all("path", "smooth", "loss").at(0)->attribute("d");
  CHECK(std::count(path.begin(), path.end(), 'M') == 3);  // gaps
  CHECK(strange.all("path", "smooth", "norm").at(0)->attribute("d").empty());
}

TEST_CASE("report: a long run has a small page, written in little memory") {
  ExampleRun example(200'000, 500);
  octavo::SamplesFile samples(example.run.samples, 1'000'000);
  for (Index i = 1; i <= 200; ++i) samples.add(1'000'000 + i, std::string(5000, '"'));
  std::size_t bytes = 0, pieces = 0, largest = 0;
  const octavo_test::HeapPeak peak;
  octavo::write_report(example.run, example.history, [&](std::string_view piece) {
    bytes += piece.size();
    largest = std::max(largest, piece.size());
    ++pieces;
  });
  const std::size_t heap = peak.bytes();
  CHECK(bytes < 300'000);
  CHECK(bytes > 100'000);
  CHECK(largest <= 4096);
  CHECK(heap < 80'000);
  const markup::Page page(page_of(example.run, example.history));
  CHECK(page.error().empty());
  CHECK(page.all("pre").size() == 16 + 2);  // and two commands
}

TEST_CASE("report: samples are the first, the last, and what lies between them") {
  for (const Index count : {1, 2, 15, 16, 17, 40, 1000}) {
    CAPTURE(count);
    octavo::detail::SampleChoice choice(count);
    std::vector<Index> chosen;
    for (Index i = 0; i < count; ++i) {
      if (choice.next()) chosen.push_back(i);
    }
    CHECK(static_cast<Index>(chosen.size()) == std::min<Index>(count, 16));
    CHECK(chosen.front() == 0);
    CHECK(chosen.back() == count - 1);
    for (std::size_t i = 1; i < chosen.size(); ++i) {
      CHECK(chosen[i] - chosen[i - 1] <= count / 15 + 1);
    }
  }
}

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

TEST_CASE("report: the file is replaced as a whole, and says the same for the same run") {
  const ExampleRun example(500);
  const std::string path = example.run.samples + ".html";
  std::ofstream(path) << "an earlier page";
  octavo::save_report(path, example.run, example.history);
  std::ifstream file(path, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) ==
        page_of(example.run, example.history));
  std::filesystem::remove(path);
  RunReport lost = example.run;
  lost.samples = path + ".none";
  std::ofstream(path) << "an earlier page";
  CHECK_THROWS_AS(octavo::save_report(path, lost, example.history), octavo::Error);
  CHECK(std::filesystem::file_size(path) == 15);
  std::filesystem::remove(path);
}

TEST_CASE("report: the newest sample stands first, the prompt is marked") {
  ExampleRun example(2000);
  octavo::SamplesFile(example.run.samples, 5000).add(2500, "To be caf\xC3\xA9 caf\xC3");
  const markup::Page page(page_of(example.run, example.history));
  const auto samples = page.all("pre");
  REQUIRE(samples.size() == 3 + 2);             // and two commands
  CHECK(samples[0]->text == " caf\u00e9 caf");  // without half a character
  CHECK(samples[1]->text == ", or not to be");
  CHECK(samples[2]->text == "qz jw\nkx");
  REQUIRE(page.all("mark").size() == 3);  // one of them in the words about it
  CHECK(page.all("mark")[1]->text == "To be");
  const auto folded = page.all("summary");
  CHECK(folded.at(0)->text == "Step 2,000: training 1.508, validation 1.612");
  CHECK(folded.at(1)->text.starts_with("Step 10: training 4."));
}

TEST_CASE("report: names of lines that lie together do not lie on each other") {
  ExampleRun example(100);
  example.history.add(HistoryPoint{600, 500, 800, 1e-3, 1, 1});
  const markup::Page page(page_of(example.run, example.history));
  CHECK(page.all("line", "reference", "loss").size() == 3);
  CHECK(page.all("text", "reference", "loss").size() == 1);
}

TEST_CASE("report: no loss stands among the numbers twice") {
  ExampleRun example(2000);
  const auto names = [&] {
    std::string all;
    const markup::Page page(page_of(example.run, example.history));
    for (const markup::Element* one : page.all("dt")) all += one->text + "|";
    return all.substr(0, all.find("Time|"));
  };
  CHECK(names() == "Best validation loss|Training loss|Latest validation loss|");
  example.run.best_step = 2000;
  CHECK(names() == "Best validation loss|Training loss|");
  example.run.whole_validation = 1.63;
  CHECK(names() == "Best validation loss|Training loss|Whole validation text|");
  example.run.best_step = 0;
  CHECK(names() == "Training loss (no validation)|Whole validation text|");
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

TEST_CASE("report: what seems wrong is said") {
  ExampleRun example(100);
  RunHistory worse;
  for (Index step = 1; step <= 100; ++step) {
    worse.add(HistoryPoint{step, 1, 0.1 * static_cast<double>(step), 1e-3, 1, 1e-3});
  }
  const auto notices = [&](const RunHistory& history) {
    return markup::Page(page_of(example.run, history)).all("p", "notice").size();
  };
  CHECK(notices(worse) == 1);
  CHECK(notices(example.history) == 0);
}
