// SPDX-License-Identifier: MIT
#include <heap_guard/heap_guard.hpp>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/presets.hpp>

#include "generation/uncached.hpp"

using namespace octavo;

static_assert(generation_bytes<float>(presets::tiny, 32) < 400'000);

namespace {

constexpr ModelConfig config{.vocabulary = 23,
                             .context = 48,
                             .layers = 3,
                             .width = 36,
                             .attention = {.heads = 3},
                             .feed_forward = {.d_ff = 50, .activation = Activation::gelu}};

template <Scalar T>
std::vector<T> random_weights(const ModelConfig& of) {
  const ParameterList list = Transformer<T>{of}.parameters();
  std::vector<T> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<T>(list, of.layers, 3, weights);
  for (T& w : weights) w *= T{8};
  return weights;
}

std::vector<Token> some_tokens(std::size_t count) {
  const CounterRandom random(1, RandomStream::batches);
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>(random.below(i, 23));
  return tokens;
}

}  // namespace

TEST_CASE_TEMPLATE("cached and uncached logits are equal to the last bit", T, float, double) {
  const std::vector<T> weights = random_weights<T>(config);
  const std::vector<Token> tokens = some_tokens(48);
  const std::vector<T> expected = octavo_test::uncached<T>(config, weights, tokens);
  for (const Index workers : {1, 2, 3}) {
    for (const std::size_t piece : {1u, 5u, 33u, 48u}) {
      ThreadPool threads(workers);
      Generator<T> generator(Transformer<T>{config}, weights, 48, threads);
      for (std::size_t at = 0; at < tokens.size(); at += piece) {
        const std::size_t count = std::min(piece, tokens.size() - at);
        generator.read(std::span(tokens).subspan(at, count));
        const T* row = &expected[(at + count - 1) * 23];
        CHECK(std::equal(row, row + 23, generator.logits().begin()));
      }
    }
  }
}

TEST_CASE("a pass over parts of several sequences gives each one's own logits") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> text = some_tokens(96);
  const std::span<const Token> tokens[] = {std::span(text).first(48), std::span(text).last(48)};
  constexpr CachedRows passes[][2] = {{{1, 0, 5}, {0, 0, 30}}, {{1, 5, 3}, {0, 30, 18}}};
  for (const Index workers : {1, 2, 3}) {
    MemoryPlan plan;
    const Transformer<float> model(config, plan, {2, 48, workers, false});
    plan.place();
    const Arena arena(plan);
    std::vector<float> memory(
        static_cast<std::size_t>(KeyValueCaches<float>::elements(2, config.layers, 48, 36)));
    const KeyValueCaches<float> caches(memory.data(), config.layers, 48, 36);
    ThreadPool threads(workers);
    for (const auto& parts : passes) {
      std::vector<Token> inputs;
      for (const CachedRows& part : parts) {
        const auto all = tokens[part.sequence];
        inputs.insert(inputs.end(), all.begin() + part.past, all.begin() + part.past + part.rows);
      }
      std::vector<float> logits(2 * 23);
      threads.run([&](const Worker& worker) {
        const CachedSequences<float> cached{caches, parts};
        model.logits_cached({.run = {worker, arena, model.pack_buffer(arena)},
                             .rows = {1, std::ssize(inputs), 0, &cached},
                             .weights = weights.data()},
                            inputs, MatrixView<float>(logits.data(), 2, 23));
      });
      for (std::size_t i = 0; i < 2; ++i) {
        const auto end = static_cast<std::size_t>(parts[i].past + parts[i].rows);
        const auto expected =
            octavo_test::uncached<float>(config, weights, tokens[parts[i].sequence].first(end));
        CHECK(std::equal(expected.end() - 23, expected.end(), &logits[i * 23]));
      }
    }
  }
}

TEST_CASE("beyond the trained length the window keeps its newest three quarters") {
  const std::vector<double> weights = random_weights<double>(config);
  const std::vector<Token> tokens = some_tokens(200);
  ThreadPool threads(2);
  const Index length = 20;
  Generator<double> generator(Transformer<double>{config}, weights, length, threads);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    generator.read({&tokens[i], 1});
    const auto used = static_cast<std::size_t>(generator.used());
    CHECK(generator.used() <= length);
    if (i >= 20) CHECK(generator.used() > 15);
    const auto window = std::span(tokens).subspan(i + 1 - used, used);
    const std::vector<double> expected = octavo_test::uncached<double>(config, weights, window);
    CHECK(std::equal(expected.end() - 23, expected.end(), generator.logits().begin()));
  }
}

