// SPDX-License-Identifier: MIT
#include <cmath>
#include <heap_guard/heap_guard.hpp>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/scorer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

static_assert(scoring_bytes<float>(presets::tiny, 32) < 400'000);

namespace {

constexpr Index vocabulary = 19;

constexpr ModelConfig shape_of(bool tied) {
  return {.vocabulary = vocabulary,
          .context = 20,
          .layers = 2,
          .width = 12,
          .attention = {.heads = 2},
          .feed_forward = {.d_ff = 20},
          .head = {.tied = tied}};
}

std::vector<double> random_weights(const ModelConfig& config) {
  const ParameterList list = Transformer<double>{config}.parameters();
  std::vector<double> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<double>(list, config.layers, 3, weights);
  for (double& w : weights) w *= 8;
  return weights;
}

std::vector<Token> some_tokens(std::size_t count) {
  const CounterRandom random(1, RandomStream::batches);
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<Token>(random.below(i, vocabulary));
  }
  return tokens;
}

/// The log-probability of `token` behind `before`, by a log-softmax over full logits.
double naive(const ModelConfig& config, const std::vector<double>& weights,
             std::span<const Token> before, Token token) {
  const auto rows = static_cast<Index>(before.size());
  MemoryPlan plan;
  const Transformer<double> model(config, plan, {1, rows, 1, false});
  plan.place();
  const Arena arena(plan);
  std::vector<double> logits(before.size() * vocabulary);
  const Worker worker;
  model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                .rows = {1, rows},
                .weights = weights.data()},
               before, MatrixView<double>(logits.data(), rows, vocabulary));
  double sum = 0;
  const double* last = &logits[(before.size() - 1) * vocabulary];
  for (Index i = 0; i < vocabulary; ++i) sum += std::exp(last[i]);
  return last[token] - std::log(sum);
}

}  // namespace

TEST_CASE("every token but the first once, in the window that the stride gives it") {
  const Index length = 7;
  for (const bool tied : {false, true}) {
    const ModelConfig config = shape_of(tied);
    const std::vector<double> weights = random_weights(config);
    for (const std::size_t size : {2u, 7u, 8u, 9u, 25u}) {
      const std::vector<Token> tokens = some_tokens(size);
      for (const Index stride : {1, 3, 7}) {
        for (const Index workers : {1, 2}) {
          ThreadPool threads(workers);
          Scorer<double> scorer(Transformer<double>{config}, weights, length, threads);
          CHECK(scorer.plan().total_bytes() == scoring_bytes<double>(config, length, workers));
          Index expected_i = 1;
          double nats = 0;
          const TextScore score = scorer.score(
              TokenView(std::span<const Token>(tokens)), stride, [&](Index i, double log_p) {
                CHECK(i == expected_i++);
                // Targets 1..length in the first window, then `stride` in each.
                const Index first = i <= length ? 0 : ((i - length - 1) / stride + 1) * stride;
                const auto before = std::span(tokens).subspan(static_cast<std::size_t>(first),
                                                              static_cast<std::size_t>(i - first));
                const double expected =
                    naive(config, weights, before, tokens[static_cast<std::size_t>(i)]);
                CHECK(log_p == doctest::Approx(expected).epsilon(1e-10));
                nats -= log_p;
              });
          CHECK(score.tokens == static_cast<Index>(size) - 1);
          CHECK(score.nats == nats);
          CHECK(score.mean() == doctest::Approx(nats / static_cast<double>(size - 1)));
          CHECK(score.perplexity() == doctest::Approx(std::exp(score.mean())));
        }
      }
    }
  }
}

TEST_CASE("windows that do not overlap give the trainer's validation loss") {
  const ModelConfig config = shape_of(false);
  const std::vector<Token> tokens = some_tokens(100);
  const TokenView view{std::span<const Token>(tokens)};
  ThreadPool threads(2);
  Trainer<double> trainer(config, {.steps = 1, .batch = 2, .sequence = 9}, threads);
  Scorer<double> scorer(trainer.model(), trainer.weights(), 9, threads);
  CHECK(scorer.score(view, 9).mean() == doctest::Approx(trainer.evaluate(view)).epsilon(1e-14));
}

