// SPDX-License-Identifier: MIT
// Own model files and checkpoints hold every family: a run goes on bit for bit, a model comes back
// with the same numbers and the same configuration.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/data/tokenize.hpp>

#include "checkpoint/small_run.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

ModelConfig with_vocabulary(ModelConfig config) {
  config.vocabulary = SmallRun::config.vocabulary;
  return config;
}

template <Scalar T>
std::vector<std::byte> everything(const Trainer<T>& trainer) {
  const auto weights = std::as_bytes(trainer.weights());
  const auto moments = trainer.optimizer_state();
  std::vector<std::byte> bytes(weights.begin(), weights.end());
  bytes.insert(bytes.end(), moments.begin(), moments.end());
  return bytes;
}

}  // namespace

TEST_CASE_TEMPLATE("a run of every family goes on with the same bits", T, float, double) {
  const Folder folder;
  const SmallRun run;
  const TokenStore tokens = tokenize(run.tokenizer, sample_text);
  ThreadPool threads(2);
  const TrainingOptions options{.steps = 9, .sequence = 20};
  for (const auto& family : small_families()) {
    const ModelConfig& of = family.config;
    INFO(family.name);
    const ModelConfig config = with_vocabulary(of);
    Trainer<T> whole(config, options, threads);
    for (int i = 0; i < 2; ++i) whole.step(tokens.view());
    const std::string path = folder / family.name;
    save_checkpoint(path, whole, run.tokenizer, run.corpus);
    const FileSource source(path);
    const CheckpointFile file(source);
    CHECK(file.info().config == config);
    Trainer<T> resumed(config, options, threads);
    file.load(resumed);
    for (int i = 0; i < 2; ++i) {
      whole.step(tokens.view());
      resumed.step(tokens.view());
    }
    CHECK(everything(resumed) == everything(whole));
  }
}

TEST_CASE("a model file holds every family, and no two are taken for each other") {
  const Folder folder;
  const SmallRun run;
  ThreadPool threads(1);
  std::vector<ModelConfig> read;
  for (const auto& family : small_families()) {
    const ModelConfig& of = family.config;
    INFO(family.name);
    const ModelConfig config = with_vocabulary(of);
    const Trainer<float> trainer(config, {.sequence = 20}, threads);
    const std::string path = folder / family.name;
    save_model<float>(path, trainer.model(), 20, run.tokenizer, trainer.weights());
    const LoadedModel<float> model = load_model<float>(path);
    CHECK(model.config == config);
    CHECK(std::equal(trainer.weights().begin(), trainer.weights().end(), model.weights.begin(),
                     model.weights.end()));
    CHECK(std::find(read.begin(), read.end(), model.config) == read.end());
    read.push_back(model.config);
  }
}
