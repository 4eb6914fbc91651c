// SPDX-License-Identifier: MIT
// What a run tells while it goes on: evaluations that do not take long, files that can be followed,
// hints that hold, samples as they were asked for.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/process.hpp"

namespace {

const std::string micro =
    "train_full --layers 1 --heads 2 --context 16 --sequence 12 --threads 1 --width 16 --ff 24 ";

void write_words(const Sandbox& sandbox, int words = 2000) {
  std::string text;
  for (int i = 0; i < words; ++i) text += "word " + std::to_string(i * i % 97) + "\n";
  std::ofstream(sandbox.path / "text") << text;
}

std::string printed(const Sandbox& sandbox, const std::string& command) {
  const Outcome got = start(sandbox, words_of(command));
  CHECK_MESSAGE(got.status == 0, got.err);
  return got.out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// The number after `words`.
double number_after(const std::string& text, const std::string& words) {
  const std::size_t at = text.find(words);
  REQUIRE_MESSAGE(at != text.npos, text);
  return std::stod(text.substr(at + words.size()));
}

std::string content(const fs::path& path) { return octavo::read_file(path.string()); }

}  // namespace

TEST_CASE("evaluations are of a sample that the options fix, the last one is of the whole text") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string run = micro + "--data text --eval-every 20 --sample-every 0 ";
  const std::string all = printed(sandbox, run + "--eval-tokens 0 --out all 60");
  const std::string some = printed(sandbox, run + "--out some 60");  // 1024, and so 85 windows
  CHECK(has(all, "evaluation: all "));
  CHECK_FALSE(has(all, "whole validation text"));
  CHECK(has(some, "evaluation: 1020 tokens every 20 steps"));
  CHECK(number_after(some, "step     60  validation loss ") !=
        number_after(all, "step     60  validation loss "));
  const std::string whole = some.substr(some.find("whole validation text"));
  CHECK(number_after(whole, " tokens: loss ") ==
        number_after(all, "step     60  validation loss "));
  const auto model = [&](const char* out) {
    return content(sandbox.path / out / "model.safetensors");
  };
  CHECK(model("all") == model("some"));

  // A run that goes on keeps its sample; another would not compare.
  CHECK(start(sandbox, words_of("train_full --resume some --eval-tokens 24")).err ==
        "train_full: error: --resume: the run has eval-tokens 1024, but 24 was asked\n"
        "  hint: leave it out: losses of other tokens do not compare\n");
  CHECK(has(printed(sandbox, "train_full --resume some --threads 1 --new-schedule 80"),
            "evaluation: 1020 tokens every 20 steps"));
  CHECK(has(printed(sandbox, "train_full --resume all --threads 1 --new-schedule 80"),
            "evaluation: all "));
}

TEST_CASE("losses come with bits per character, which no tokenizer changes") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string run = micro + "--data text --eval-tokens 0 --sample-every 0 ";
  for (const char* tokenizer : {"char", "bpe --vocab 300"}) {
    CAPTURE(tokenizer);
    const std::string out = tokenizer[0] == 'c' ? "char" : "bpe";
    const std::string text =
        printed(sandbox, run + "--tokenizer " + tokenizer + " --out " + out + " 40");
    const std::size_t at = text.find("step     40  validation loss ");
    REQUIRE(at != text.npos);
    const double loss = number_after(text.substr(at), "validation loss ");
    const double bits = number_after(text.substr(at + 34), "  ");
    const std::string tail = content(sandbox / "text");
    // The last tenth is scored as the run has evaluated it.
    std::ofstream(sandbox / "tail") << tail.substr(tail.size() / 10 * 9);
    const std::string score =
        printed(sandbox, "generate " + out + "/model.safetensors --threads 1 --score tail");
    CHECK(bits == doctest::Approx(number_after(score, "per token\n")).epsilon(0.02));
    if (out == "char") CHECK(bits == doctest::Approx(loss / std::log(2.0)).epsilon(1e-3));
    std::istringstream table(content(sandbox.path / out / "metrics.csv"));
    std::string line, last;
    while (std::getline(table, line)) last = line;
    CHECK(std::stod(last.substr(last.rfind(',') + 1)) == doctest::Approx(bits).epsilon(1e-3));
  }
}

TEST_CASE("a log and a table can be followed while the run goes on") {
  const Sandbox sandbox;
  write_words(sandbox);
  std::ofstream(sandbox.path / "job.sh")
      << OCTAVO_EXAMPLES_FOLDER "/" << micro
      << "--data text --out o --log-every 0 --eval-every 0 --sample-every 0 --save-every 0 "
         "1000000000 >log 2>&1 &\nrun=$!\nrows=0\nfor i in $(seq 200); do\n  sleep 0.1\n"
         "  rows=$(cat o/metrics.csv 2>/dev/null | wc -l)\n"
         "  if [ $rows -gt 20 ]; then break; fi\ndone\ncp log seen\nkill -9 $run\n"
         "test $rows -gt 20\n";
  CHECK(std::system(("cd '" + sandbox.path.string() + "' && bash job.sh 2>/dev/null").c_str()) ==
        0);
  const std::string log = content(sandbox / "seen");
  CHECK(log.starts_with("train_full: preset"));
  CHECK(has(log, "saves to o: a checkpoint at the end\n"));
}

