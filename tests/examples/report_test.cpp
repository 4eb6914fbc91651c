// SPDX-License-Identifier: MIT
// The page that a run leaves, and runs that print nothing.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"
#include "examples/process.hpp"
#include "report/markup.hpp"

namespace {

/// A run that evaluates, saves and writes samples, of as many steps as a page has points.
std::vector<std::string> told_run(const Sandbox& sandbox, const std::string& options,
                                  const char* steps = "60") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word " + std::to_string(i % 17) + "\n";
  write_file(sandbox, "text", text);
  return words_of(
             "train_full --layers 1 --heads 2 --context 16 --sequence 12 --threads 1 --width 16 "
             "--ff 24 --data text --eval-every 20 --sample-every 25 --save-every 16 --keep 100 "
             "--metrics-every 1 " +
             options) +
         std::vector<std::string>{steps};
}

std::string content(const fs::path& path) { return octavo::read_file(path.string()); }

/// The rows of a table of commas; an empty cell is no number.
std::vector<std::vector<double>> rows_of(const fs::path& path) {
  std::vector<std::vector<double>> rows;
  std::istringstream lines(content(path));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) {
      rows.back().push_back(cell.empty() ? std::nan("") : std::stod(cell));
    }
  }
  return rows;
}

void cut(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from);
  REQUIRE(begin != text.npos);
  text.erase(begin, text.find(to, begin) - begin);
}

/// A page without what is measured: times, speed and the peak of memory.
std::string timeless(const fs::path& path) {
  std::string text = content(path);
  cut(text, "id=\"speed\"", "</figure>");
  cut(text, "<p class=\"when\"", "</p>");
  cut(text, "<dt>Speed", "</dd>");
  cut(text, "<dt>Time", "</dd>");
  cut(text, "<dt>Peak memory", "</dd>");
  std::istringstream lines(text.substr(text.find("<table id=\"points\"")));
  text.erase(text.find("<table id=\"points\""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("<tr><td>")) line.erase(line.rfind("<td>"));
    text += line + "\n";
  }
  return text;
}

/// Runs a line as it stands in a page, in a shell that finds the programs.
Result run_line(const Sandbox& sandbox, const std::string& line) {
  std::ofstream(sandbox.path / "line.sh") << "PATH='" OCTAVO_EXAMPLES_FOLDER ":/usr/bin:/bin'\n"
                                          << line << "\n";
  const std::string command =
      "cd '" + sandbox.path.string() + "' && bash line.sh >line.out 2>&1 </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(sandbox.path / "line.out")};
}

}  // namespace

TEST_CASE("page: the numbers are those of the run's table") {
  const Sandbox sandbox;
  const Outcome got = start(sandbox, told_run(sandbox, "--out o"));
  REQUIRE_MESSAGE(got.status == 0, got.err);
  const markup::Page page(content(sandbox / "o/report.html"));
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  const auto points = page.rows("points"), evaluations = page.rows("evaluations");
  const auto rows = rows_of(sandbox / "o/metrics.csv");
  REQUIRE(points.size() == 60);
  REQUIRE(rows.size() == 60);
  REQUIRE(evaluations.size() == 3);
  std::size_t evaluation = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const std::size_t column : {0u, 1u, 2u, 3u}) {
      CHECK(points[i][column] == doctest::Approx(rows[i][column]).epsilon(1e-5));
    }
    CHECK(points[i][4] == doctest::Approx(rows[i][4]).epsilon(1e-5));
    if (std::isnan(rows[i][6])) continue;
    CHECK(evaluations[evaluation][0] == rows[i][0]);
    CHECK(evaluations[evaluation++][2] == doctest::Approx(rows[i][6]).epsilon(1e-5));
  }
  CHECK(evaluation == 3);
  std::string numbers, samples;
  for (const markup::Element* one : page.all("dd")) numbers += one->text + "|";
  double best = 9;
  for (const auto& row : evaluations) best = std::min(best, row[2]);
  CHECK(std::stod(numbers) == doctest::Approx(best).epsilon(1e-3));
  for (const markup::Element* one : page.all("mark")) samples += one->text + "|";
  CHECK(samples.starts_with("marked|word 0"));
  CHECK(page.all("pre").size() == 5);  // samples of 25, 50 and 60 steps, two commands
  CHECK(page.all("rect").size() > 20);
  CHECK(page.all("p", "stage").at(0)->text == "Finished: step 60 of 60");
}

