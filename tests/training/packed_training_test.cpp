// SPDX-License-Identifier: MIT
// Training on rows of documents: each document is on its own.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/packed_data.hpp>
#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

constexpr Index sequence = 39;

LabelledTokens document(Index length, Token first) {
  LabelledTokens made;
  for (Index i = 0; i < length; ++i) {
    made.inputs.push_back((first + static_cast<Token>(i) * 5) % 23);
    made.targets.push_back(i < 3 ? ignored_target : (first + static_cast<Token>(i) * 3) % 23);
  }
  return made;
}

/// Gradients and loss of documents in as many sequences as there are lists.
struct Gradients {
  double loss = 0;
  std::vector<double> gradients;
};

Gradients gradients_of(const ModelConfig& config,
                       const std::vector<std::vector<LabelledTokens>>& rows) {
  ThreadPool threads(2);
  TrainingStep<double> step(
      Transformer<double>(config),
      {.batch = std::ssize(rows), .sequence = sequence, .seed = 3, .packed = true}, threads);
  PackedData data(config.vocabulary, sequence);
  for (const auto& documents : rows) {
    PackedRow row;
    for (const LabelledTokens& one : documents) {
      row.starts.push_back(row.tokens.length());
      for (const Token token : one.inputs) row.tokens.inputs.push_back(token);
      for (const Token token : one.targets) row.tokens.targets.push_back(token);
    }
    row.tokens.inputs.resize(sequence, 7);
    row.tokens.targets.resize(sequence, ignored_target);
    data.add(row);
  }
  for (Index row = 0; row < data.rows(); ++row) {
    const auto at = static_cast<std::size_t>(row * sequence);
    data.copy(row, step.inputs().subspan(at, sequence), step.targets().subspan(at, sequence),
              step.positions().subspan(at, sequence));
  }
  for (double& weight : step.weights()) weight *= 3;  // so that attention is not almost uniform
  Gradients result{step.compute_gradients(), {}};
  result.gradients.assign(step.gradients().begin(), step.gradients().end());
  return result;
}

PackedData made_data(Index rows, Index vocabulary = 23) {
  PackedData data(vocabulary, sequence);
  PackedRows packed(sequence);
  for (Index i = 0; data.rows() < rows; ++i) {
    packed.add(document(5 + i * 7 % 19, static_cast<Token>(i)));
    while (const auto row = packed.next()) data.add(*row);
    if (i > 2 * rows) {
      while (const auto row = packed.next(true)) data.add(*row);
    }
  }
  return data;
}

struct Trained {
  std::vector<float> weights;
  double validation = 0;
  bool operator==(const Trained&) const = default;
};

Trained train(const ModelConfig& config, TrainingOptions options, Index workers) {
  options.steps = 3, options.batch = 3, options.sequence = sequence, options.packed = true;
  options.learning_rate = 1e-2, options.warmup = 0, options.evaluate_every = 2;
  ThreadPool threads(workers);
  Trainer<float> trainer(config, options, threads);
  const PackedData data = made_data(7), validation = made_data(2);
  trainer.step(data);
  trainer.evaluate(validation);
  Trained result;
  const octavo_test::HeapGuard guard;
  result.validation = trainer.run(data, validation).validation_loss;
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  result.weights.assign(trainer.weights().begin(), trainer.weights().end());
  return result;
}

}  // namespace

TEST_CASE("documents in one row train as documents in rows of their own") {
  const LabelledTokens a = document(21, 4), b = document(14, 9), c = document(4, 1);
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    const Gradients together = gradients_of(family.config, {{a, b, c}});
    const Gradients apart = gradients_of(family.config, {{a}, {b}, {c}});
    const Gradients turned = gradients_of(family.config, {{c, b, a}});
    CHECK(together.loss == doctest::Approx(apart.loss).epsilon(1e-11));
    CHECK(turned.loss == doctest::Approx(apart.loss).epsilon(1e-11));
    double most = 0, difference = 0;
    for (std::size_t i = 0; i < apart.gradients.size(); ++i) {
      most = std::max(most, std::abs(apart.gradients[i]));
      difference = std::max({difference, std::abs(apart.gradients[i] - together.gradients[i]),
                             std::abs(apart.gradients[i] - turned.gradients[i])});
    }
    CHECK(most > 1e-3);
    CHECK(difference < 1e-10 * most);
    const Gradients joined =
        gradients_of(family.config,
                     {{[&] {
                         LabelledTokens all = a;
                         all.inputs.insert(all.inputs.end(), b.inputs.begin(), b.inputs.end());
                         all.targets.insert(all.targets.end(), b.targets.begin(), b.targets.end());
                         return all;
                       }(),
                       c}});
    CHECK(std::abs(joined.loss - apart.loss) > 1e-6);  // the test could fail
  }
}

TEST_CASE("packed rows: any number of threads, any memory plan, the same bits, no heap call") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    const ModelConfig& config = family.config;
    const Trained expected = train(config, {}, 1);
    CHECK(std::isfinite(expected.validation));
    for (const Index workers : {2, 3, 4}) CHECK(train(config, {}, workers) == expected);
    CHECK(train(config, {.micro_batch = 3}, 2) == expected);
    CHECK(train(config, {.micro_batch = 2, .recompute = true}, 3) == expected);
  }
}

TEST_CASE("positions cost what they have, and what cannot be one is refused") {
  const ModelConfig config = octavo_test::small_families().front().config;
  TrainingOptions options{.batch = 2, .sequence = 32};
  const std::size_t plain = training_bytes<float>(config, options);
  options.packed = true;
  CHECK(training_bytes<float>(config, options) == plain + 2 * 32 * sizeof(std::int32_t));
  ThreadPool threads(1);
  Trainer<float> trainer(config, options, threads);
  auto& step = trainer.training_step();
  CHECK(step.positions()[31] == 31);
  CHECK(step.positions()[32] == 0);
  step.positions()[5] = 4;
  CHECK_THROWS_WITH_AS(step.compute_gradients(), "position 5 is 4, expected 5 or 0", ConfigError);
  step.positions()[5] = 5;
  step.positions()[32] = 32;
  CHECK_THROWS_WITH_AS(step.compute_gradients(), "position 32 is 32, expected 0", ConfigError);
  const std::vector<Token> text(100, 3);
  CHECK_THROWS_WITH_AS(trainer.step(TokenView(text)),
                       "the run's options say packed: train on PackedData", ConfigError);
  CHECK_THROWS_WITH_AS(trainer.step(PackedData(23, 31)),
                       "packed rows: sequence: got 31, expected 32", ConfigError);
  CHECK_THROWS_WITH_AS(trainer.step(PackedData(24, 32)),
                       "packed rows: vocabulary: got 24, expected 23", ConfigError);
  options.packed = false;
  Trainer<float> undivided(config, options, threads);
  CHECK(undivided.training_step().positions().empty());
  CHECK_THROWS_WITH_AS(undivided.step(PackedData(23, 32)),
                       "packed rows: the run's options do not say packed", ConfigError);
}
