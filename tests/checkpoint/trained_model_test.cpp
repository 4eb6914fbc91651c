// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/trained_model.hpp>

#include "checkpoint/small_run.hpp"
#include "transformer/stored_model.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("the model of a run on a stored base is a file of adapters") {
  const Folder folder;
  const SmallRun other;
  ModelConfig adapted = SmallRun::config;
  adapted.lora.rank = 2;
  const StoredModel base(SmallRun::config, StoredType::bf16, StoredLayout::grouped);
  ThreadPool threads(2);
  Trainer<float> trainer(adapted, {.sequence = 4}, threads, base.stored.parameters());
  save_trained_model(folder / "m", trainer, other.tokenizer);
  const FileSource source(folder / "m");
  const ModelFile file(source);
  CHECK(file.base().fingerprint == trainer.base().fingerprint);
  CHECK(file.config() == adapted);
  CHECK(file.parameters().count() == std::ssize(trainer.weights()));
  std::vector<float> weights(trainer.weights().size());
  file.read(std::span(weights));
  CHECK(std::equal(weights.begin(), weights.end(), trainer.weights().begin()));
  file.check_sums();
  CHECK_THROWS_WITH_AS(load_model<float>(source), doctest::Contains("adapters of a model alone"),
                       FormatError);
  // Without a base it is the file of save_model.
  SmallRun whole(1);
  save_trained_model(folder / "a", whole.trainer, whole.tokenizer);
  whole.save_model(folder / "b");
  CHECK(read_file(folder / "a") == read_file(folder / "b"));
}
