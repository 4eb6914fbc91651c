// SPDX-License-Identifier: MIT
// A run with averaged weights: its files hold both, and as models they are the average.
#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/data/tokenize.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

const CharacterTokenizer letters = CharacterTokenizer::from_text(sample_text);

const TokenStore& tokens() {
  static const TokenStore tokens = tokenize(letters, sample_text);
  return tokens;
}

TrainingOptions averaging() { return {.steps = 100, .sequence = 4, .warmup = 2, .ema = 0.9}; }

template <Scalar T>
std::string saved(const Trainer<T>& trainer) {
  return saved_bytes([&](const std::string& path, FileSystem& files) {
    save_checkpoint(path, trainer, letters, {"text", sample_text.size(), "0123"}, files);
  });
}

MemorySource source_of(const std::string& bytes) {
  return MemorySource("x", std::as_bytes(std::span(bytes)));
}

template <Scalar T>
std::vector<T> copy_of(std::span<T> numbers) {
  return {numbers.begin(), numbers.end()};
}

/// What is said about a file behind "cannot load 'x': "; empty if it loads and verifies.
std::string failure(const std::string& bytes) {
  try {
    const MemorySource source = source_of(bytes);
    CheckpointFile(source).verify();
    return "";
  } catch (const FormatError& error) {
    return std::string(error.what()).substr(std::string("cannot load 'x': ").size());
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a resumed run has the averages of one that never stopped, bit for bit", T,
                   float, double) {
  ThreadPool threads(2);
  TrainingOptions frozen = averaging();
  frozen.freeze = "attention,positions";
  TrainingOptions last = averaging();
  last.train_last = 1;
  last.fused_update = true;
  for (const TrainingOptions& options : {averaging(), frozen, last}) {
    for (const Index stop : {0, 1, 5}) {
      Trainer<T> whole(SmallRun::config, options, threads);
      for (Index i = 0; i < stop; ++i) whole.step(tokens().view());
      const std::string bytes = saved(whole);
      CHECK(failure(bytes) == "");
      for (Index i = 0; i < 4; ++i) whole.step(tokens().view());
      const MemorySource source = source_of(bytes);
      const CheckpointFile file(source);
      CHECK(file.info().options.ema == 0.9);
      Trainer<T> resumed(SmallRun::config, file.info().options, threads);
      for (int i = 0; i < 3; ++i) resumed.step(tokens().view());  // all of it is replaced
      file.load(resumed);
      CHECK(saved(resumed) == bytes);
      for (Index i = 0; i < 4; ++i) resumed.step(tokens().view());
      CHECK(copy_of(resumed.averages()) == copy_of(whole.averages()));
      CHECK(state_bytes(resumed) == state_bytes(whole));
      CHECK(saved(resumed) == saved(whole));
    }
  }
}

TEST_CASE("the model of a checkpoint is the average; before the first update, the weights") {
  ThreadPool threads(1);
  TrainingOptions options = averaging();
  options.freeze = "attention";
  Trainer<float> trainer(SmallRun::config, options, threads);
  for (int steps : {0, 4}) {
    for (int i = 0; i < steps; ++i) trainer.step(tokens().view());
    const std::vector<float> weights = copy_of(trainer.weights());
    const auto model = load_model<float>(source_of(saved(trainer)));
    const auto wide = load_model<double>(source_of(saved(trainer)));
    const auto averaged = trainer.use_averages();
    CHECK(std::ranges::equal(std::span<const float>(model.weights), trainer.weights()));
    CHECK(std::ranges::equal(std::span<const double>(wide.weights), trainer.weights()));
    CHECK((copy_of(trainer.weights()) == weights) == (steps == 0));
  }
}

TEST_CASE("a file whose tensors are not those of its averages is refused") {
  ThreadPool threads(1);
  Trainer<float> trainer(SmallRun::config, averaging(), threads);
  for (int i = 0; i < 3; ++i) trainer.step(tokens().view());
  const std::string good = saved(trainer);
  const std::string name = "training.transformer.h.0.ln_1.weight";
  const auto forged = [&] { return ForgedFile::from(good); };
  CHECK(failure(forged().put(name, 1, 0.5F).seal().bytes()) == "");
  CHECK(failure(forged().put(name, 1, 0.5F).bytes()).starts_with("tensor '" + name + "': its CRC"));
  for (const std::string& tensor : {name, std::string("transformer.h.0.ln_1.weight")}) {
    for (const float number :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      CHECK(failure(forged().put(tensor, 1, number).seal().bytes()) ==
            "tensor '" + tensor + "': number 1 is not finite");
    }
  }
  CHECK(failure(forged().replace(name, "training.transformer.h.0.ln_9.weight").seal().bytes()) ==
        "tensor '" + name + "' is missing");
  const std::string first = "training.lm_head.bias";
  CHECK(failure(forged().set("ema", "0").seal().bytes()) ==
        "tensor '" + first + "' does not belong to this model");
  CHECK(failure(forged().remove("ema").seal().bytes()) ==
        "tensor '" + first + "' does not belong to this model");
  CHECK(failure(forged().set("freeze", "ln_1").seal().bytes()) != "");
  const std::string plain = saved(SmallRun(3).trainer);
  CHECK(failure(ForgedFile::from(plain).set("ema", "0.9").seal().bytes()) ==
        "tensor 'training.transformer.wte.weight' is missing");
  // Whoever loads the model alone sees the foreign tensors as well.
  CHECK_THROWS_AS(
      load_model<float>(
          source_of(forged().replace(name, "training.transformer.h.0.ln_9.weight").seal().bytes())),
      FormatError);
}

TEST_CASE("runs with and without averages are not each other's") {
  ThreadPool threads(1);
  Trainer<float> trainer(SmallRun::config, averaging(), threads);
  trainer.step(tokens().view());
  const std::string with = saved(trainer);
  SmallRun run(3);
  const Snapshot before = run.now();
  const MemorySource source = source_of(with);
  CHECK_THROWS_WITH_AS(CheckpointFile(source).load(run.trainer),
                       "cannot load 'x': a checkpoint's ema must be the trainer's: got 0.9, "
                       "expected 0",
                       ConfigError);
  CHECK(run.now() == before);
  const std::string without = saved(run.trainer);
  const MemorySource other = source_of(without);
  const std::string unchanged = state_bytes(trainer);
  CHECK_THROWS_AS(CheckpointFile(other).load(trainer), ConfigError);
  CHECK(state_bytes(trainer) == unchanged);
}

TEST_CASE("nothing is saved or loaded while the weights are the averages") {
  ThreadPool threads(1);
  Trainer<float> trainer(SmallRun::config, averaging(), threads);
  trainer.step(tokens().view());
  const std::string bytes = saved(trainer);
  const MemorySource source = source_of(bytes);
  const auto averaged = trainer.use_averages();
  CHECK_THROWS_AS(saved(trainer), ConfigError);
  CHECK_THROWS_AS(CheckpointFile(source).load(trainer), ConfigError);
}
