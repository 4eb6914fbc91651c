// SPDX-License-Identifier: MIT
// Generation and scoring with weights in the number types of files, beside their decoded numbers.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/transformer/families.hpp>

#include "transformer/stored_model.hpp"

using namespace octavo_test;

namespace {

ModelConfig config_of(Family family) {
  return with_family({.vocabulary = 50,
                      .context = 24,
                      .layers = 2,
                      .width = 256,
                      .attention = {.heads = 4, .kv_heads = 2, .head_width = 64},
                      .feed_forward = {.d_ff = 256}},
                     family);
}

std::vector<Token> generated(Generator<float>& generator) {
  std::vector<Token> tokens;
  const std::vector<Token> prompt{1, 2, 3, 4, 5, 6, 7};
  generator.generate(prompt, 30, {.temperature = 1}, 3, [&](Token token) {
    tokens.push_back(token);
    return true;
  });
  return tokens;
}

}  // namespace

TEST_CASE("a model generates and scores from stored weights as from their numbers, to the bit") {
  for (const Family family : {Family::llama, Family::gemma3, Family::gpt2}) {
    for_each_stored_type([&](StoredType type, StoredLayout layout) {
      if (family != Family::llama && type != StoredType::q8_0) return;
      ModelConfig config = config_of(family);
      if (family == Family::gpt2) config.attention = {.heads = 4};
      const StoredModel weights(config, type, layout);
      INFO(std::string(name_of(type)));
      for (const Index workers :
           type == StoredType::q8_0 ? std::vector<Index>{1, 3} : std::vector<Index>{2}) {
        ThreadPool threads(workers);
        Generator<float> plain(weights.model, weights.numbers, 24, threads);
        Generator<float> stored(weights.model, weights.stored, 24, threads);
        CHECK(generated(plain) == generated(stored));
        CHECK(std::equal(plain.logits().begin(), plain.logits().end(), stored.logits().begin()));
        const std::vector<Token> text{4, 9, 33, 2, 49, 0, 7, 7, 12};
        const double expected =
            Scorer<float>(weights.model, weights.numbers, 24, threads).score(text, 24).nats;
        CHECK(Scorer<float>(weights.model, weights.stored, 24, threads).score(text, 24).nats ==
              expected);
      }
    });
  }
}