TEST_CASE("page: whatever was asked for stands in it") {
  const Sandbox sandbox;
  REQUIRE(start(sandbox, told_run(sandbox, "--out o --lr 0.00123 --optimizer lion", "2")).status ==
          0);
  const markup::Page page(content(sandbox / "o/report.html"));
  std::set<std::string> names, values;
  for (const markup::Element* one : page.all("th")) names.insert(one->text);
  for (const markup::Element* one : page.all("td")) values.insert(one->text);
  CHECK(values.count("0.00123") == 1);
  CHECK(values.count("lion") == 1);
  const std::set<std::string> others = {
      "tiny", "small", "medium", "large", "gpt2", "resume", "dry-run", "quiet", "new-schedule",
      "help", "memory-report", "version", "allow-corpus-change", "from", "family", "time", "lora",
      "base", "epochs", "train-on", "long-rows", "skip-bad", "timings",
      // settings of other optimizers
      "epsilon", "momentum", "matrix-lr-scale", "ns-steps", "matrix-weight-decay"};
  std::istringstream help(start(sandbox, {"train_full", "--help"}).out);
  std::size_t found = 0;
  for (std::string line; std::getline(help, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin != std::string::npos && begin > 6) continue;  // a description goes on
    line.erase(0, begin);
    if (!line.starts_with("--")) continue;
    std::string name = line.substr(2, line.find(' ') - 2);
    if (others.count(name) == 1) continue;
    if (name.starts_with("no-")) name.erase(0, 3);
    if (name == "vocab") name = "vocabulary";
    if (name == "bias") name = "norm-bias";
    CAPTURE(name);
    CHECK(names.count(name) == 1);
    ++found;
  }
  CHECK(found >= 35);
}

TEST_CASE("page: a run that was taken up has the page and the samples of one that was not") {
  const Sandbox sandbox;
  REQUIRE(start(sandbox, told_run(sandbox, "--out whole")).status == 0);
  const std::string whole = timeless(sandbox / "whole/report.html");
  const std::string samples = content(sandbox / "whole/samples.tsv");
  CHECK(std::count(samples.begin(), samples.end(), '\n') == 4);
  REQUIRE(start(sandbox, told_run(sandbox, "--out again")).status == 0);
  const auto renamed = [&](std::string text) {
    for (std::size_t at; (at = text.find("again")) != text.npos;) text.replace(at, 5, "whole");
    return text;
  };
  CHECK(renamed(timeless(sandbox / "again/report.html")) == whole);
  for (const char* step : {"48", "32", "16"}) {
    CAPTURE(step);
    std::ofstream(sandbox / "whole/samples.tsv", std::ios::app) << "70\tkilled in the midst";
    const Outcome got =
        start(sandbox, told_run(sandbox, "--resume whole/checkpoint-000000" + std::string(step) +
                                             ".safetensors --out whole"));
    REQUIRE_MESSAGE(got.status == 0, got.err);
    CHECK(timeless(sandbox / "whole/report.html") == whole);
    CHECK(content(sandbox / "whole/samples.tsv") == samples);
  }
}

TEST_CASE("page: its commands do what they say, whatever the names") {
  const Sandbox sandbox;
  const std::string out = "o '$(touch ran)'\n</script>&\xFF", text = "<a>'b'.txt";
  write_file(sandbox, text, "'A\n$' bad\\ beginning " + std::string(400, 'x'));
  const auto words = words_of(
                         "train_full 8 --layers 1 --heads 2 --width 16 --ff 24 --context 16 "
                         "--sequence 12 --threads 1 --eval-every 4 --save-every 4") +
                     std::vector<std::string>{"--data", text, "--out", out};
  REQUIRE(start(sandbox, words).status == 0);
  const fs::path folder = sandbox.path / out;
  const markup::Page page(content(folder / "report.html"));
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  CHECK(page.all("h1").at(0)->text == "train_full: <a>'b'.txt");
  const auto commands = page.all("code");
  REQUIRE(commands.size() == 2);
  fs::remove(folder / "model.safetensors");
  CHECK(commands[1]->text.starts_with("train_full --resume $'"));
  const Result resumed = run_line(sandbox, commands[1]->text);
  CHECK_MESSAGE(resumed.status == 0, resumed.output);
  CHECK(fs::exists(folder / "model.safetensors"));
  const Result generated = run_line(sandbox, commands[0]->text);
  CHECK_MESSAGE(generated.status == 0, generated.output);
  CHECK(generated.output.starts_with("'A\n$' "));
  CHECK_FALSE(fs::exists(sandbox.path / "ran"));
}