TEST_CASE("a long text read at once ends where one read token by token does") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> tokens = some_tokens(120);
  const std::span<const Token> text = tokens;
  ThreadPool threads(1);
  for (const Index length : {1, 2, 3, 4, 5, 20}) {
    const Transformer<float> model{config};
    Generator<float> slow(model, weights, length, threads);
    Generator<float> fast(model, weights, length, threads);
    for (std::size_t end = 1; end <= text.size(); ++end) {
      slow.read(text.subspan(end - 1, 1));
      for (const std::size_t pieces : {std::size_t{1}, std::size_t{2}}) {
        INFO("length ", length, ", ", end, " tokens in ", pieces, " pieces");
        fast.reset();
        fast.read(text.first(end * (pieces - 1) / 3));
        fast.read(text.first(end).subspan(end * (pieces - 1) / 3));
        CHECK(fast.used() == slow.used());
        CHECK(std::equal(fast.logits().begin(), fast.logits().end(), slow.logits().begin()));
      }
    }
  }
}

TEST_CASE("equal seeds give equal tokens, streamed one by one, and false stops") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> prompt = some_tokens(4);
  ThreadPool threads(2);
  Generator<float> generator(Transformer<float>{config}, weights, 48, threads);
  const auto write = [&](std::uint64_t seed, Index count) {
    std::vector<Token> tokens;
    generator.generate(prompt, count, {.temperature = 1.0}, seed, [&](Token token) {
      tokens.push_back(token);
      return tokens.size() < 60;
    });
    return tokens;
  };
  const auto first = write(5, 40);
  CHECK(first.size() == 40);
  CHECK(write(5, 40) == first);
  CHECK(write(6, 40) != first);
  CHECK(write(5, 100).size() == 60);
}

TEST_CASE("the last token that is asked for is handed out without being read") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> prompt = some_tokens(4);
  ThreadPool threads(1);
  Generator<float> generator(Transformer<float>{config}, weights, 48, threads);
  generator.generate(prompt, 5, {}, 1, [](Token) { return true; });
  CHECK(generator.used() == 4 + 5 - 1);
}

TEST_CASE("sequences generated together have the bits of each alone, wherever each one ends") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> text = some_tokens(60);
  const std::span<const Token> all = text;
  const std::vector<std::span<const Token>> prompts{
      all.first(4), all.subspan(9, 17), all.subspan(30, 1), all.first(40), all.first(4)};
  constexpr std::size_t most[] = {50, 3, 31, 50, 12};  // the second ends first, the fifth third
  const Sampling sampling{
      .temperature = 1.2, .top_k = 9, .repetition_penalty = 1.1, .repetition_window = 8};
  const Index length = 16;
  const Transformer<float> model{config};
  ThreadPool one_thread(1);
  Generator<float> alone(model, weights, length, one_thread);
  std::vector<std::vector<Token>> expected(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    alone.generate(prompts[i], 50, sampling, 7 + i, [&](Token token) {
      expected[i].push_back(token);
      return expected[i].size() < most[i];
    });
    CHECK(expected[i].size() == most[i]);
  }
  CHECK(expected[0] != expected[4]);  // the same prompt with another seed
  for (const Index workers : {1, 2, 3}) {
    for (const Index sequences : {5, 7}) {
      ThreadPool threads(workers);
      Generator<float> generator(model, weights, length, threads, sequences);
      CHECK(generator.plan().total_bytes() ==
            generation_bytes<float>(config, length, workers, sequences));
      std::vector<std::vector<Token>> tokens(prompts.size());
      generator.generate_batch(prompts, 50, sampling, 7, [&](Index sequence, Token token) {
        auto& mine = tokens[static_cast<std::size_t>(sequence)];
        mine.push_back(token);
        return mine.size() < most[static_cast<std::size_t>(sequence)];
      });
      CHECK(tokens == expected);
    }
  }
}

