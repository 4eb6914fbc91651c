// SPDX-License-Identifier: MIT
// Processes that each have a share of the optimizer's state get the bits of one that has all.
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "parallel/mailbox.hpp"
#include "training/rank_texts.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using octavo_test::Mailbox;

namespace {

constexpr Index sequence = 13;

/// Large enough for several chunks of the norm in a block.
ModelConfig wide() {
  return {.vocabulary = 150,
          .context = 16,
          .layers = 2,
          .width = 56,
          .attention = {.heads = 2},
          .feed_forward = {.d_ff = 111}};
}

struct Trained {
  std::vector<float> weights, averages;
  std::vector<std::byte> moments;
  double loss = 0, norm = 0;

  bool operator==(const Trained&) const = default;
};

std::size_t state_bytes(const Trainer<float>& trainer) {
  return optimizer_state_bytes<float>(trainer.options().optimizer, trainer.parameters().trained());
}

Trained train(const ModelConfig& config, const TrainingOptions& options, Index workers,
              Ranks* ranks, bool with_factors = false) {
  ThreadPool threads(workers);
  Trainer<float> trainer(config, options, threads);
  if (ranks != nullptr) trainer.set_ranks(*ranks);
  if (with_factors) {
    CHECK(trainer.parameters().set_learning_rate_factor("feed_forward", 0.5) > 0);
    CHECK(trainer.parameters().set_learning_rate_factor("norm", 0) > 0);
  }
  Trained result;
  for (Index i = 0; i < options.steps; ++i) {
    const StepResult step = trainer.step(octavo_test::rank_text());
    result.loss = step.loss, result.norm = step.gradient_norm;
  }
  result.weights.assign(trainer.weights().begin(), trainer.weights().end());
  result.averages.assign(trainer.averages().begin(), trainer.averages().end());
  trainer.on_first_rank([&] {
    result.moments.resize(state_bytes(trainer));
    read_whole_state(trainer.training_step(), 0, result.moments);
  });
  return result;
}

TrainingOptions with_sizes(TrainingOptions options) {
  options.steps = 3, options.warmup = 1, options.learning_rate = 1e-2;
  options.batch = 6, options.accumulate = 2, options.sequence = sequence;
  options.leaves = 12;
  return options;
}

void check_ranks(const ModelConfig& config, TrainingOptions options, bool with_factors = false) {
  options = with_sizes(options);
  const Trained expected = train(config, options, 1, nullptr, with_factors);
  CHECK(std::isfinite(expected.loss));
  struct Shape {
    Index zero, count, workers;
  };
  for (const Shape& shape : {Shape{1, 2, 2}, {1, 4, 1}, {2, 3, 1}, {2, 2, 2}}) {
    INFO(shape.count << " processes of " << shape.workers << " threads, zero " << shape.zero);
    Mailbox box(shape.count);
    std::vector<Trained> results(static_cast<std::size_t>(shape.count));
    options.ranks = shape.count, options.zero = shape.zero;
    box.run([&](Ranks& ranks) {
      results[static_cast<std::size_t>(ranks.rank())] =
          train(config, options, shape.workers, &ranks, with_factors);
    });
    for (Trained& result : results) {
      if (result.moments.empty()) result.moments = expected.moments;
      CHECK(result == expected);
    }
  }
}

}  // namespace

TEST_CASE("each optimizer, with shares of its state: the same bits") {
  for (const AnyOptimizer& optimizer :
       {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Lion{}),
        AnyOptimizer(Sgd{.momentum = 0.9}), AnyOptimizer(Muon{})}) {
    INFO(name_of(optimizer));
    check_ranks(wide(), {.optimizer = optimizer, .ema = 0.5, .clip = 0.1});
    check_ranks(wide(), {.optimizer = optimizer, .ema = 0.5, .clip = 0.1, .fused_update = true});
  }
}