TEST_CASE("page: it is there while a run goes on, and stays when one is stopped or diverges") {
  const Sandbox sandbox;
  const Outcome got = start(
      sandbox,
      told_run(sandbox, "--out o --lr 1e30 --min-lr 1e30 --clip 0 --warmup 0 --no-bias", "200"));
  CHECK(got.status == 1);
  const markup::Page page(content(sandbox / "o/report.html"));
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  CHECK(page.all("p", "stage").at(0)->text.starts_with("Diverged: step "));
}

TEST_CASE("page: a new run in an old folder keeps the old page and samples") {
  const Sandbox sandbox;
  REQUIRE(start(sandbox, told_run(sandbox, "--out o")).status == 0);
  const std::string page = content(sandbox / "o/report.html");
  const std::string samples = content(sandbox / "o/samples.tsv");
  REQUIRE(start(sandbox, told_run(sandbox, "--out o", "10")).status == 0);
  CHECK(content(sandbox / "o/earlier-1/report.html") == page);
  CHECK(content(sandbox / "o/earlier-1/samples.tsv") == samples);
  CHECK(content(sandbox / "o/report.html") != page);
}

TEST_CASE("page: one that cannot be written is told once and ends no run") {
  const Sandbox sandbox;
  fs::create_directories(sandbox / "o/report.html/full");
  const Outcome got = start(sandbox, told_run(sandbox, "--out o"));
  CHECK(got.status == 0);
  const std::size_t warning = got.err.find("warning: cannot rename");
  CHECK(warning != got.err.npos);
  CHECK(got.err.find("warning: ", warning + 1) == got.err.npos);
  CHECK(fs::exists(sandbox / "o/model.safetensors"));
  CHECK(fs::is_directory(sandbox / "o/report.html"));
}

TEST_CASE("page: train_v2 leaves one as well") {
  const Sandbox sandbox;
  REQUIRE(start(sandbox, words_of("train_v2 600 --out o --threads 1")).status == 0);
  const markup::Page page(content(sandbox / "o/report.html"));
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  CHECK(page.rows("points").size() == 300);
  REQUIRE(page.all("code").size() == 2);
  CHECK(page.all("code").at(1)->text == "train_v2 --resume o --threads 1");
  const Result generated = run_line(sandbox, page.all("code").at(0)->text);
  CHECK(generated.status == 0);
  CHECK(generated.output.starts_with("To be "));
  CHECK(page.all("mark").at(1)->text == "To be ");
}

TEST_CASE("quiet: nothing but errors is printed, and every file is written") {
  const Sandbox sandbox;
  REQUIRE(start(sandbox, told_run(sandbox, "--out loud")).status == 0);
  const Outcome quiet = start(sandbox, told_run(sandbox, "--out quiet --memory-report --quiet"));
  CHECK(quiet.status == 0);
  CHECK(quiet.out.empty());
  CHECK(quiet.err.empty());
  CHECK(names_in(sandbox / "quiet") == names_in(sandbox / "loud"));
  CHECK(content(sandbox / "quiet/model.safetensors") ==
        content(sandbox / "loud/model.safetensors"));
  for (const char* line : {"train_v2 3 --quiet", "train_256kib --quiet"}) {
    CAPTURE(line);
    const Outcome got = start(sandbox, words_of(line));
    CHECK(got.status == 0);
    CHECK(got.out.empty());
    CHECK(got.err.empty());
  }
  const Outcome bad = start(sandbox, told_run(sandbox, "--quiet --out text/o"));
  CHECK(bad.status == 73);
  CHECK(bad.out.empty());
  CHECK(bad.err.starts_with("train_full: error: cannot create folder 'text/o'"));
  const Outcome dry = start(sandbox, micro("--quiet --dry-run"));
  CHECK(dry.status == 64);
  CHECK(dry.err.find("--quiet: ") != dry.err.npos);
}
