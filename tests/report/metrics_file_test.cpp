// SPDX-License-Identifier: MIT
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
  MetricsFile metrics(file.path, 1, 32, 0, history);
  run_steps(metrics, 1, 5);
  metrics.flush();
  CHECK(file.content() == head +
                              "1,1,0.5,2,256,0.125000,\n"
                              "2,0.5,0.5,2,256,0.250000,\n"
                              "3,0.3333333333333333,0.5,2,256,0.375000,\n"
                              "4,0.25,0.5,2,256,0.500000,4\n"
                              "5,0.2,0.5,2,256,0.625000,\n");
}

TEST_CASE("metrics file: a row for several steps, at evaluations, and where all is brought in") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 3, 32, 0, history);
  run_steps(metrics, 1, 8);
  metrics.flush();
  metrics.flush();
  run_steps(metrics, 9, 9);
  metrics.flush();
  CHECK(file.content() == head +
                              "3,0.6111111111111112,0.5,2,256,0.375000,\n"
                              "4,0.25,0.5,2,256,0.500000,4\n"
                              "7,0.16984126984126985,0.5,2,256,0.875000,\n"
                              "8,0.125,0.5,2,256,1.000000,8\n"
                              "9,0.1111111111111111,0.5,2,256,1.125000,\n");
}

TEST_CASE("metrics file: a run that goes on appends, without gap or repetition") {
  const TemporaryFile whole("whole"), parts("parts");
  RunHistory history;
  {
    MetricsFile metrics(whole.path, 3, 32, 0, history);
    run_steps(metrics, 1, 8);
    metrics.flush();  // saved here
    run_steps(metrics, 9, 20);
    metrics.flush();
  }
  const std::string expected = whole.content();
  {
    MetricsFile metrics(parts.path, 3, 32, 0, history);
    run_steps(metrics, 1, 8);
    metrics.flush();
    run_steps(metrics, 9, 13);  // after the save, and lost with the run
    metrics.flush();
  }
  parts.set(parts.content() + "14,0.0714,0.");  // killed in the midst of a row
  RunHistory read;
  MetricsFile metrics(parts.path, 3, 32, 8, read);
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

TEST_CASE("metrics file: what it holds is not believed blindly") {
  const TemporaryFile file;
  RunHistory history;
  const auto refused = [&](const std::string& content) {
    file.set(content);
    std::string message;
    try {
      MetricsFile metrics(file.path, 1, 32, 100, history);
    } catch (const octavo::FormatError& error) {
      message = error.what();
    }
    CHECK(file.content() == content);  // as it was
    return message.substr(std::min(message.find(": "), message.size()));
  };
  CHECK(
      refused("a,b\n1,2\n").starts_with(": got a first line of 'a,b', expected the columns step"));
  const char* behind_start = ": got the row '";
  CHECK(refused(head + "x,1,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "1,1,1,1,1\n").starts_with(behind_start));
  CHECK(refused(head + "1,1,1,1,1,1,1,1\n").starts_with(behind_start));
  CHECK(refused(head + "1,nan,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "1,,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "1.5,1,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "1e300,1,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "-1,1,1,1,1,1,\n").starts_with(behind_start));
  CHECK(refused(head + "2,1,1,1,1,1,\n2,1,1,1,1,2,\n").find("behind that of step 2") !=
        std::string::npos);
  CHECK(refused(head + "2,1,1,1,1,3,\n3,1,1,1,1,2,\n").find("behind that of step 2") !=
        std::string::npos);
}

TEST_CASE("metrics file: steps make no heap call, nor does writing") {
  const TemporaryFile file;
  RunHistory history;
  MetricsFile metrics(file.path, 2, 32, 0, history);
  const octavo_test::HeapGuard guard;
  run_steps(metrics, 1, 1000);
  metrics.flush();
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(file.content().size() > 10000);
}

TEST_CASE("metrics file: a folder that is missing is told") {
  RunHistory history;
  CHECK_THROWS_AS(MetricsFile("/nowhere/metrics.csv", 1, 1, 0, history), octavo::IoError);
}