TEST_CASE("scoring makes no heap call; what cannot be scored is refused") {
  const ModelConfig config = shape_of(false);
  const std::vector<double> weights = random_weights(config);
  const std::vector<Token> tokens = some_tokens(50);
  const TokenView view{std::span<const Token>(tokens)};
  ThreadPool threads(2);
  Scorer<double> scorer(Transformer<double>{config}, weights, 7, threads);
  {
    const octavo_test::HeapGuard guard;
    const double nats = scorer.score(view, 3).nats;
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
    CHECK(nats > 0);
  }
  CHECK(scorer.score(view.subview(0, 1), 3).tokens == 0);
  CHECK(scorer.score({}, 3).tokens == 0);
  for (const Index stride : {0, 8}) {
    const std::string message =
        "stride: got " + std::to_string(stride) + ", expected 1 to 7, the window's length";
    CHECK_THROWS_WITH_AS(scorer.score(view, stride), message.c_str(), ConfigError);
  }
  const std::vector<Token> outside{1, vocabulary};
  CHECK_THROWS_AS(scorer.score(TokenView(std::span<const Token>(outside)), 7), DataError);
}

TEST_CASE("sizes that make no scorer are refused") {
  const ModelConfig config = shape_of(false);
  for (const Index size : {Index{0}, Index{-1}, Index{1} << 40}) {
    CHECK_THROWS_WITH_AS(scoring_bytes<float>(config, size),
                         "scoring needs a length, from 1 to 2^31 - 1", ConfigError);
    CHECK_THROWS_AS(scoring_bytes<float>(config, 7, size), ConfigError);
  }
  CHECK_THROWS_AS(scoring_bytes<float>(config, config.context + 1), ConfigError);
}

TEST_CASE("hidden states times the head are the logits") {
  const Index length = 9;
  for (const bool tied : {false, true}) {
    const ModelConfig config = shape_of(tied);
    const std::vector<double> weights = random_weights(config);
    const Transformer<double> model{config};
    const ParameterList parameters = model.parameters();
    std::vector<double> copy = weights;
    const auto table =
        parameters.map(std::span(copy), tied ? "embedding.tokens.weight" : "head.weight");
    ThreadPool threads(2);
    Scorer<double> scorer(model, weights, length, threads);
    for (const std::size_t size : {1u, 4u, 9u}) {
      const std::vector<Token> tokens = some_tokens(size);
      const octavo_test::HeapGuard guard;
      const auto hidden = scorer.hidden(tokens);
      CHECK(guard.allocations() == 0);
      REQUIRE(hidden.rows() == static_cast<Index>(size));
      REQUIRE(hidden.cols() == config.width);
      REQUIRE(table.rows() == vocabulary);
      Eigen::MatrixXd logits = hidden * table.transpose();
      if (!tied) logits.rowwise() += parameters.map(std::span(copy), "head.bias").row(0);
      for (std::size_t i = 0; i + 1 < size; ++i) {
        const Eigen::RowVectorXd row = logits.row(static_cast<Index>(i));
        const double log_p = row(tokens[i + 1]) - std::log(row.array().exp().sum());
        const auto before = std::span(tokens).first(i + 1);
        CHECK(log_p == doctest::Approx(naive(config, weights, before, tokens[i + 1])));
      }
    }
    CHECK_THROWS_WITH_AS(scorer.hidden(some_tokens(10)), "hidden: got 10 tokens, expected 1 to 9",
                         DataError);
    CHECK_THROWS_AS(scorer.hidden(TokenView{}), DataError);
    CHECK_THROWS_AS(scorer.hidden(std::vector<Token>{vocabulary}), DataError);
  }
}
