// SPDX-License-Identifier: MIT
// A user's update rule goes where Octavo's own go: trainer, fused update, plan, checkpoints.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/report/settings.hpp>

#include "adagrad.hpp"
#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using octavo_test::Adagrad;
using octavo_test::ForgedFile;
using octavo_test::SmallRun;

namespace {

constexpr auto known = known_optimizers(Adagrad{});

constexpr TrainingOptions memory_of(const AnyOptimizer& optimizer) {
  return {.batch = 1, .sequence = 4, .optimizer = optimizer};
}
static_assert(training_bytes<float>(SmallRun::config, memory_of(Adagrad{})) ==
              training_bytes<float>(SmallRun::config, memory_of(Sgd{})));

/// A run by Adagrad, with and without fused update.
struct Run {
  explicit Run(bool fused, const AnyOptimizer& optimizer = Adagrad{.weight_decay = 0.01})
      : trainer(SmallRun::config,
                {.steps = 100,
                 .sequence = 4,
                 .learning_rate = 0.1,
                 .warmup = 2,
                 .optimizer = optimizer,
                 .fused_update = fused},
                threads) {}

  void train(Index steps) {
    for (Index i = 0; i < steps; ++i) trainer.step(tokens.view());
  }
  std::string save() const {
    return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
      save_checkpoint(path, trainer, tokenizer, {"soliloquy", 1, "0123"}, files);
    });
  }
  /// What is said about these bytes; empty if they load.
  std::string failure(const std::string& bytes, OptimizerList list = known) {
    try {
      const MemorySource source("x", std::as_bytes(std::span(bytes)));
      CheckpointFile(source, {.optimizers = list}).load(trainer);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }

  ThreadPool threads{1};
  CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
  TokenStore tokens = tokenize(tokenizer, sample_text);
  Trainer<float> trainer;
};

}  // namespace

TEST_CASE("a run by a user's rule learns, and goes on bit for bit") {
  for (const bool fused : {false, true}) {
    Run run(fused), other(fused);
    const double before = run.trainer.evaluate(run.tokens.view());
    run.train(60);
    CHECK(run.trainer.evaluate(run.tokens.view()) < before - 0.3);
    CHECK(other.failure(run.save()) == "");
    CHECK(other.save() == run.save());
    run.train(7);
    other.train(7);
    CHECK(other.save() == run.save());
  }
}

TEST_CASE("a user's settings and state are in the file, and are checked") {
  Run run(false);
  run.train(3);
  const std::string good = run.save();
  const MemorySource source("x", std::as_bytes(std::span(good)));
  CHECK(CheckpointFile(source, {.optimizers = known}).info().options.optimizer ==
        AnyOptimizer(Adagrad{.weight_decay = 0.01}));
  const std::string start = "cannot load 'x': ";
  CHECK(run.failure(ForgedFile::from(good).set("optimizer.epsilon", "-1").seal().bytes()) ==
        start + "metadata 'optimizer.epsilon': got '-1', expected 0 to 1.7976931348623157e+308");
  ForgedFile negative = ForgedFile::from(good);
  negative.put("optimizer.state", 5, -1.0F);
  CHECK(run.failure(negative.seal().bytes()) ==
        start + "tensor 'optimizer.state': number 5 is not a valid optimizer state");
  CHECK(run.failure(good, builtin_optimizers<>) ==
        start +
            "metadata 'optimizer': got 'adagrad', expected 'adamw', 'adamw-8bit', 'adam', "
            "'lion', 'muon' or 'sgd'");
}

TEST_CASE("the state of another rule is refused") {
  Run own(false), sgd(false, Sgd{});
  own.train(1);
  sgd.train(1);
  CHECK(
      own.failure(sgd.save()) ==
      "cannot load 'x': a checkpoint's optimizer must be the trainer's: got sgd, expected adagrad");
  CHECK(
      sgd.failure(own.save()) ==
      "cannot load 'x': a checkpoint's optimizer must be the trainer's: got adagrad, expected sgd");
}

TEST_CASE("a folder keeps and finds runs by a user's rule") {
  const octavo_test::Folder folder;
  Run run(false), other(false);
  CheckpointFolder saves(folder.path(), 2, {.optimizers = known});
  run.train(2);
  const std::string path = saves.save(run.trainer, run.tokenizer, {"soliloquy", 1, "0123"});
  CHECK(saves.state_of(path) == run.trainer.state());
  CHECK(newest_valid_checkpoint(folder.path(), {}, {.optimizers = known}).path == path);
  const FileSource source(path);
  CheckpointFile(source, {.optimizers = known}).load(other.trainer);
  CHECK(other.save() == run.save());
}

TEST_CASE("reports name a user's rule and its settings") {
  Run run(false);
  const SettingGroup group = setting_group(run.trainer.options());
  std::string told;
  for (const ReportSetting& setting : group.settings)
    told += setting.name + " " + setting.value + '\n';
  CHECK(told.find("optimizer adagrad\nepsilon 1e-10\ndecay 0.01\n") != std::string::npos);
}
