// SPDX-License-Identifier: MIT
// What is promised of GPT-2's training holds for every family.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/training/training_step.hpp>

#include "heap_guard/heap_guard.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

struct Trained {
  std::vector<float> weights, averages;
  double loss = 0;

  bool operator==(const Trained&) const = default;
};

Trained train(const ModelConfig& config, TrainingOptions options, Index workers) {
  options.batch = 3, options.sequence = 17, options.ema = 0.15;
  ThreadPool threads(workers);
  TrainingStep<float> step(Transformer<float>(config), options, threads);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(i * 5 % 23);
    step.targets()[i] = static_cast<Token>((i * 5 + 2) % 23);
  }
  Trained result;
  step.train(1e-2);
  const octavo_test::HeapGuard guard;
  for (int i = 0; i < 3; ++i) result.loss = step.train(1e-2).loss;
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, workers));
  result.weights.assign(step.weights().begin(), step.weights().end());
  result.averages.assign(step.averages().begin(), step.averages().end());
  return result;
}

}  // namespace

TEST_CASE("any number of threads, any micro-batch, kept or computed again: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    const Trained expected = train(config, {}, 1);
    CHECK(std::isfinite(expected.loss));
    for (const Index workers : {2, 3, 4}) CHECK(train(config, {}, workers) == expected);
    CHECK(train(config, {.micro_batch = 3}, 2) == expected);
    CHECK(train(config, {.recompute = true}, 2) == expected);
    CHECK(train(config, {.micro_batch = 2, .recompute = true}, 3) == expected);
  }
}

TEST_CASE("updates at once, with dropout and moments of 8 bits: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    TrainingOptions options{.optimizer = AdamW8bit{}, .clip = 0, .dropout = 0.1};
    const Trained expected = train(config, options, 1);
    CHECK(train(config, options, 3) == expected);
    options.fused_update = true;
    CHECK(train(config, options, 2) == expected);
    options.micro_batch = 3;
    CHECK(train(config, options, 2) == expected);
    options.recompute = true;
    CHECK(train(config, options, 3) == expected);
  }
}

TEST_CASE("Muon, whose updates see whole matrices: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    TrainingOptions options{.optimizer = Muon{}, .clip = 0, .zero_init = true};
    const Trained expected = train(config, options, 1);
    CHECK(std::isfinite(expected.loss));
    CHECK(train(config, options, 4) == expected);
    options.fused_update = true;
    CHECK(train(config, options, 3) == expected);
    options.train_last = 1;
    CHECK(train(config, options, 1) == train(config, options, 2));
  }
}

TEST_CASE("the last block trained alone: the same in any number of threads, and less memory") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    const TrainingOptions last{.train_last = 1};
    CHECK(train(config, last, 1) == train(config, last, 3));
    CHECK(training_bytes<float>(config, {.batch = 3, .sequence = 17, .train_last = 1}) <
          training_bytes<float>(config, {.batch = 3, .sequence = 17}));
  }
}
