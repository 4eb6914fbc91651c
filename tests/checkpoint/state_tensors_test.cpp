// SPDX-License-Identifier: MIT
// The tensors of a run's file that are not the model's: the optimizer's state, and the momentum of
// outer steps.
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/state_tensors.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"
#include "parallel/mailbox.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr ModelConfig config{.vocabulary = 35,
                             .context = 8,
                             .layers = 1,
                             .width = 8,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 12}};

TrainingOptions in_rounds(Index steps, Index workers = 1) {
  TrainingOptions options{
      .steps = steps, .batch = 2, .sequence = 8, .learning_rate = 1e-2, .warmup = 2};
  options.diloco.steps = 3, options.diloco.workers = workers;
  return options;
}

class Rounds {
 public:
  /// Trains from `from` (empty: from the beginning) on `count` processes, and saves at each
  /// round's end.
  std::vector<float> train(const std::string& from, const std::string& to, Index count) const {
    Mailbox box(count);
    std::vector<float> weights;
    box.run([&](Ranks& ranks) {
      ThreadPool threads(1);
      Trainer<float> trainer(config, in_rounds(12, count), threads);
      trainer.set_ranks(ranks);
      if (!from.empty()) {
        const FileSource source(from);
        CheckpointFile(source).load(trainer);
      }
      TrainingCallbacks callbacks;
      callbacks.completed = [&](Index done) {
        if (ranks.rank() > 0 || done % 3 != 0) return;
        save_checkpoint(to + "run" + std::to_string(done), trainer, tokenizer_,
                        {"text", sample_text.size(), "0123"});
      };
      trainer.run(tokens_.view(), tokens_.view(), callbacks);
      if (ranks.rank() == 0) weights.assign(trainer.weights().begin(), trainer.weights().end());
    });
    return weights;
  }

 private:
  CharacterTokenizer tokenizer_ = CharacterTokenizer::from_text(sample_text);
  TokenStore tokens_ = tokenize(tokenizer_, sample_text);
};

}  // namespace

TEST_CASE("a state of moments has a row for each, another one is bytes") {
  const ParameterList parameters = trained_parameters(Transformer<float>(config), {});
  const TrainedSizes& sizes = parameters.trained();
  const auto adamw = detail::state_form<double>(AdamW{}, sizes);
  CHECK(adamw.dtype == "F64");
  CHECK(adamw.sizes == std::vector<Index>{2, sizes.count});
  CHECK(detail::state_form<float>(Muon{}, sizes).sizes.size() == 1);
  const auto bytes = detail::state_form<float>(AdamW8bit{}, sizes);
  CHECK(bytes.dtype == "U8");
  CHECK(bytes.sizes ==
        std::vector<Index>{static_cast<Index>(optimizer_state_bytes<float>(AdamW8bit{}, sizes))});
}

TEST_CASE("the first number that no state can have is found") {
  const ParameterList parameters = trained_parameters(Transformer<float>(config), {});
  const TrainedSizes& sizes = parameters.trained();
  std::vector<float> state(static_cast<std::size_t>(2 * sizes.count));
  const auto first = [&] {
    return detail::first_impossible<float>(
        AdamW{}, sizes, [&](std::size_t byte, std::span<std::byte> bytes) {
          std::ranges::copy(std::as_bytes(std::span(state)).subspan(byte, bytes.size()),
                            bytes.begin());
        });
  };
  CHECK_FALSE(first());
  state[5] = -1;  // a mean may be negative
  CHECK_FALSE(first());
  const auto square = static_cast<std::size_t>(sizes.count) + 9;
  state[square] = -1e-30F;
  CHECK(first() == static_cast<Index>(square));
  state[7] = std::numeric_limits<float>::infinity();
  CHECK(first() == 7);
}

TEST_CASE("a run in rounds resumes bit for bit on one process, and on fewer processes") {
  const Rounds run;
  const Folder one;
  const std::vector<float> whole = run.train("", one / "", 1);
  const Folder again;
  CHECK(run.train(one / "run6", again / "", 1) == whole);
  CHECK(read_file(again / "run12") == read_file(one / "run12"));
  const Folder three;
  CHECK(run.train("", three / "", 3) != whole);
  const Folder fewer;
  for (const float weight : run.train(three / "run6", fewer / "", 2)) CHECK(std::isfinite(weight));
  const FileSource source(three / "run6");
  CheckpointFile file(source);
  CHECK(file.info().options.diloco == DilocoOptions{.steps = 3});
  CHECK_NOTHROW(file.verify());
  CHECK_NOTHROW(load_model<float>(three / "run6"));
}

TEST_CASE("momentum that is not finite, is missing, or was not asked for is refused") {
  const Rounds run;
  const Folder folder;
  run.train("", folder / "", 1);
  const std::string good = read_file(folder / "run12");
  const std::string name = "outer.momentum";
  const auto failure = [&](const std::string& bytes) -> std::string {
    try {
      const MemorySource source("x", std::as_bytes(std::span(bytes)));
      CheckpointFile(source).verify();
      return "";
    } catch (const FormatError& error) {
      return error.what();
    }
  };
  const auto forged = [&] { return ForgedFile::from(good); };
  CHECK(failure(forged().put(name, 1, 0.5F).seal().bytes()) == "");
  CHECK(failure(forged().put(name, 1, 0.5F).bytes()).find("its CRC") != std::string::npos);
  CHECK(failure(forged().put(name, 1, std::numeric_limits<float>::quiet_NaN()).seal().bytes())
            .ends_with("tensor 'outer.momentum': number 1 is not finite"));
  CHECK(failure(forged().replace(name, "outer.momentun").seal().bytes())
            .ends_with("tensor 'outer.momentum' is missing"));
  CHECK(failure(forged().set("diloco", "0").seal().bytes())
            .ends_with("tensor 'outer.momentum' does not belong to this model"));

  ThreadPool threads(1);
  TrainingOptions synchronous = in_rounds(12);
  synchronous.diloco = {};
  Trainer<float> trainer(config, synchronous, threads);
  const FileSource source(folder / "run12");
  std::string refusal;
  try {
    CheckpointFile(source).load(trainer);
  } catch (const ConfigError& error) {
    refusal = error.what();
  }
  CHECK(refusal.ends_with("a checkpoint's diloco must be the trainer's: got 3, expected 0"));
}
