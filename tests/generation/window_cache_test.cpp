// SPDX-License-Identifier: MIT
// Layers with a window cache a window alone: the bits of caches that hold every position.
#include <algorithm>
#include <heap_guard/heap_guard.hpp>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>

#include "generation/some_model.hpp"
#include "generation/uncached.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using octavo_test::random_weights;
using octavo_test::some_tokens;

namespace {

constexpr Index length = 128;

/// A small model of a family with that window, whose context is three of those lengths.
ModelConfig windowed(Family family, Index window) {
  ModelConfig config = octavo_test::small_families()[static_cast<std::size_t>(family)].config;
  config.context = 3 * length;
  config.attention.window = window;
  return config;
}

/// All kinds of positions and patterns, and windows whose caches have from 32 to 127 rows.
std::vector<ModelConfig> windowed_models() {
  std::vector<ModelConfig> all;
  for (const Index window : {1, 5, 40, 96}) {
    for (const Family family : {Family::gpt2, Family::mistral, Family::gemma2, Family::gemma3}) {
      all.push_back(windowed(family, window));
      if (family == Family::gemma3) all.back().layers = 6;
    }
  }
  return all;
}

template <Scalar T>
bool same(std::span<const T> a, const T* b) {
  return std::equal(a.begin(), a.end(), b);
}

/// Generation with a row of cache for every position of every layer, a token at a time.
class FullCaches {
 public:
  FullCaches(const ModelConfig& config, std::span<const float> weights, Index longest)
      : longest_(longest),
        weights_(weights),
        model_(config, plan_, {1, longest, 1, false}),
        arena_((plan_.place(), plan_)),
        memory_(static_cast<std::size_t>(
            KeyValueCaches<float>::elements(1, config.layers, longest, config.kv_width()))),
        caches_(memory_.data(), config.layers, longest, config.kv_width()),
        logits_(static_cast<std::size_t>(config.vocabulary)) {}

  const float* read(Token token) {
    if (used_ == longest_) slide();
    const CachedRows part{0, used_++, 1, dropped_};
    const CachedSequences<float> cached{caches_, {&part, 1}};
    const Worker worker;
    model_.logits_cached({.run = {worker, arena_, model_.pack_buffer(arena_)},
                          .rows = {1, 1, 0, &cached},
                          .weights = weights_.data()},
                         {&token, 1}, MatrixView<float>(logits_.data(), 1, std::ssize(logits_)));
    return logits_.data();
  }

 private:
  void slide() {
    const Index count = longest_ / 4;
    for (Index layer = 0; layer < model_.config().layers; ++layer) {
      const KeyValueCache<float> cache = caches_.of(0, layer);
      REQUIRE(cache.layout().rows == longest_);
      for (const MatrixView<float> rows : {cache.keys(), cache.values()}) {
        std::copy(rows.row(count), rows.row(longest_), rows.row(0));
      }
    }
    dropped_ += count;
    used_ -= count;
  }

  Index longest_, used_ = 0, dropped_ = 0;
  std::span<const float> weights_;
  MemoryPlan plan_;
  Transformer<float> model_;
  Arena arena_;
  std::vector<float> memory_;
  KeyValueCaches<float> caches_;
  std::vector<float> logits_;
};

}  // namespace

TEST_CASE_TEMPLATE("a cache of a window gives the bits of no cache, however a text is read", T,
                   float, double) {
  struct Reading {
    std::size_t piece;
    Index workers;
  };
  const std::vector<Token> tokens = some_tokens(length);
  for (const ModelConfig& config : windowed_models()) {
    INFO(describe(config));
    const std::vector<T> weights = random_weights<T>(config);
    const std::vector<T> expected = octavo_test::uncached<T>(config, weights, tokens);
    for (const Reading reading : {Reading{1, 1}, {7, 4}, {33, 2}, {100, 1}, {128, 3}}) {
      ThreadPool threads(reading.workers);
      Generator<T> generator(Transformer<T>{config}, weights, length, threads);
      bool equal = true;
      for (std::size_t at = 0; at < tokens.size(); at += reading.piece) {
        const std::size_t count = std::min(reading.piece, tokens.size() - at);
        generator.read(std::span(tokens).subspan(at, count));
        equal = equal && same<T>(generator.logits(), &expected[(at + count - 1) * 23]);
      }
      INFO(reading.piece, " tokens at a time, ", reading.workers, " workers");
      CHECK(equal);
    }
  }
}

