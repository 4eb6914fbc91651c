// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/runs/run_log.hpp>

#include "files/folder.hpp"

namespace {

using octavo::Index;
using Lines = std::vector<std::string>;

octavo::StepResult result(Index step) {
  octavo::StepResult result{};
  result.step = step;
  result.loss = 3.0;
  result.learning_rate = 0.01;
  result.gradient_norm = 1.0;
  return result;
}

std::size_t rows_of(const std::string& path) {
  const std::string text = octavo::read_file(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
}

}  // namespace

TEST_CASE("a log without a folder keeps the run's history and says what happens") {
  Lines said;
  octavo::RunLog log({.tokens_per_step = 8, .tokens_per_character = 1, .steps = 4}, {},
                     {.say = [&](const std::string& line) { said.push_back(line); }});
  log.begin(0, nullptr, false);
  CHECK(log.steps() == 4);
  CHECK(log.summary().find("mean loss") == std::string::npos);
  log.step(result(0));
  log.evaluation(1, 2.5, true);
  log.completed();
  log.sample(1, "To\nbe");
  log.whole_evaluation(2.25, 100);
  log.report(octavo::RunReport::Stage::finished, {}, "");
  CHECK(log.history().steps_done() == 1);
  CHECK(log.history().evaluations().size() == 1);
  CHECK(log.now().step == 1);
  CHECK(log.bits_text(2.5) == "  3.607 bits/char");
  CHECK(log.summary().starts_with("mean loss of the last 1 steps 3.0000  4.328 bits/char\n"));
  REQUIRE(said.size() >= 3);
  CHECK(said[0] == "step      1  validation loss 2.5000  3.607 bits/char  best so far");
  CHECK(said[said.size() - 2] == "sample: To\\nbe");
  CHECK(said.back() == "whole validation text, 100 tokens: loss 2.2500  3.246 bits/char");
}

TEST_CASE("a log goes on where the run was saved; a damaged table is moved away") {
  const Folder folder;
  octavo::CheckpointFolder files(folder.path.string(), 2);
  {
    octavo::RunLog first({.tokens_per_step = 8, .steps = 8}, {.metrics_every = 2});
    first.begin(0, &files, false);
    for (Index step = 0; step < 8; ++step) {
      first.step(result(step));
      first.completed();
    }
    first.keep_sample(8, "To be");
    first.finish();
  }
  const std::size_t rows = rows_of(folder / "metrics.csv");
  CHECK(rows == 4);
  CHECK(rows_of(folder / "samples.tsv") == 1);
  Lines warned;
  octavo::RunLog log(
      {.tokens_per_step = 8, .steps = 8}, {},
      {.warn = [&](const std::string& what, const std::string&) { warned.push_back(what); }});
  log.begin(8, &files, true);
  CHECK(log.history().steps_done() == 8);
  CHECK(rows_of(folder / "metrics.csv") == rows);
  log.begin(4, &files, true);  // a rollback: later rows go
  CHECK(log.history().steps_done() == 4);
  CHECK(warned.empty());
  std::ofstream(folder / "metrics.csv") << "a,b\n1,2\n";
  log.begin(4, &files, true);
  CHECK(warned.size() == 1);
  CHECK(octavo::read_file(folder / "metrics.csv.damaged") == "a,b\n1,2\n");
  CHECK(rows_of(folder / "metrics.csv") == 0);
}
