// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/recorded_run.hpp>
#include <octavo/runs/run_page.hpp>

#include "files/folder.hpp"

namespace {

namespace fs = std::filesystem;
using octavo::Index;
using Lines = std::vector<std::string>;

/// A small run on the built-in text, the last tenth of which is for validation here.
struct Recorded {
  explicit Recorded(const std::string& folder, Index steps, Index metrics_every = 4)
      : trainer({.vocabulary = 35,
                 .context = 8,
                 .layers = 1,
                 .width = 8,
                 .attention = {.heads = 2},
                 .feed_forward = {.d_ff = 8}},
                {.steps = steps, .sequence = 8, .warmup = 2, .evaluate_every = 5}, threads),
        saver({.folder = folder, .save_every = 4}, trainer, corpus.tokenizer, corpus.identity,
              callbacks()),
        log(run_page(trainer, corpus, threads, octavo::text_statistics(tokens, corpus.tokenizer)),
            {.metrics_every = metrics_every,
             .evaluate_every = 5,
             .generate = [](const std::string& model) { return "write " + model; }},
            callbacks()) {}

  octavo::RunCallbacks callbacks() {
    return {
        .say = [this](const std::string& line) { said.push_back(line); },
        .warn = [this](const std::string& what, const std::string&) { warned.push_back(what); }};
  }

  bool has_said(std::string_view start) const {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return line.starts_with(start); });
  }

  octavo::RunResult run(octavo::RecordedRunOptions options = {}) {
    return octavo::run_recorded(trainer, saver, log, threads, tokens, options);
  }

  Lines said, warned;
  octavo::ThreadPool threads{1};
  octavo::Corpus corpus = octavo::CorpusReader({}).read();
  octavo::TokenSplit tokens = octavo::split_tokens(corpus.tokens());
  octavo::Trainer<float> trainer;
  octavo::RunSaver<octavo::Trainer<float>> saver;
  octavo::RunLog log;
};

std::size_t rows_of(const std::string& path) {
  const std::string text = octavo::read_file(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
}

}  // namespace

TEST_CASE("a recorded run trains, evaluates, saves, samples and writes all of that down") {
  const Folder folder;
  Recorded one(folder / "run", 12);
  std::vector<Index> sampled, stepped, released;
  octavo::RecordedRunOptions options;
  options.sample_every = 6;
  options.sample = [&](Index done) {
    sampled.push_back(done);
    return done == 6 ? std::string("To be\n") : std::string();
  };
  options.step = [&](const octavo::StepResult& result) {
    stepped.push_back(result.step + 1);
    CHECK(one.log.history().steps_done() == result.step + 1);  // the log knows the step
  };
  options.release_every = 8;
  options.release = [&] { released.push_back(one.trainer.state().steps_done); };
  const octavo::RunResult result = one.run(options);
  CHECK(result.reason == octavo::StopReason::finished);
  CHECK(stepped.size() == 12);
  CHECK(sampled == std::vector<Index>{6, 12});
  CHECK(released == std::vector<Index>{5, 8, 10, 12});
  CHECK(one.has_said("step      5  validation loss "));
  CHECK(one.has_said("step     10  validation loss "));
  CHECK(one.has_said("step     12  validation loss "));
  CHECK(std::count(one.said.begin(), one.said.end(), "sample: To be\\n") == 1);
  CHECK(one.warned.empty());
  CHECK(fs::exists(folder.path / "run/checkpoint-00000012.safetensors"));
  CHECK(one.saver.best_path() == folder / "run/best.safetensors");
  // A row every four steps, at each evaluation, and where the run is saved.
  CHECK(rows_of(folder / "run/metrics.csv") >= 5);
  CHECK(rows_of(folder / "run/samples.tsv") == 1);
  const std::string page = octavo::read_file(folder / "run/report.html");
  CHECK(page.find("write " + (folder / "run/best.safetensors")) != page.npos);
  CHECK(one.log.summary().starts_with("mean loss of the last 12 steps "));
}

TEST_CASE("a recorded run has the bits of one that is not recorded, and can be stopped") {
  const Folder folder;
  Recorded one(folder / "run", 12), plain("", 12);
  bool stop = false;
  octavo::RecordedRunOptions options;
  options.step = [&](const octavo::StepResult& result) { stop = result.step == 6; };
  options.stop = [&] { return stop; };
  CHECK(one.run(options).reason == octavo::StopReason::asked);
  CHECK(one.trainer.state().steps_done == 7);
  stop = false;
  options.stop = {};
  one.run(options);
  plain.run();
  const auto a = one.trainer.weights(), b = plain.trainer.weights();
  CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  CHECK(plain.saver.folder() == nullptr);
}

TEST_CASE("a file that cannot be written does not end a recorded run") {
  const Folder folder;
  Recorded one(folder / "run", 5);
  fs::create_directory(folder.path / "run/samples.tsv");
  fs::create_directory(folder.path / "run/report.html");
  one.run();
  CHECK(one.warned.size() == 2);
  CHECK(rows_of(folder / "run/metrics.csv") >= 1);
}

TEST_CASE("a table of something else is neither written to nor thrown away") {
  const Folder folder;
  Recorded one(folder / "run", 5);
  std::ofstream(folder / "run/metrics.csv") << "a,b\n1,2\n";
  CHECK_THROWS_AS(one.run(), octavo::FormatError);
  CHECK(octavo::read_file(folder / "run/metrics.csv") == "a,b\n1,2\n");
}
