// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

#include <octavo/report/metrics_file.hpp>

#include "heap_guard/heap_guard.hpp"

using octavo::HistoryPoint;
using octavo::Index;
using octavo::MetricsFile;
using octavo::RunHistory;

namespace {

/// A file that goes when the test ends.
struct TemporaryFile {
  explicit TemporaryFile(const std::string& name = "metrics")
      : path("/tmp/octavo_" + name + "_" + std::to_string(::getpid()) + ".csv") {
    std::remove(path.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path.c_str()); }

  std::string path;

  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void set(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
};

const std::string head = std::string(MetricsFile::columns) + "\n";

/// Step number `step` from 1: loss 1/step, an eighth of a second.
HistoryPoint step_point(Index step) {
  return {step, 1, 1.0 / static_cast<double>(step), 0.5, 2.0, 0.125};
}

void run_steps(MetricsFile& metrics, Index first, Index last) {
  for (Index step = first; step <= last; ++step) {
    metrics.step(step_point(step));
    if (step % 4 == 0) metrics.evaluation(static_cast<double>(step));
  }
}

}  // namespace

TEST_CASE("metrics file: a row for every step") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 1, 32, 0, 0, history);
  run_steps(metrics, 1, 5);
  metrics.flush();
  CHECK(file.content() == head +
                              "1,1,0.5,2,256,0.125000,,0.000000,,\n"
                              "2,0.5,0.5,2,256,0.250000,,0.000000,,\n"
                              "3,0.3333333333333333,0.5,2,256,0.375000,,0.000000,,\n"
                              "4,0.25,0.5,2,256,0.500000,4,0.000000,,\n"
                              "5,0.2,0.5,2,256,0.625000,,0.000000,,\n");
}

TEST_CASE("metrics file: a row for several steps, at evaluations, and where all is brought in") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 3, 32, 0, 0, history);
  run_steps(metrics, 1, 8);
  metrics.flush();
  metrics.flush();
  run_steps(metrics, 9, 9);
  metrics.flush();
  CHECK(file.content() == head +
                              "3,0.6111111111111112,0.5,2,256,0.375000,,0.000000,,\n"
                              "4,0.25,0.5,2,256,0.500000,4,0.000000,,\n"
                              "7,0.16984126984126985,0.5,2,256,0.875000,,0.000000,,\n"
                              "8,0.125,0.5,2,256,1.000000,8,0.000000,,\n"
                              "9,0.1111111111111111,0.5,2,256,1.125000,,0.000000,,\n");
}

TEST_CASE("metrics file: a run that goes on appends, without gap or repetition") {
  const TemporaryFile whole("whole"), parts("parts");
  RunHistory history;
  {
    MetricsFile metrics(whole.path, 3, 32, 0, 0, history);
    run_steps(metrics, 1, 8);
    metrics.flush();  // saved here
    run_steps(metrics, 9, 20);
    metrics.flush();
  }
  const std::string expected = whole.content();
  {
    MetricsFile metrics(parts.path, 3, 32, 0, 0, history);
    run_steps(metrics, 1, 8);
    metrics.flush();
    run_steps(metrics, 9, 13);  // after the save, and lost with the run
    metrics.flush();
  }
  parts.set(parts.content() + "14,0.0714,0.");  // killed in the midst of a row
  RunHistory read;
  MetricsFile metrics(parts.path, 3, 32, 0, 8, read);
  CHECK(metrics.seconds() == 1.0);
  CHECK(read.steps_done() == 8);
  CHECK(read.points().size() == 4);
  CHECK(read.points()[2].steps == 3);
  CHECK(read.points()[2].seconds == doctest::Approx(0.375));
  REQUIRE(read.evaluations().size() == 2);
  CHECK(read.evaluations()[1].step == 8);
  CHECK(read.evaluations()[1].validation_loss == 8);
  run_steps(metrics, 9, 20);
  metrics.flush();
  CHECK(parts.content() == expected);
}

TEST_CASE("metrics file: a table of something else is not written over") {
  const TemporaryFile file;
  RunHistory history;
  file.set("a,b\n1,2\n");
  std::string message;
  try {
    MetricsFile metrics(file.path, 1, 32, 0, 100, history);
  } catch (const octavo::FormatError& error) {
    message = error.what();
  }
  CHECK(message.find(": got a first line of 'a,b', expected the columns step") != message.npos);
  CHECK(file.content() == "a,b\n1,2\n");
}

