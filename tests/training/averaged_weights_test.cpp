// SPDX-License-Identifier: MIT
// The moving average of the weights: what it is, who uses it, and what it costs.
#include <algorithm>
#include <cmath>
#include <heap_guard/heap_guard.hpp>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig small{.vocabulary = 35,
                            .context = 16,
                            .layers = 2,
                            .width = 12,
                            .attention = {.heads = 2},
                            .feed_forward = {.d_ff = 20}};

const TokenStore& text_tokens() {
  static const TokenStore tokens =
      tokenize(CharacterTokenizer::from_text(sample_text), sample_text);
  return tokens;
}

TrainingOptions averaging(double decay = 0.8) {
  return {
      .steps = 100, .batch = 2, .sequence = 12, .learning_rate = 1e-2, .warmup = 2, .ema = decay};
}

template <typename T>
std::vector<T> copy_of(std::span<T> numbers) {
  return {numbers.begin(), numbers.end()};
}

/// The weights that train, without gaps.
template <Scalar T>
std::vector<double> trained_weights(const Trainer<T>& trainer) {
  std::vector<double> numbers;
  for (const Parameter& tensor : trainer.parameters()) {
    if (!tensor.trains()) continue;
    const auto part = trainer.weights().subspan(static_cast<std::size_t>(tensor.offset),
                                                static_cast<std::size_t>(tensor.count()));
    numbers.insert(numbers.end(), part.begin(), part.end());
  }
  return numbers;
}

}  // namespace

TEST_CASE("the average is that of the weights after each step, whatever trains them") {
  ThreadPool threads(2);
  const TokenView tokens = text_tokens().view();
  std::vector<TrainingOptions> runs;
  for (const AnyOptimizer& optimizer :
       {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Adam{}),
        AnyOptimizer(Lion{}), AnyOptimizer(Muon{}), AnyOptimizer(Sgd{})}) {
    for (const bool fused : {false, true}) {
      TrainingOptions options = averaging();
      options.optimizer = optimizer;
      options.fused_update = fused;
      runs.push_back(options);
    }
  }
  for (const bool fused : {false, true}) {
    TrainingOptions options = averaging(0.5);
    options.accumulate = 3;
    options.fused_update = fused;
    runs.push_back(options);
    options.train_last = 1;
    runs.push_back(options);
    options.train_last = 0;
    options.freeze = "attention,blocks.1.feed_forward.up";
    runs.push_back(options);
  }
  for (const TrainingOptions& options : runs) {
    INFO(name_of(options.optimizer), options.fused_update ? ", fused" : "", ", train_last ",
         options.train_last, ", freeze ", options.freeze.text());
    Trainer<double> trainer(small, options, threads);
    CHECK(static_cast<Index>(trainer.averages().size()) == trainer.parameters().trained_count());
    std::vector<double> expected(trainer.averages().size());
    for (int step = 0; step < 12; ++step) {
      if (step == 5) {
        CHECK(trainer.parameters().set_learning_rate_factor("feed_forward.down", 0) == 4);
      }
      trainer.step(tokens);
      const std::vector<double> weights = trained_weights(trainer);
      const double warm = step / (step + 9.0);
      const double decay = warm < options.ema ? warm : options.ema;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] = decay * expected[i] + (1 - decay) * weights[i];
      }
      double most = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        most = std::max(most, std::abs(trainer.averages()[i] - expected[i]));
      }
      CHECK(most < 1e-14);
    }
    CHECK(trained_weights(trainer) != copy_of(trainer.averages()));
  }
}

TEST_CASE("averaging changes no weight, and costs nothing where it is not asked for") {
  ThreadPool threads(2);
  Trainer<float> with(small, averaging(), threads);
  Trainer<float> without(small, averaging(0), threads);
  for (int i = 0; i < 6; ++i) {
    with.step(text_tokens().view());
    without.step(text_tokens().view());
  }
  CHECK(copy_of(with.weights()) == copy_of(without.weights()));
  CHECK(without.averages().empty());
  const auto nothing = without.use_averages();
  CHECK_FALSE(without.uses_averages());
  without.step(text_tokens().view());
  const std::size_t bytes = with.averages().size_bytes();
  CHECK(with.plan().total_bytes() - without.plan().total_bytes() == (bytes + 63) / 64 * 64);
}