TEST_CASE("where every layer has a window, a sliding text has the bits of the whole text") {
  const std::vector<Token> tokens = some_tokens(3 * length - 5);
  constexpr Index longest = 120;  // a slide drops 30 positions, which is not a number of blocks
  const std::size_t pieces[] = {1, 1, 31, 90, 1, 2, 45, 1};
  for (const Index window : {1, 2, 16, 17, 40, 88}) {
    const ModelConfig config = windowed(Family::mistral, window);
    INFO(describe(config));
    const std::vector<float> weights = random_weights<float>(config);
    const std::vector<float> expected = octavo_test::uncached<float>(config, weights, tokens);
    for (const Index workers : {1, 2, 3, 4}) {
      ThreadPool threads(workers);
      Generator<float> generator(Transformer<float>{config}, weights, longest, threads);
      std::size_t at = 0;
      bool equal = true;
      for (std::size_t i = 0; at < tokens.size(); ++i) {
        const std::size_t count = std::min(pieces[i % std::size(pieces)], tokens.size() - at);
        generator.read(std::span(tokens).subspan(at, count));
        at += count;
        equal = equal && same<float>(generator.logits(), &expected[(at - 1) * 23]);
      }
      CHECK(equal);
      CHECK(generator.used() < longest);
    }
  }
}

TEST_CASE("where some layers see all, a sliding text has the bits of caches of all positions") {
  struct Case {
    Family family;
    Index window, longest;
  };
  const std::vector<Token> tokens = some_tokens(700);
  for (const Case& one : {Case{Family::gemma2, 5, 40},
                          {Family::gemma3, 17, 77},
                          {Family::gemma2, 96, 128},
                          {Family::gemma3, 33, 128},
                          // A window that is wider than what a slide keeps.
                          {Family::gemma2, 200, 256},
                          {Family::mistral, 200, 256}}) {
    const ModelConfig config = windowed(one.family, one.window);
    INFO(describe(config), ", length ", one.longest);
    const std::vector<float> weights = random_weights<float>(config);
    FullCaches all(config, weights, one.longest);
    ThreadPool threads(3), one_thread(1);
    const Transformer<float> model(config);
    Generator<float> single(model, weights, one.longest, threads);
    Generator<float> pieces(model, weights, one.longest, one_thread);
    bool equal = true;
    for (std::size_t i = 0, read = 0; i < tokens.size(); ++i) {
      const float* const expected = all.read(tokens[i]);
      single.read({&tokens[i], 1});
      equal = equal && same<float>(single.logits(), expected);
      if (i + 1 - read <= i % 53) continue;
      pieces.read(std::span(tokens).subspan(read, i + 1 - read));
      equal = equal && same<float>(pieces.logits(), expected);
      read = i + 1;
    }
    CHECK(equal);
  }
}