TEST_CASE("more sequences than the window has positions") {
  const std::vector<double> weights = random_weights<double>(config);
  const std::vector<Token> text = some_tokens(11);
  ThreadPool threads(2);
  const Transformer<double> model{config};
  Generator<double> generator(model, weights, 4, threads, 11);
  Generator<double> alone(model, weights, 4, threads);
  std::vector<std::span<const Token>> prompts;
  for (const Token& token : text) prompts.emplace_back(&token, 1);
  std::vector<std::vector<Token>> tokens(11), expected(11);
  generator.generate_batch(prompts, 9, {}, 0, [&](Index sequence, Token token) {
    tokens[static_cast<std::size_t>(sequence)].push_back(token);
    return true;
  });
  for (std::size_t i = 0; i < 11; ++i) {
    alone.generate(prompts[i], 9, {}, i, [&](Token token) {
      expected[i].push_back(token);
      return true;
    });
  }
  CHECK(tokens == expected);
}

TEST_CASE("a token makes no heap call, not even where the window slides") {
  const std::vector<float> weights = random_weights<float>(config);
  const std::vector<Token> prompt = some_tokens(4);
  const std::vector<std::span<const Token>> prompts{prompt, prompt, prompt};
  const TokenBias bias[] = {{3, 1.0}};
  const Sampling sampling{.temperature = 0.9,
                          .top_k = 5,
                          .top_p = 0.9,
                          .min_p = 0.01,
                          .repetition_penalty = 1.2,
                          .logit_bias = bias};
  ThreadPool threads(2);
  Generator<float> generator(Transformer<float>{config}, weights, 16, threads, 3);
  const octavo_test::HeapGuard guard;
  generator.generate(prompt, 50, sampling, 1, [](Token) { return true; });
  generator.generate_batch(prompts, 50, sampling, 1, [](Index, Token) { return true; });
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
}

TEST_CASE("memory handed in serves as well, and may be overwritten between two texts") {
  const std::vector<float> weights = random_weights<float>(config);
  ThreadPool threads(2);
  const Transformer<float> model{config};
  const std::size_t bytes = generation_bytes<float>(config, 16, 2);
  std::vector<std::byte> block(bytes + 64);
  auto* const base =
      reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block.data()) + 63) / 64 * 64);
  Generator<float> own(model, weights, 16, threads);
  Generator<float> guest(model, weights, 16, threads, {base, bytes});
  const auto text = [](Generator<float>& generator) {
    std::vector<Token> tokens;
    const Token prompt[] = {3, 1};
    generator.generate(prompt, 30, {}, 5, [&](Token token) {
      tokens.push_back(token);
      return true;
    });
    return tokens;
  };
  const std::vector<Token> expected = text(own);
  CHECK(text(guest) == expected);
  std::fill_n(base, bytes, std::byte{0xFF});
  CHECK(text(guest) == expected);
  CHECK_THROWS_AS(Generator<float>(model, weights, 16, threads, {base, bytes - 1}), ConfigError);
}

TEST_CASE("what cannot be generated from is refused") {
  const std::vector<float> weights = random_weights<float>(config);
  ThreadPool threads(1);
  const Transformer<float> model{config};
  Generator<float> generator(model, weights, 48, threads);
  const Token outside[] = {3, 23};
  CHECK_THROWS_WITH_AS(generator.read(outside), "token 1 is 23, expected 0 to 22", ConfigError);
  CHECK_THROWS_WITH_AS(generator.read(outside, 1), "sequence: got 1, expected 0 to 0", ConfigError);
  CHECK_THROWS_AS(generator.generate({}, 3, {}, 1, [](Token) { return true; }), ConfigError);
  const std::span<const Token> two[] = {std::span(outside).first(1), std::span(outside).first(1)};
  CHECK_THROWS_WITH_AS(generator.generate_batch(two, 3, {}, 1, [](Index, Token) { return true; }),
                       "prompts: got 2, expected at most 1, the generator's sequences",
                       ConfigError);
  generator.read(std::span(outside).first(1));
  const CounterRandom random(1, RandomStream::sampling);
  for (const Token token : {-3, 23}) {
    const TokenBias bias[] = {{token, 1.0}};
    CHECK_THROWS_WITH_AS(
        generator.choose({.logit_bias = bias}, random, 0),
        ("logit bias: got token " + std::to_string(token) + ", expected 0 to 22").c_str(),
        ConfigError);
  }
  CHECK_THROWS_AS(Generator<float>(model, weights, 8, threads, 0), ConfigError);
  CHECK_THROWS_AS(Generator<float>(model, weights, 49, threads), ConfigError);
  CHECK_THROWS_AS(Generator<float>(model, std::span(weights).first(100), 8, threads), ConfigError);
}