TEST_CASE("each family, frozen tensors, factors, adapters: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    check_ranks(family.config, {.micro_batch = 3, .dropout = 0.1});
    check_ranks(family.config, {.micro_batch = 3, .fused_update = true});
  }
  for (const bool fused : {false, true}) {
    check_ranks(wide(), {.fused_update = fused, .train_last = 1});
    check_ranks(wide(), {.fused_update = fused, .freeze = NamePatterns("norm,qkv")});
    check_ranks(wide(), {.clip = 0.1, .fused_update = fused}, true);
    ModelConfig config = wide();
    config.head.tied = true;
    check_ranks(config, {.optimizer = AdamW8bit{}, .fused_update = fused});
    config.lora.rank = 8;
    check_ranks(config, {.fused_update = fused});
  }
}

TEST_CASE("the plan has a share of the state, and a step stays within it, without heap calls") {
  for (const bool fused : {false, true}) {
    for (const Index count : {2, 3, 4}) {
      TrainingOptions options = with_sizes({.fused_update = fused});
      options.ranks = count;
      const std::size_t whole = training_bytes<float>(wide(), options, 2);
      options.zero = 1;
      const std::size_t planned = training_bytes<float>(wide(), options, 2);
      const auto parameters =
          static_cast<std::size_t>(Transformer<float>(wide()).parameter_count());
      // AdamW's two moments; parts of the model are cut at chunks of 4096 numbers.
      CHECK(whole - planned >
            8 * (parameters - parameters / static_cast<std::size_t>(count)) * 7 / 10);
      Mailbox box(count);
      std::array<std::uint64_t, 4> allocations{};
      box.run([&](Ranks& ranks) {
        ThreadPool threads(2);
        Trainer<float> trainer(wide(), options, threads);
        trainer.set_ranks(ranks);
        CHECK(trainer.plan().total_bytes() == planned);
        CHECK(trainer.optimizer_state().size() <
              state_bytes(trainer) / static_cast<std::size_t>(count) * 5 / 4);
        trainer.step(octavo_test::rank_text());
        any_rank(ranks, false);
        const octavo_test::HeapGuard guard;
        trainer.step(octavo_test::rank_text());
        allocations[static_cast<std::size_t>(ranks.rank())] = guard.allocations();
        any_rank(ranks, false);  // so that none ends while another counts
      });
      for (const std::uint64_t number : allocations) CHECK(number == 0);
    }
  }
}

TEST_CASE("as many bytes are sent as without shares, and the sums of squares") {
  TrainingOptions options = with_sizes({});
  options.ranks = 4;
  std::array<std::size_t, 2> sent{};
  for (const Index zero : {0, 1}) {
    options.zero = zero;
    Mailbox box(4);
    box.run([&](Mailbox::Rank& rank) {
      ThreadPool threads(1);
      TrainingStep<float> step(Transformer<float>(wide()), options, threads);
      step.set_ranks(rank);
      step.train(1e-2);
    });
    for (const auto& rank : box.ranks()) sent[static_cast<std::size_t>(zero)] += rank.sent_bytes;
  }
  const Index parameters = Transformer<float>(wide()).parameter_count();
  const auto partials = static_cast<std::size_t>(global_norm_partials(parameters));
  // Blocks of shares are unequal, but together they are all numbers.
  CHECK(sent[1] == sent[0] + 3 * sizeof(double) * partials);
}

TEST_CASE("a divergence ends all processes at the same step, before the update") {
  for (const bool fused : {false, true}) {
    TrainingOptions options = with_sizes({.fused_update = fused});
    options.ranks = 3, options.zero = 1;
    std::array<std::string, 3> ends;
    Mailbox box(3);
    box.run([&](Ranks& ranks) {
      ThreadPool threads(1);
      Trainer<float> trainer(wide(), options, threads);
      trainer.set_ranks(ranks);
      trainer.weights()[30] = std::numeric_limits<float>::quiet_NaN();
      try {
        trainer.run(octavo_test::rank_text());
      } catch (const Diverged& error) {
        ends[static_cast<std::size_t>(ranks.rank())] = error.what();
      }
    });
    CHECK(ends[0] == "training diverged at step 0: loss is not a number");
    for (const std::string& end : ends) CHECK(end == ends[0]);
  }
}
