// SPDX-License-Identifier: MIT
// Rollbacks that help, and that depend neither on how often a run is saved nor on where it was
// interrupted.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/rollback.hpp>

#include "files/folder.hpp"

namespace {

namespace fs = std::filesystem;
using octavo::Index;
using Trainer = octavo::Trainer<float>;

constexpr octavo::ModelConfig config{.vocabulary = 35,
                                     .context = 16,
                                     .layers = 1,
                                     .width = 16,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 24}};
/// Its learning rate grows beyond what the model bears.
const octavo::TrainingOptions options{.steps = 300,
                                      .sequence = 12,
                                      .learning_rate = 2,
                                      .min_lr = 0,
                                      .warmup = 250,
                                      .clip = 0,
                                      .stop_at_spike = true};

struct Part {
  Index save_every = 0;
  Index stop_at = -1;   ///< after so many steps
  bool killed = false;  ///< there, without a last save
  Index keep = 2;
};

struct Told {
  std::vector<std::string> rollbacks;
  std::string last;  ///< the checkpoint that it ended with
};

/// One process of a run, which goes on with what is in its folder.
Told run_part(const std::string& folder, const Part& part, const std::string& resume = "") {
  std::unique_ptr<octavo::ResumedRun> resumed;
  if (fs::exists(folder) || !resume.empty()) {
    resumed = std::make_unique<octavo::ResumedRun>(resume.empty() ? folder : resume);
  }
  const octavo::AnyTokenizer tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::sample_text);
  octavo::ThreadPool threads(1);
  Trainer trainer(config, options, threads);
  if (resumed) resumed->file().load(trainer);
  Told told;
  const auto say = [&](const std::string& line) {
    if (line.find("; back to ") != line.npos) told.rollbacks.push_back(line);
  };
  octavo::RunSaver<Trainer> saver(
      {.folder = folder, .save_every = part.save_every, .keep = part.keep, .rollback = true},
      trainer, tokenizer, {"", 1, "0"}, {.say = say}, resumed.get());
  bool stop = false;
  octavo::TrainingCallbacks callbacks;
  callbacks.completed = [&](Index done) {
    saver.step(done);
    stop = stop || done == part.stop_at;
  };
  callbacks.stop = [&] { return stop; };
  octavo::run_with_rollbacks(trainer, saver, [&] { return trainer.run(tokens.view(), callbacks); });
  if (part.killed && trainer.state().steps_done < options.steps) return told;
  saver.finish();
  told.last = octavo::read_file(saver.last());
  return told;
}

}  // namespace

TEST_CASE("a rollback that helps: the run ends, whatever save_every and keep are") {
  const Folder sandbox;
  const Told whole = run_part(sandbox / "whole", {});
  REQUIRE(whole.rollbacks.size() >= 2);
  std::vector<std::string> seen;
  for (const std::string& line : whole.rollbacks) {
    MESSAGE(line);
    // To a multiple of 50 that is 16 steps older or more, each time to another.
    const Index from = std::stol(line.substr(line.find(' ')));
    const std::string name = line.substr(line.find("checkpoint-") + 11, 8);
    const Index to = std::stol(name);
    CHECK(to % 50 == 0);
    CHECK(to <= from - 16);
    CHECK(std::find(seen.begin(), seen.end(), name) == seen.end());
    seen.push_back(name);
  }
  for (const Index save_every : {1, 2, 5, 7, 25, 50}) {
    for (const Index keep : {1, 1000}) {
      CAPTURE(save_every);
      fs::remove_all(sandbox.path / "other");
      const Told other =
          run_part(sandbox / "other", {.save_every = save_every, .stop_at = -1, .keep = keep});
      CHECK(other.last == whole.last);
      CHECK(other.rollbacks.size() == whole.rollbacks.size());
      CHECK_FALSE(fs::exists(sandbox.path / "other/earlier-1"));
    }
  }
}

TEST_CASE("a run with rollbacks that was interrupted ends with the bytes of one that was not") {
  const Folder sandbox;
  const Told whole = run_part(sandbox / "whole", {});
  REQUIRE(whole.rollbacks.size() >= 2);
  std::vector<Index> stops = {1, 50, 299};
  for (const std::string& line : whole.rollbacks) {
    const Index spike = std::stol(line.substr(line.find(' ')));
    const Index target = std::stol(line.substr(line.find("checkpoint-") + 11, 8));
    for (const Index step : {spike - 2, spike - 1, target + 1, target + 50}) {
      stops.push_back(step);
    }
  }
  for (const Index save_every : {1, 2, 5, 7, 25}) {
    bool killed = save_every % 2 == 0;
    for (const Index stop : stops) {
      killed = !killed;
      CAPTURE(save_every);
      CAPTURE(stop);
      CAPTURE(killed);
      const std::string folder = sandbox / "parts";
      fs::remove_all(folder);
      run_part(folder, {save_every, stop, killed});
      CHECK(run_part(folder, {.save_every = 30}).last == whole.last);
    }
  }
}

TEST_CASE("a run with rollbacks may be interrupted again and again, and go on elsewhere") {
  const Folder sandbox;
  const Told whole = run_part(sandbox / "whole", {});
  Told part;
  for (Index stop = 37; stop < 300; stop += 37) {
    part =
        run_part(sandbox / "parts", {.save_every = 10, .stop_at = stop, .killed = stop % 2 == 0});
  }
  CHECK(run_part(sandbox / "parts", {}).last == whole.last);
  // Before the first spike: what it goes back to lies where it began.
  const Index spike = std::stol(whole.rollbacks.front().substr(4));
  run_part(sandbox / "begun", {.save_every = 0, .stop_at = spike - 5});
  CHECK(run_part(sandbox / "elsewhere", {}, sandbox / "begun").last == whole.last);
}

TEST_CASE("without a checkpoint to go back to a spike ends the run") {
  const octavo::AnyTokenizer tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  const octavo::TokenStore tokens = octavo::tokenize(tokenizer, octavo::sample_text);
  octavo::ThreadPool threads(1);
  Trainer trainer(config, options, threads);
  octavo::RunSaver<Trainer> saver({}, trainer, tokenizer, {"", 1, "0"});
  try {
    octavo::run_with_rollbacks(trainer, saver, [&] { return trainer.run(tokens.view()); });
    FAIL("the run has no spike");
  } catch (const octavo::Diverged& error) {
    const std::string what = error.what();
    CHECK(what.starts_with("training diverged at step "));
    CHECK(what.ends_with(": loss spike, and there is no checkpoint to go back to"));
    CHECK(error.step() == trainer.state().steps_done);
  }
}

TEST_CASE("without rollbacks a loss that is not finite names the last checkpoint") {
  const Folder folder;
  const octavo::AnyTokenizer tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  octavo::ThreadPool threads(1);
  Trainer trainer(config, options, threads);
  octavo::RunSaver<Trainer> saver({.folder = folder / "run"}, trainer, tokenizer, {"", 1, "0"});
  const auto hint = [&] {
    try {
      octavo::run_with_rollbacks(trainer, saver, []() -> octavo::RunResult {
        throw octavo::Diverged("loss is not finite", 3, 1.0, "lower it");
      });
    } catch (const octavo::Diverged& error) {
      CHECK(error.what() == std::string("loss is not finite"));
      return error.hint();
    }
    return std::string("none");
  };
  CHECK(hint() == "lower it");
  saver.finish();
  CHECK(hint() == "the last good checkpoint is " +
                      (folder / "run/checkpoint-00000000.safetensors") +
                      "; lower the learning rate, or resume with rollbacks");
}
