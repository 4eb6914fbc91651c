// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/page.hpp>

#include "heap_guard/heap_guard.hpp"
#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;
using octavo::RunReport;
using page_text::page_of;

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

TEST_CASE("report: text from outside shows as it is and does nothing") {
  ExampleRun example(100);
  const std::string evil = "</script></style></pre><img src=x onerror=alert(1)>&lt;\"'\x01\xFF";
  const std::string shown = "</script></style></pre><img src=x onerror=alert(1)>&lt;\"'␁\uFFFD";
  example.run.title = evil;
  example.run.configuration.push_back({evil, {{evil, evil}}});
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