TEST_CASE("metrics file: damaged rows go, the others stay") {
  const TemporaryFile file;
  const std::string one = "1,4,1,1,1,1,,0.5,,\n", five = "5,3,1,1,1,5,2.5,0.75,,\n";
  const auto check = [&](const std::string& rows, Index damaged, const std::string& left) {
    CAPTURE(rows);
    RunHistory history;
    file.set(head + rows);
    const MetricsFile metrics(file.path, 1, 32, 0, 100, history);
    CHECK(metrics.damaged_rows() == damaged);
    CHECK(file.content() == head + left);
    CHECK(history.steps_done() == (left.empty() ? 0 : 5));
    CHECK(metrics.seconds() == (left.empty() ? 0 : 5));
    CHECK(metrics.evaluation_seconds() == (left.empty() ? 0 : 0.75));
  };
  for (const std::string bad :
       {"x,1,1,1,1,2,,0,,\n", "2,1,1,1,1,,,0,,\n", "2,1,1,1,1,2\n", "2,1,1,1,1,2,,0,,,\n",
        "2,nan,1,1,1,2,,0,,\n", "2,inf,1,1,1,2,,0,,\n", "2,,1,1,1,2,,0,,\n", "2,1,1,1,1,2,,,,\n",
        "2.5,1,1,1,1,2,,0,,\n", "1e300,1,1,1,1,2,,0,,\n", "-1,1,1,1,1,2,,0,,\n", "\n",
        "1,4,1,1,1,1,,0.5,,\n", "6,1,1,1,1,2,,0,,\n", "2,1,1,1,1,7,,0,,\n"}) {
    check(one + bad + five, 1, one + five);
    if (bad != one) check(bad + one + five, 1, one + five);
  }
  check(one + std::string(100'000, '\0') + "\n" + five, 1, one + five);
  check(one + "900,1,1,1,1,2,,0,,\n" + five, 1, one + five);
}

TEST_CASE("metrics file: one of before goes on with the columns that it has") {
  const TemporaryFile file;
  RunHistory history;
  const std::string before =
      std::string(MetricsFile::first_columns) + "\n1,4,1,1,1,1,\n2,3,1,1,1,2,2.5\n";
  CHECK(before.starts_with(
      "step,loss,learning_rate,gradient_norm,tokens_per_second,seconds,validation_loss\n"));
  file.set(before);
  MetricsFile metrics(file.path, 1, 32, 1, 2, history);
  CHECK(history.steps_done() == 2);
  CHECK(history.evaluations().size() == 1);
  run_steps(metrics, 3, 4);
  metrics.flush();
  CHECK(file.content() ==
        before + "3,0.3333333333333333,0.5,2,256,2.125000,\n4,0.25,0.5,2,256,2.250000,4\n");
}

TEST_CASE("metrics file: bits per character beside nats per token") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 1, 32, 0.5, 0, history);
  const double ln2 = std::log(2.0);
  metrics.step({1, 1, 4 * ln2, 0.5, 2.0, 0.125});
  metrics.evaluation(2 * ln2);
  metrics.completed(0.25);
  metrics.write();
  CHECK(file.content() ==
        head + "1,2.772588722239781,0.5,2,256,0.125000,1.3862943611198906,0.250000,2,1\n");
}

TEST_CASE("metrics file: a row is in the file as soon as its step is done with") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 2, 32, 0, 0, history);
  const auto lines = [&] {
    const std::string content = file.content();
    return std::count(content.begin(), content.end(), '\n');
  };
  CHECK(file.content() == head);
  run_steps(metrics, 1, 3);
  metrics.write();
  metrics.step(step_point(4));
  metrics.evaluation(4);
  metrics.write();
  CHECK(lines() == 2);
  metrics.completed(1);
  metrics.write();
  CHECK(lines() == 3);
}

TEST_CASE("metrics file: steps make no heap call, nor does writing") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 2, 32, 0, 0, history);
  const octavo_test::HeapGuard guard;
  run_steps(metrics, 1, 1000);
  metrics.flush();
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(file.content().size() > 10000);
}

TEST_CASE("metrics file: a folder that is missing is told") {
  RunHistory history;
  CHECK_THROWS_AS(MetricsFile("/nowhere/metrics.csv", 1, 1, 0, 0, history), octavo::IoError);
}
