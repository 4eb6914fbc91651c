// SPDX-License-Identifier: MIT
#include <cmath>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/report/summary.hpp>

#include "report/example_run.hpp"
#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::RunHistory;
using octavo::RunReport;
using page_text::page_of;

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

TEST_CASE("report: times are those of the world's clock") {
  using octavo::detail::utc_time;
  CHECK(utc_time(0) == "1970-01-01 00:00 UTC");
  CHECK(utc_time(951'782'399) == "2000-02-28 23:59 UTC");
  CHECK(utc_time(951'782'400) == "2000-02-29 00:00 UTC");
  CHECK(utc_time(1'764'374'465) == "2025-11-29 00:01 UTC");
  CHECK(octavo::detail::exact_bytes(7'491'008) == "7.49 MB (7,491,008 bytes)");
}

TEST_CASE("report: the stage of a run, and how far it is until it has finished") {
  RunReport run{.title = "a run"};
  run.step = 250, run.steps = 1000, run.seconds = 7;
  const auto page = [&] {
    return markup::Page(page_text::written(
        [&](octavo::PageWriter& writer) { octavo::detail::write_stage(writer, run); }));
  };
  using Stage = RunReport::Stage;
  for (const auto& [stage, name] :
       {std::pair(Stage::running, "Running"), std::pair(Stage::stopped, "Stopped"),
        std::pair(Stage::diverged, "Diverged"), std::pair(Stage::finished, "Finished")}) {
    run.stage = stage;
    const markup::Page shown = page();
    CHECK(shown.error().empty());
    CHECK(shown.all("p", "stage").at(0)->text == std::string(name) + ": step 250 of 1,000");
    CHECK(shown.all("p", "when").at(0)->text == "0:07 by the clock");
    const auto bars = shown.all("progress");
    REQUIRE(bars.size() == (stage == Stage::finished ? 0 : 1));
    if (!bars.empty()) CHECK(bars[0]->attribute("value") == "250");
  }
}

TEST_CASE("report: memory is that of the process, or of the plan where nobody knows") {
  ExampleRun example(100);
  const auto told = [&] {
    const markup::Page page(page_text::written([&](octavo::PageWriter& writer) {
      octavo::detail::write_memory_glance(writer, example.run);
    }));
    return page.all("dt").empty() ? "" : page.all("dt")[0]->text + " " + page.all("dd")[0]->text;
  };
  CHECK(told() == "Peak memory 5.20 MB");
  example.run.peak_bytes = 0;
  CHECK(told() == "Planned memory 3.01 kB");
  example.run.plan = nullptr;
  CHECK(told() == "");
}
