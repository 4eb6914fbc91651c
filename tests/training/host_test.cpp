// SPDX-License-Identifier: MIT
// Training, evaluating, generating and scoring inside a program that has its own floating-point
// environment, and that moves objects about.
#include <cfenv>
#include <cstdint>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data.hpp>
#include <octavo/octavo.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 35,
                             .context = 32,
                             .layers = 1,
                             .width = 32,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 48}};
constexpr Index sequence = 24;

TokenStore soliloquy_tokens() {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  return tokenize(tokenizer, sample_text);
}

/// Everything that a program gets from the library in one run.
struct Results {
  std::vector<float> weights;
  std::vector<double> losses;
  std::vector<Token> tokens;
  double validation = 0;
  double nats = 0;
  std::vector<int> modes;  ///< the rounding mode that callbacks meet

  double rate = 0, minimum = 0, entropy = 0, perplexity = 0;

  friend bool operator==(const Results&, const Results&) = default;
};

Results run(ThreadPool& threads, TokenView tokens) {
  Results results;
  Trainer<float> trainer(config, {.steps = 12, .sequence = sequence, .dropout = 0.1}, threads);
  {
    const FloatEnvironment usual;  // numbers that are denormal, whatever the host's environment
    for (float& weight : trainer.weights().first(200)) weight *= 1e-37f;
  }
  trainer.run(tokens, {.step = [&](const StepResult& result) {
                results.losses.push_back(result.loss);
                results.losses.push_back(result.gradient_norm);
                results.losses.push_back(result.learning_rate);
                results.modes.push_back(std::fegetround());
              }});
  results.validation = trainer.evaluate(tokens);
  results.weights.assign(trainer.weights().begin(), trainer.weights().end());
  Generator<float> generator(trainer.model(), trainer.weights(), sequence, threads);
  const Token prompt[] = {3, 1, 4};
  generator.generate(prompt, 40, {.temperature = 0.9, .top_p = 0.9}, 7, [&](Token token) {
    results.tokens.push_back(token);
    results.modes.push_back(std::fegetround());
    return true;
  });
  const TrainingOptions options{.steps = 50, .learning_rate = 0.7e-3, .warmup = 3};
  results.rate = options.rate().at(17);
  results.minimum = options.rate().min_lr;
  results.entropy = text_entropy(tokens, config.vocabulary).bigram.value_or(0);
  results.perplexity = TextScore{7, 9.1}.perplexity();
  Scorer<float> scorer(trainer.model(), trainer.weights(), sequence, threads);
  results.nats = scorer
                     .score(tokens, sequence / 2,
                            [&](Index, double) { results.modes.push_back(std::fegetround()); })
                     .nats;
  return results;
}

}  // namespace

TEST_CASE("a host's rounding mode changes no bit, and its callbacks meet it") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool one(1), two(2);
  const Results usual = run(one, tokens.view());
  CHECK(run(two, tokens.view()) == usual);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    for (ThreadPool* const threads : {&one, &two}) {
      std::fesetround(mode);
      Results results = run(*threads, tokens.view());
      const int after = std::fegetround();
      std::fesetround(FE_TONEAREST);
      CHECK(after == mode);
      CHECK(results.modes == std::vector<int>(usual.modes.size(), mode));
      results.modes = usual.modes;
      CHECK(results == usual);
    }
  }
}

#if defined(__x86_64__)
TEST_CASE("a host that flushes denormal numbers to zero changes no bit") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(2);
  const Results usual = run(threads, tokens.view());
  const unsigned host = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(host | 0x8040);
  const Results flushed = run(threads, tokens.view());
  __builtin_ia32_ldmxcsr(host);
  CHECK(flushed == usual);
}
#endif

TEST_CASE("what was moved from says so, and what it moved to goes on") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(1);
  Trainer<float> first(config, {.steps = 4, .sequence = sequence}, threads);
  first.step(tokens.view());
  Trainer<float> second = std::move(first);
  CHECK_NOTHROW(second.step(tokens.view()));
  constexpr const char* gone =
      "an object was used after it had been moved from: its memory is the other's now";
  CHECK_THROWS_WITH_AS(first.step(tokens.view()), gone, ConfigError);
  CHECK_THROWS_WITH_AS(first.evaluate(tokens.view()), gone, ConfigError);
  CHECK_THROWS_WITH_AS(first.training_step().train(1e-3), gone, ConfigError);
  CHECK_THROWS_WITH_AS(first.training_step().compute_gradients(), gone, ConfigError);
  CHECK_THROWS_WITH_AS(first.training_step().update(1e-3), gone, ConfigError);

  Generator<float> generator(second.model(), second.weights(), sequence, threads);
  const Token prompt[] = {1};
  generator.read(prompt);
  Generator<float> writer = std::move(generator);
  CHECK(writer.choose({.temperature = 0}, CounterRandom(1, RandomStream::sampling), 0) >= 0);
  CHECK_THROWS_WITH_AS(generator.read(prompt), gone, ConfigError);
  CHECK_THROWS_WITH_AS(generator.generate(prompt, 3, {}, 1, [](Token) { return true; }), gone,
                       ConfigError);
  CHECK_THROWS_WITH_AS(generator.reset(), gone, ConfigError);
  CHECK_THROWS_WITH_AS(generator.used(), gone, ConfigError);

  Scorer<float> scorer(second.model(), second.weights(), sequence, threads);
  Scorer<float> reader = std::move(scorer);
  CHECK(reader.score(tokens.view(), sequence).tokens > 0);
  CHECK_THROWS_WITH_AS(scorer.score(tokens.view(), sequence), gone, ConfigError);
}
