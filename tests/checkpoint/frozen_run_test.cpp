// SPDX-License-Identifier: MIT
// Learning-rate factors are part of a run: a fine-tuning with frozen tensors goes on, bit for bit.
#include <span>
#include <string>

#include <doctest/doctest.h>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr const char* frozen = "embedding.tokens.weight";
constexpr const char* frozen_in_file = "transformer.wte.weight";

/// Nothing but the block learns, its feed-forward part half as fast.
void freeze(ParameterList& parameters) {
  CHECK(parameters.set_learning_rate_factor("", 0) == 18);
  CHECK(parameters.set_learning_rate_factor("blocks.", 1) == 12);
  CHECK(parameters.set_learning_rate_factor("feed_forward.", 0.5) == 4);
}

std::vector<double> factors(const ParameterList& parameters) {
  std::vector<double> all;
  for (const Parameter& parameter : parameters) all.push_back(parameter.learning_rate_factor);
  return all;
}

}  // namespace

TEST_CASE("a resumed run with frozen tensors has the bits of one that never stopped") {
  const Folder folder;
  CheckpointFolder saves(folder.path(), 1);
  SmallRun whole;
  freeze(whole.trainer.parameters());
  const Eigen::MatrixXf before = whole.trainer.weight(frozen);
  whole.train(3);
  const std::string path = whole.save(saves);
  SmallRun resumed;
  resumed.load(path);
  CHECK(factors(resumed.trainer.parameters()) == factors(whole.trainer.parameters()));
  CHECK(read_file(resumed.save(saves)) == read_file(path));
  whole.train(4);
  resumed.train(4);
  CHECK(resumed.now() == whole.now());
  CHECK(resumed.trainer.weight(frozen) == before);
  CHECK(!(whole.now() == SmallRun(7).now()));
}

TEST_CASE("a checkpoint without factors makes all of them 1") {
  SmallRun run;
  freeze(run.trainer.parameters());
  run.load(OCTAVO_TEST_REFERENCE_FOLDER "/checkpoint_1.safetensors");
  CHECK(factors(run.trainer.parameters()) == std::vector<double>(18, 1.0));
  run.train(2);
  CHECK(run.now() == SmallRun(5).now());
}

TEST_CASE("a factor of a tensor that is not there, or out of range, is refused") {
  SavedRun run;
  CHECK(run.saved.parameters().set_learning_rate_factor(frozen, 0.25) == 1);
  const std::string key = std::string("learning_rate_factor.") + frozen_in_file;
  const ForgedFile good = ForgedFile::from(checkpoint_bytes(run.saved));
  CHECK(run.failure(good.bytes()) == "");
  CHECK(run.other.parameters().find(frozen).learning_rate_factor == 0.25);
  for (const std::string bad : {"-1", "inf", "nan", "", "x"}) {
    ForgedFile forged = good;
    CHECK(run.failure(forged.set(key, bad).seal().bytes()).starts_with("metadata '" + key + "'"));
  }
  ForgedFile forged = good;
  forged.replace(key, "learning_rate_factor.transformer.wtf.weight");
  CHECK(run.failure(forged.seal().bytes()) ==
        "metadata 'learning_rate_factor.transformer.wtf.weight': there is no tensor "
        "'transformer.wtf.weight'");
  CHECK(run.other.parameters().find(frozen).learning_rate_factor == 0.25);
}

TEST_CASE(
    "a run that trains a part of a model goes on, bit for bit, with the moments of that part") {
  const Folder folder;
  const SmallRun run;
  const TokenStore tokens = tokenize(run.tokenizer, sample_text);
  ThreadPool threads(2);
  for (const TrainingOptions& options :
       {TrainingOptions{.steps = 20, .sequence = 4, .freeze = "attention,positions"},
        TrainingOptions{.steps = 20, .sequence = 4, .train_last = 1}}) {
    const auto step = [&](Trainer<float>& trainer, int steps) {
      while (steps-- > 0) trainer.step(tokens.view());
    };
    Trainer<float> whole(SmallRun::config, options, threads);
    step(whole, 3);
    const std::string path = folder / "c.safetensors";
    save_checkpoint(path, whole, run.tokenizer, run.corpus);
    const FileSource source(path);
    const CheckpointFile file(source);
    CHECK(file.info().options.freeze == options.freeze);
    CHECK(file.info().options.train_last == options.train_last);
    Trainer<float> resumed(SmallRun::config, options, threads);
    file.load(resumed);
    step(whole, 4);
    step(resumed, 4);
    CHECK(octavo_test::state_bytes(resumed) == octavo_test::state_bytes(whole));
    CHECK(whole.optimizer_state().size() < run.trainer.optimizer_state().size());
    // One that trains everything has no place for these moments.
    SmallRun other;
    CHECK_THROWS_AS(file.load(other.trainer), ConfigError);
  }
}

TEST_CASE("a checkpoint that freezes what is not there, or everything, is refused") {
  SavedRun run;
  const auto refusal = [&](const char* pattern) -> std::string {
    ForgedFile forged = ForgedFile::from(checkpoint_bytes(run.saved));
    const std::string bytes = forged.set("freeze", pattern).seal().bytes();
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    try {
      CheckpointFile(source).verify();
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal("attn") ==
        "cannot load 'x': metadata 'freeze': freeze: no tensor's name contains 'attn'");
  CHECK(refusal("*") == "cannot load 'x': metadata 'freeze': freeze: nothing is left to train");
  CHECK(refusal("") == "");
}