TEST_CASE("weights and averages change places and back, those of frozen tensors stay") {
  ThreadPool threads(1);
  TrainingOptions options = averaging();
  options.freeze = "positions,blocks.1";
  Trainer<float> trainer(small, options, threads);
  const Eigen::MatrixXf frozen = trainer.weight("embedding.positions.weight");
  const std::vector<float> initial = copy_of(trainer.weights());
  {
    const auto averaged = trainer.use_averages();  // there are none before the first update
    CHECK_FALSE(trainer.uses_averages());
    CHECK(copy_of(trainer.weights()) == initial);
  }
  for (int i = 0; i < 4; ++i) trainer.step(text_tokens().view());
  const std::vector<float> weights = copy_of(trainer.weights());
  const std::vector<float> averages = copy_of(trainer.averages());
  const std::vector<double> trained = trained_weights(trainer);
  {
    const auto averaged = trainer.use_averages();
    CHECK(trainer.uses_averages());
    const auto again = trainer.use_averages();  // does nothing
    CHECK(trained_weights(trainer) == std::vector<double>(averages.begin(), averages.end()));
    CHECK(std::ranges::equal(trainer.averages(), trained));
    CHECK(trainer.weight("embedding.positions.weight") == frozen);
    CHECK_THROWS_AS(trainer.step(text_tokens().view()), ConfigError);
    CHECK_THROWS_AS(trainer.training_step().compute_gradients(), ConfigError);
    CHECK_THROWS_AS(trainer.training_step().update(0.1), ConfigError);
  }
  CHECK_FALSE(trainer.uses_averages());
  CHECK(copy_of(trainer.weights()) == weights);
  CHECK(copy_of(trainer.averages()) == averages);
  trainer.step(text_tokens().view());
}

TEST_CASE("evaluations use the averages, in a run and outside") {
  ThreadPool threads(2);
  const TokenSplit tokens = split_tokens(text_tokens().view());
  TrainingOptions options = averaging(0.9);
  options.steps = 15;
  options.evaluate_every = 5;
  Trainer<float> trainer(small, options, threads);
  TrainingOptions plain = options;
  plain.ema = 0;
  Trainer<float> other(small, plain, threads);
  int evaluations = 0;
  trainer.run(tokens.train, tokens.validation, {.evaluation = [&](Index, double loss) {
                ++evaluations;
                std::ranges::copy(trainer.averages(), other.weights().begin());
                CHECK(loss == other.evaluate(tokens.validation));
                std::ranges::copy(trainer.weights(), other.weights().begin());
                CHECK(loss != other.evaluate(tokens.validation));
              }});
  CHECK(evaluations == 3);
  const double with = trainer.evaluate(tokens.validation);
  const auto averaged = trainer.use_averages();
  CHECK(trainer.evaluate(tokens.validation) == with);
  CHECK(trainer.uses_averages());  // the evaluation has not changed them back
}

TEST_CASE("an evaluation that fails gives the weights back") {
  ThreadPool threads(1);
  Trainer<float> trainer(small, averaging(), threads);
  trainer.step(text_tokens().view());
  trainer.step(text_tokens().view());
  const std::vector<float> weights = copy_of(trainer.weights());
  trainer.averages().back() = std::numeric_limits<float>::quiet_NaN();  // in the head
  CHECK_THROWS_AS(trainer.evaluate(text_tokens().view()), Diverged);
  CHECK_FALSE(trainer.uses_averages());
  CHECK(copy_of(trainer.weights()) == weights);
}

TEST_CASE("steps and evaluations with averages make no heap call") {
  ThreadPool threads(2);
  for (const bool fused : {false, true}) {
    TrainingOptions options = averaging();
    options.fused_update = fused;
    Trainer<float> trainer(small, options, threads);
    trainer.step(text_tokens().view());
    trainer.evaluate(text_tokens().view());
    const octavo_test::HeapGuard guard;
    for (int i = 0; i < 3; ++i) trainer.step(text_tokens().view());
    trainer.evaluate(text_tokens().view());
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
  }
}
