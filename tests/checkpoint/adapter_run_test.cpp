// SPDX-License-Identifier: MIT
// A run that trains low-rank adapters: it goes on bit for bit, its model file has base and
// adapters, and files of models without adapters say nothing of them.
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/tokenize.hpp>
#include <octavo/transformer/families.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr ModelConfig with(ModelConfig config, const LoraConfig& lora) {
  config.lora = lora;
  return config;
}

}  // namespace

TEST_CASE("a run of adapters goes on, bit for bit, and its checkpoints are equal to the byte") {
  const Folder folder;
  const SmallRun run;
  const TokenStore tokens = tokenize(run.tokenizer, sample_text);
  ThreadPool threads(2);
  const ModelConfig config = with(SmallRun::config, {.rank = 2,
                                                     .alpha = 3,
                                                     .rank_stable = true,
                                                     .dropout = 0.1,
                                                     .targets = "q_proj,v_proj,c_fc"});
  const TrainingOptions plain{.steps = 20, .sequence = 4};
  TrainingOptions more = plain;
  more.train_too = "norm";
  more.dropout = 0.1;
  more.ema = 0.9;
  for (const TrainingOptions& options : {plain, more}) {
    const auto step = [&](Trainer<float>& trainer, int steps) {
      while (steps-- > 0) trainer.step(tokens.view());
    };
    Trainer<float> whole(config, options, threads);
    step(whole, 3);
    const std::string path = folder / "c.safetensors";
    save_checkpoint(path, whole, run.tokenizer, run.corpus);
    const FileSource source(path);
    const CheckpointFile file(source);
    CHECK(file.info().config == config);
    CHECK(file.info().options.train_too == options.train_too);
    Trainer<float> resumed(config, options, threads);
    file.load(resumed);
    step(whole, 4);
    step(resumed, 4);
    CHECK(octavo_test::state_bytes(resumed) == octavo_test::state_bytes(whole));
    save_checkpoint(folder / "a", whole, run.tokenizer, run.corpus);
    save_checkpoint(folder / "b", resumed, run.tokenizer, run.corpus);
    CHECK(read_file(folder / "a") == read_file(folder / "b"));
    // A run without adapters has no place for them.
    SmallRun other;
    CHECK_THROWS_AS(file.load(other.trainer), ConfigError);
  }
}

TEST_CASE("a model file has base and adapters") {
  const Folder folder;
  const SmallRun run;
  const ModelConfig config = with(SmallRun::config, {.rank = 3, .targets = "all-linear"});
  ThreadPool threads(1);
  Trainer<float> trainer(config, {.sequence = 4}, threads);
  const std::string path = folder / "m.safetensors";
  save_model<float>(path, trainer.model(), 4, run.tokenizer, trainer.weights());
  const FileSource source(path);
  const ModelFile file(source);
  CHECK(file.config() == config);
  std::vector<float> weights(trainer.weights().size());
  file.read(std::span(weights));
  CHECK(std::equal(weights.begin(), weights.end(), trainer.weights().begin()));
}

TEST_CASE("a file of a model without adapters says nothing of them") {
  const SavedRun run;
  for (const std::string& key : ForgedFile::from(run.good).metadata_keys()) {
    CHECK(key.find("lora") == std::string::npos);
    CHECK(key != "train_too");
  }
}

TEST_CASE("targets that the model of a file does not have are its fault") {
  SavedRun run;
  ForgedFile forged = ForgedFile::from(run.good);
  forged.set("lora_rank", "2").set("lora_targets", "gate_proj");
  CHECK(run.failure(forged.seal().bytes()) ==
        "metadata: lora_targets: no linear layer of a block is called 'gate_proj'");
}