TEST_CASE("a run in the background leaves the terminal to the shell") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string run = micro + "--data text --eval-every 100 --sample-every 0 --out o 300";
  // A shell with jobs on a terminal of its own, which script writes down.
  const auto shown = [&](const std::string& jobs) {
    std::ofstream(sandbox / "jobs.sh") << "set -m\n" << jobs << "\n";
    const std::string line =
        "cd '" + sandbox.path.string() +
        "' && TERM=xterm script -qec 'bash jobs.sh' seen </dev/null >/dev/null";
    CHECK(std::system(line.c_str()) == 0);
    return content(sandbox / "seen");
  };
  if (std::system("command -v script >/dev/null") != 0) return;
  const std::string program = OCTAVO_EXAMPLES_FOLDER "/" + run;
  const std::string front = shown(program), back = shown(program + " & wait");
  CHECK(has(front, "validation loss"));
  CHECK(has(front, "100%"));
  CHECK(has(front, "\x1b["));
  CHECK(has(back, "validation loss"));
  CHECK_FALSE(has(back, "100%"));
  CHECK_FALSE(has(back, "\x1b["));
}

TEST_CASE("damaged tables cost a run that goes on their damaged rows alone") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string run = micro + "--data text --eval-every 20 --sample-every 20 --save-every 30 ";
  printed(sandbox, run + "--out o 60");
  const std::string samples = content(sandbox / "o/samples.tsv");
  const auto resumed = [&] {
    return start(sandbox, words_of("train_full --threads 1 --new-schedule 90 --resume "
                                   "o/checkpoint-00000060.safetensors --out o"));
  };
  std::ofstream(sandbox / "o/samples.tsv", std::ios::app) << "no row\n60\tonce more\n";
  std::string table = content(sandbox / "o/metrics.csv");
  table.replace(table.find("\n30,"), 4, "\n3X,");
  std::ofstream(sandbox / "o/metrics.csv") << table;
  const Outcome got = resumed();
  CHECK(got.status == 0);
  CHECK(has(got.err, "warning: 'o/metrics.csv': 1 damaged row is left out\n"));
  CHECK(has(got.err, "warning: 'o/samples.tsv': 2 damaged rows are left out\n"));
  CHECK(content(sandbox / "o/samples.tsv").starts_with(samples));
  const std::string now = content(sandbox / "o/metrics.csv");
  CHECK(has(now, "\n20,"));
  CHECK_FALSE(has(now, "3X"));
  CHECK(has(now, "\n90,"));

  for (const char* name : {"metrics.csv", "samples.tsv"}) {
    fs::remove(sandbox.path / "o" / name);
    fs::create_directory(sandbox.path / "o" / name);
  }
  const Outcome without =
      start(sandbox, words_of("train_full --threads 1 --new-schedule 120 --resume o"));
  CHECK_MESSAGE(without.status == 0, without.err);
  CHECK(has(without.err, "o/metrics.csv"));
  CHECK(has(without.err, "o/samples.tsv"));
  CHECK(has(without.err, "the run continues without it"));
}

TEST_CASE("samples begin and end as was asked") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string run = micro + "--data text --eval-every 0 ";
  printed(sandbox, run + "--prompt ord --sample-tokens 7 --sample-every 20 --out o 40");
  std::istringstream rows(content(sandbox / "o/samples.tsv"));
  std::string row;
  std::getline(rows, row);
  int count = 0;
  while (std::getline(rows, row)) {
    const std::string text = row.substr(row.find('\t') + 1);
    CHECK(text.starts_with("ord"));
    std::size_t letters = text.size();
    for (std::size_t at = 0; (at = text.find("\\n", at)) != text.npos; ++at) --letters;
    CHECK(letters == 10);
    ++count;
  }
  CHECK(count == 2);
  CHECK(start(sandbox, words_of(run + "--no-unknown --prompt ~ --out p 40")).status == 65);
  CHECK(has(start(sandbox, words_of(run + "--prompt ~ --out p 2")).err, "1 of 1 characters"));
  CHECK(start(sandbox, words_of(run + "--sample-tokens 0 --out p 2")).status == 64);
}

TEST_CASE("a finished run says how to go on, a diverged one what the loss is") {
  const Sandbox sandbox;
  printed(sandbox, micro + "--out o 10");
  CHECK(has(printed(sandbox, "train_full --threads 1 --resume o"),
            "nothing is left to do; to continue: train_full --resume o --threads 1 --new-schedule "
            "20\n"));
  const Outcome lost = start(sandbox, words_of(micro + "--lr 1e30 --min-lr 1e30 --clip 0 --no-bias "
                                                       "--warmup 0 --out p 200"));
  CHECK(lost.status == 1);
  CHECK((has(lost.err, " is not a number\n") || has(lost.err, " is infinite\n")));
}

TEST_CASE("a dry run says what the process needs, and the table comes where it is asked for") {
  const Sandbox sandbox;
  write_words(sandbox);
  const std::string dry = printed(sandbox, micro + "--data text --dry-run 10");
  CHECK(has(dry, "expected peak of the process "));
  CHECK(has(dry, "10 steps of 1 x 12 tokens, lr 0.001 to 0.0001, warm-up 5, adamw\n"));
  CHECK(has(dry, " of the text will be seen: 120 of "));
  CHECK_FALSE(has(dry, "first moments"));
  CHECK(std::count(dry.begin(), dry.end(), '\n') < 20);
  CHECK(has(printed(sandbox, micro + "--data text 10 --dry-run --memory-report"), "by kind:"));
}
