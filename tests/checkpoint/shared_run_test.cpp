// SPDX-License-Identifier: MIT
// Runs of several processes that each have a share of the optimizer's state.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>

#include "checkpoint/small_run.hpp"
#include "parallel/mailbox.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// Several chunks of the norm in each block.
constexpr ModelConfig config{.vocabulary = 35,
                             .context = 8,
                             .layers = 2,
                             .width = 56,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 111}};

class SharedRun {
 public:
  explicit SharedRun(const AnyOptimizer& optimizer) {
    options_ = {.steps = 6,
                .batch = 4,
                .sequence = 8,
                .leaves = 4,
                .warmup = 2,
                .optimizer = optimizer,
                .ema = 0.5,
                .evaluate_every = 2};
  }

  /// Trains from `from` (empty: from the beginning) on `count` processes, and saves after each
  /// step.
  void train(const std::string& from, const std::string& to, Index count, Index zero) const {
    TrainingOptions options = options_;
    options.ranks = count, options.zero = zero;
    Mailbox box(count);
    box.run([&](Ranks& ranks) {
      ThreadPool threads(1);
      Trainer<float> trainer(config, options, threads);
      if (count > 1) trainer.set_ranks(ranks);
      if (!from.empty()) {
        const FileSource source(from);
        CheckpointFile(source).load(trainer);
      }
      const auto save = [&](const std::string& name) {
        save_checkpoint(to + name, trainer, tokenizer_, {"text", sample_text.size(), "0123"});
      };
      TrainingCallbacks callbacks;
      if (ranks.rank() == 0) {
        callbacks.evaluation = [&](Index done, double) { save("best" + std::to_string(done)); };
        callbacks.completed = [&](Index done) { save("run" + std::to_string(done)); };
      }
      trainer.run(tokens_.view(), tokens_.view(), callbacks);
      trainer.on_first_rank([&] { save("end"); });
    });
  }

 private:
  CharacterTokenizer tokenizer_ = CharacterTokenizer::from_text(sample_text);
  TokenStore tokens_ = tokenize(tokenizer_, sample_text);
  TrainingOptions options_;
};

}  // namespace

TEST_CASE("files of shared runs are those of one process, and resume on any number") {
  for (const AnyOptimizer& optimizer :
       {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Muon{})}) {
    INFO(name_of(optimizer));
    const SharedRun run(optimizer);
    const Folder one;
    run.train("", one / "", 1, 0);
    for (const Index zero : {1, 2}) {
      const Folder four;
      run.train("", four / "", 4, zero);
      CHECK(four.contents() == one.contents());
      for (const Index count : {1, 2, 4}) {
        const Folder resumed;
        run.train(four / "run3", resumed / "", count, zero);
        const bool same = read_file(resumed / "end") == read_file(one / "end");
        CHECK(same);
        CHECK(read_file(resumed / "best4") == read_file(one / "best4"));
      }
    }
  }
}

TEST_CASE("a share cannot be saved outside the callbacks of the first process") {
  const CharacterTokenizer tokenizer = CharacterTokenizer::from_text(sample_text);
  TrainingOptions options{.batch = 2, .sequence = 8, .leaves = 2};
  options.ranks = 2, options.zero = 1;
  ThreadPool threads(1);
  const Trainer<float> trainer(config, options, threads);
  const Folder folder;
  CHECK_THROWS_AS(save_checkpoint(folder / "run", trainer, tokenizer, {"text", 1, "0123"}),
                  ConfigError);
  CHECK(folder.contents().empty());
}