TEST_CASE("learned positions: every window that slides has the bits of that text alone") {
  const std::vector<Token> tokens = some_tokens(300);
  const Index longest = 80;
  for (const Index window : {5, 40}) {
    ModelConfig config = windowed(Family::gpt2, window);
    for (const Index pattern : {0, 2}) {
      config.attention.window_pattern = pattern;
      INFO(describe(config), ", pattern ", pattern);
      const std::vector<float> weights = random_weights<float>(config);
      ThreadPool threads(2);
      const Transformer<float> model(config);
      Generator<float> at_once(model, weights, longest, threads);
      Generator<float> ahead(model, weights, longest, threads, 1, Sliding::ahead);
      bool equal = true;
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        at_once.read({&tokens[i], 1});
        ahead.read({&tokens[i], 1});
        equal = equal && same<float>(ahead.logits(), at_once.logits().data());
        if (i % 7 != 0) continue;
        const auto used = static_cast<std::size_t>(at_once.used());
        const auto expected = octavo_test::uncached<float>(
            config, weights, std::span(tokens).subspan(i + 1 - used, used));
        equal = equal && same<float>(at_once.logits(), &expected[(used - 1) * 23]);
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("parts of one pass that begin and end in different blocks") {
  constexpr CachedRows passes[][2] = {
      {{1, 0, 45}, {0, 0, 100}}, {{1, 45, 83}, {0, 100, 1}}, {{0, 101, 27}, {2, 0, 33}}};
  const std::vector<Token> text = some_tokens(3 * length);
  for (const Index window : {1, 16, 40}) {
    const ModelConfig config = windowed(Family::gemma2, window);
    const std::vector<float> weights = random_weights<float>(config);
    for (const Index workers : {1, 2, 3, 4}) {
      INFO(describe(config), ", ", workers, " workers");
      MemoryPlan plan;
      const Transformer<float> model(config, plan, {2, length, workers, false});
      plan.place();
      const Arena arena(plan);
      const Index width = config.kv_width();
      std::vector<float> memory(static_cast<std::size_t>(
          KeyValueCaches<float>::elements(3, config.layers, length, width, config.attention)));
      const KeyValueCaches<float> caches(memory.data(), config.layers, length, width,
                                         config.attention);
      ThreadPool threads(workers);
      for (const auto& parts : passes) {
        const auto tokens_of = [&](const CachedRows& part) {
          return std::span(text).subspan(static_cast<std::size_t>(part.sequence * length),
                                         static_cast<std::size_t>(part.past + part.rows));
        };
        std::vector<Token> inputs;
        for (const CachedRows& part : parts) {
          const auto all = tokens_of(part);
          inputs.insert(inputs.end(), all.begin() + part.past, all.end());
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
          const auto expected = octavo_test::uncached<float>(config, weights, tokens_of(parts[i]));
          CHECK(std::equal(expected.end() - 23, expected.end(), &logits[i * 23]));
        }
      }
    }
  }
}

TEST_CASE("sequences generated together have the tokens of each alone, without a heap call") {
  const std::vector<Token> text = some_tokens(300);
  const std::span<const Token> all = text;
  const std::vector<std::span<const Token>> prompts{all.first(4), all.subspan(9, 61), all.first(1),
                                                    all.first(200), all.subspan(70, 64)};
  constexpr std::size_t most[] = {150, 3, 131, 150, 40};
  for (const Family family : {Family::gpt2, Family::mistral, Family::gemma2}) {
    const ModelConfig config = windowed(family, 11);
    INFO(describe(config));
    const std::vector<float> weights = random_weights<float>(config);
    const Transformer<float> model{config};
    const auto stop = [&](std::vector<Token>& mine, Token token, std::size_t limit) {
      mine.push_back(token);
      return mine.size() < limit;
    };
    ThreadPool one_thread(1);
    Generator<float> alone(model, weights, 64, one_thread);
    std::vector<std::vector<Token>> expected(prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      alone.generate(prompts[i], 150, {.temperature = 1.2}, 7 + i,
                     [&](Token token) { return stop(expected[i], token, most[i]); });
    }
    for (const Index workers : {1, 2, 3, 4}) {
      for (const Sliding sliding : {Sliding::at_once, Sliding::ahead}) {
        ThreadPool threads(workers);
        Generator<float> generator(model, weights, 64, threads, 5, sliding);
        std::vector<std::vector<Token>> tokens(prompts.size());
        for (auto& mine : tokens) mine.reserve(150);
        const octavo_test::HeapGuard guard;
        generator.generate_batch(prompts, 150, {.temperature = 1.2}, 7,
                                 [&](Index sequence, Token token) {
                                   const auto i = static_cast<std::size_t>(sequence);
                                   return stop(tokens[i], token, most[i]);
                                 });
        const auto allocations = guard.allocations();
        CHECK(allocations == 0);
        CHECK(tokens == expected);
      }
    }
  }
}
