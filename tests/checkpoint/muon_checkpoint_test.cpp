// SPDX-License-Identifier: MIT
// A state whose moments are not all of one length.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/optimizers/muon.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("Muon's run is resumed with the same bits") {
  const CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
  const TokenStore tokens = tokenize(tokenizer, sample_text);
  ThreadPool threads(2);
  const auto trained = [&](Trainer<float>& trainer, Index steps) {
    for (Index i = 0; i < steps; ++i) trainer.step(tokens.view());
    return std::vector<float>(trainer.weights().begin(), trainer.weights().end());
  };
  for (const bool fused : {false, true}) {
    const TrainingOptions options{.steps = 20,
                                  .sequence = 4,
                                  .warmup = 2,
                                  .schedule = LearningRateSchedule::Shape::wsd,
                                  .optimizer = Muon{.momentum = 0.8},
                                  .zero_init = true,
                                  .fused_update = fused};
    Trainer<float> whole(SmallRun::config, options, threads);
    const std::vector<float> expected = trained(whole, 7);
    Trainer<float> first(SmallRun::config, options, threads);
    trained(first, 4);
    const Folder folder;
    save_checkpoint(folder / "run", first, tokenizer, {"text", sample_text.size(), "0123"});
    const FileSource source(folder / "run");
    const CheckpointFile file(source);
    CHECK(file.info().options.optimizer == options.optimizer);
    CHECK(file.info().options.schedule == options.schedule);
    Trainer<float> second(SmallRun::config, file.info().options, threads);
    file.load(second);
    CHECK(trained(second, 3) == expected);
  }
}

TEST_CASE("a number that Muon cannot have left is found where it is") {
  SavedRun run(full_shape, Muon{});
  const TrainedSizes& sizes = run.saved.parameters().trained();
  REQUIRE(sizes.in_maps > 0);
  const auto all = static_cast<std::size_t>(sizes.count);
  const auto others = static_cast<std::size_t>(sizes.count - sizes.in_maps);
  CHECK(run.saved.optimizer_state().size() == (all + others) * sizeof(float));
  const auto failure = [&](std::size_t index, float number) {
    return run.failure(
        ForgedFile::from(run.good).put("optimizer.state", index, number).seal().bytes());
  };
  CHECK(failure(all - 1, -1.0F) == "");  // first moments have a sign
  for (const std::size_t index : {all, all + others - 1}) {
    CHECK(failure(index, -1.0F) == "tensor 'optimizer.state': number " + std::to_string(index) +
                                       " is not a valid optimizer state");
  }
}
