// SPDX-License-Identifier: MIT
// Gradients that are summed over groups of a step's sequences.
#include <array>
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

constexpr Index sequence = 17;

/// Sequences [first, first + count) of the text.
void fill(TrainingStep<float>& step, Index first) {
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(first * sequence) + i;
    step.inputs()[i] = static_cast<Token>(at * 5 % 23);
    step.targets()[i] = static_cast<Token>((at * at + 2) % 23);
  }
}

std::vector<float> gradients(const ModelConfig& config, TrainingOptions options, Index first) {
  options.sequence = sequence;
  ThreadPool threads(2);
  TrainingStep<float> step(Transformer<float>(config), options, threads);
  fill(step, first);
  step.compute_gradients();
  return {step.gradients().begin(), step.gradients().end()};
}

struct Trained {
  std::vector<float> weights;
  double loss = 0, norm = 0;

  bool operator==(const Trained&) const = default;
};

Trained train(const ModelConfig& config, TrainingOptions options, Index workers) {
  options.batch = 4, options.accumulate = 3, options.sequence = sequence;
  ThreadPool threads(workers);
  TrainingStep<float> step(Transformer<float>(config), options, threads);
  fill(step, 0);
  step.targets()[3] = ignored_target;
  Trained result;
  step.train(1e-2);
  const octavo_test::HeapGuard guard;
  for (int i = 0; i < 2; ++i) {
    const StepResult taken = step.train(1e-2);
    result.loss = taken.loss, result.norm = taken.gradient_norm;
  }
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, workers));
  result.weights.assign(step.weights().begin(), step.weights().end());
  return result;
}

}  // namespace

TEST_CASE("gradients are the sum of the leaves' own, two by two") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    // A leaf's own mean loss has four times the scale, which changes no bit but the exponent.
    std::vector<std::vector<float>> own;
    for (const Index leaf : {0, 1, 2, 3}) {
      own.push_back(gradients(family.config, {.batch = 2}, 2 * leaf));
    }
    std::vector<float> expected;
    for (std::size_t i = 0; i < own[0].size(); ++i) {
      expected.push_back((own[0][i] / 4 + own[1][i] / 4) + (own[2][i] / 4 + own[3][i] / 4));
    }
    for (const Index micro : {1, 2, 8}) {
      CHECK(gradients(family.config, {.batch = 8, .leaves = 4, .micro_batch = micro}, 0) ==
            expected);
    }
    CHECK(gradients(family.config, {.batch = 2, .accumulate = 4, .leaves = 4}, 0) == expected);
    CHECK(gradients(family.config, {.batch = 8}, 0) != expected);
  }
}

TEST_CASE("any number of threads, any micro-batch, kept or computed again: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    for (const Index leaves : {3, 12}) {
      const auto with = [&](TrainingOptions options, Index workers) {
        options.leaves = leaves;
        return train(config, options, workers);
      };
      const Trained expected = with({}, 1);
      CHECK(std::isfinite(expected.loss));
      for (const Index workers : {2, 3, 4}) CHECK(with({}, workers) == expected);
      CHECK(with({.micro_batch = 3}, 2) == expected);
      CHECK(with({.micro_batch = 4, .recompute = true}, 3) == expected);
    }
  }
}

TEST_CASE("updates at once, with dropout: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    for (const Index leaves : {2, 6, 12}) {
      TrainingOptions options{
          .leaves = leaves, .optimizer = AdamW8bit{}, .clip = 0, .dropout = 0.1};
      Trained expected = train(config, options, 1);
      options.fused_update = true;
      const auto same = [&](Index workers) {
        const Trained fused = train(config, options, workers);
        CHECK(fused.weights == expected.weights);
        CHECK(fused.loss == expected.loss);
      };
      same(2);
      options.micro_batch = 2;
      same(1);
      options.recompute = true;
      same(3);
    }
  }
}

TEST_CASE("parts that are frozen, and adapters") {
  ModelConfig config = octavo_test::small_families()[1].config;
  const auto equal = [&](TrainingOptions options) {
    options.leaves = 6, options.clip = 0;
    const Trained expected = train(config, options, 1);
    CHECK(train(config, options, 3) == expected);
    options.fused_update = true;
    CHECK(train(config, options, 2).weights == expected.weights);
  };
  equal({.train_last = 1});
  equal({.freeze = NamePatterns("embedding")});
  equal({.freeze = NamePatterns("norm")});
  config.head.tied = true;
  equal({.freeze = NamePatterns("embedding")});
  equal({.optimizer = Muon{}});
  config.lora.rank = 2;
  config.lora.dropout = 0.1;
  equal({});
}

TEST_CASE("leaves need gradients of their own, which the plan has; one leaf needs nothing") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  const auto bytes = [&](Index leaves, bool fused) {
    return training_bytes<float>(config, {.batch = 8, .leaves = leaves, .fused_update = fused});
  };
  for (const bool fused : {false, true}) {
    CHECK(bytes(1, fused) < bytes(2, fused));
    CHECK(bytes(2, fused) < bytes(4, fused));
    CHECK(bytes(4, fused) < bytes(8, fused));
  }
}

TEST_CASE("leaves that do not divide a step's sequences are refused") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  ThreadPool threads(1);
  const auto refusal = [&](const TrainingOptions& options) -> std::string {
    try {
      const TrainingStep<float> step(Transformer<float>(config), options, threads);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(refusal({.batch = 4, .leaves = 3}) ==
        "leaves: got 3, which does not divide the step's 4 sequences");
  CHECK(refusal({.batch = 4, .leaves = 0}) == "leaves is 0, expected 1 to 2147483647");
  CHECK(refusal({.batch = 12, .leaves = 12, .ranks = 5}) ==
        "leaves: got 12, which cannot be dealt evenly to 5 processes");
  CHECK(refusal({.batch = 2, .accumulate = 3, .leaves = 6, .ranks = 2}) == "accepted");
}
