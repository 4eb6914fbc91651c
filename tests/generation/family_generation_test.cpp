// SPDX-License-Identifier: MIT
// What is promised of GPT-2's generation holds for every family.
#include <algorithm>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>

#include "generation/some_model.hpp"
#include "generation/uncached.hpp"
#include "heap_guard/heap_guard.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using octavo_test::random_weights;
using octavo_test::some_tokens;

namespace {

constexpr Index length = 40;

}  // namespace

TEST_CASE_TEMPLATE("cached and uncached logits are equal to the last bit", T, float, double) {
  const std::vector<Token> tokens = some_tokens(length);
  std::vector<octavo_test::SmallFamily> families = octavo_test::small_families();
  for (std::size_t i = 0; i < 10; ++i) {
    families.push_back(families[i]);
    families.back().name += " with adapters";
    families.back().config.lora = {.rank = 3, .dropout = 0.1};
  }
  for (const auto& family : families) {
    const ModelConfig& config = family.config;
    INFO(family.name);
    const std::vector<T> weights = random_weights<T>(config);
    const std::vector<T> expected = octavo_test::uncached<T>(config, weights, tokens);
    for (const Index workers : {1, 3}) {
      for (const std::size_t piece : {1u, 7u, 33u}) {
        ThreadPool threads(workers);
        Generator<T> generator(Transformer<T>{config}, weights, length, threads);
        bool equal = true;
        for (std::size_t at = 0; at < tokens.size(); at += piece) {
          const std::size_t count = std::min(piece, tokens.size() - at);
          generator.read(std::span(tokens).subspan(at, count));
          const T* row = &expected[(at + count - 1) * 23];
          equal = equal && std::equal(row, row + 23, generator.logits().begin());
        }
        CHECK(equal);
      }
    }
  }
}

TEST_CASE("the cache holds the heads of keys and values alone") {
  ModelConfig config = octavo_test::small_families()[1].config;  // Llama
  REQUIRE(config.kv_width() == 12);
  const std::size_t shared = generation_bytes<float>(config, length);
  config.attention.kv_heads = 0;
  const std::size_t own = generation_bytes<float>(config, length);
  const auto more = static_cast<std::size_t>(2 * config.layers * length * 12) * sizeof(float);
  CHECK(own >= shared + more);
}

TEST_CASE("a window of a rotary model slides without computing anything again") {
  ThreadPool threads(2);
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig& config = family.config;
    if (config.positions.kind != PositionKind::rotary) continue;
    INFO(family.name);
    const std::vector<float> weights = random_weights<float>(config);
    const Transformer<float> model(config);
    const std::vector<Token> tokens = some_tokens(3 * length + 3);
    Generator<float> whole(model, weights, length, threads), one(model, weights, length, threads),
        ahead(model, weights, length, threads, 1, Sliding::ahead);
    CHECK(ahead.plan().total_bytes() == whole.plan().total_bytes());
    whole.read(tokens);
    const octavo_test::HeapGuard guard;
    for (const Token& token : tokens) one.read({&token, 1});
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
    ahead.read(tokens);
    CHECK(std::equal(whole.logits().begin(), whole.logits().end(), one.logits().begin()));
    CHECK(std::equal(whole.logits().begin(), whole.logits().end(), ahead.logits().begin()));
    CHECK(whole.used() == one.used());
    CHECK(whole.used() < length);
    whole.reset();
    one.reset();
    whole.read(some_tokens(9));
    one.read(some_tokens(9));
    CHECK(std::equal(whole.logits().begin(), whole.logits().end(), one.logits().begin()));
  }
}

TEST_CASE("where attention sees a window alone, sliding forgets nothing that it sees") {
  // One layer: a window of 5 in 40 positions is never cut by a slide that keeps 30.
  ModelConfig config = octavo_test::small_families()[6].config;  // Mistral
  config.layers = 1;
  config.context = 4 * length;
  REQUIRE(config.attention.window == 5);
  const std::vector<double> weights = random_weights<double>(config);
  const std::vector<Token> tokens = some_tokens(3 * length);
  ThreadPool threads(1);
  Generator<double> sliding(Transformer<double>(config), weights, length, threads);
  Generator<double> whole(Transformer<double>(config), weights, 4 * length, threads);
  for (const Token& token : tokens) {
    sliding.read({&token, 1});
    whole.read({&token, 1});
    for (std::size_t i = 0; i < 23; ++i) {
      CHECK(sliding.logits()[i] == doctest::Approx(whole.logits()[i]).epsilon(1e-12));
    }
  }
}
