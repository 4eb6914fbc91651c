// SPDX-License-Identifier: MIT
// Generation and scoring with weights in the number types of files, beside their decoded numbers.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/generator.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/stored_weights.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;

namespace {

/// A model's weights in a type, and the same as numbers.
struct BothWays {
  BothWays(const ModelConfig& config, StoredType type, StoredLayout layout)
      : model(config),
        numbers(static_cast<std::size_t>(model.parameter_count())),
        stored(plan(type, layout)) {
    std::mt19937 random(7);
    const ParameterList parameters = model.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto own = std::span(numbers).subspan(static_cast<std::size_t>(parameters[i].offset),
                                                  static_cast<std::size_t>(parameters[i].count()));
      std::normal_distribution<float> normal(parameters[i].rows == 0 ? 1.f : 0.f, 0.1f);
      for (float& number : own) number = normal(random);
      if (stored.parameters()[i].stored.empty()) {
        std::copy(own.begin(), own.end(), stored.numbers(i).begin());
      } else {
        fill(parameters[i], i, own, random);
      }
    }
  }

  static bool is_table(const Parameter& parameter) {
    return parameter.name == "embedding.tokens.weight" || parameter.name == "head.weight";
  }

  StoredWeightsPlan plan(StoredType type, StoredLayout layout) const {
    StoredWeightsPlan plan;
    for (const Parameter& parameter : model.parameters()) {
      if (is_table(parameter)) {
        const StoredMatrix table{type, layout, nullptr, parameter.rows, parameter.columns};
        plan.add_matrices({&table, 1});
      } else if (parameter.is_map()) {
        std::vector<StoredMatrix> maps;
        for (const Index columns : parameter.maps) {
          if (columns > 0) maps.push_back({type, layout, nullptr, columns, parameter.rows});
        }
        plan.add_matrices(maps);
      } else {
        plan.add_numbers(parameter);
      }
    }
    return plan;
  }

  void fill(const Parameter& parameter, std::size_t i, std::span<float> own, std::mt19937& random) {
    Index first = 0;
    const auto matrices = stored.parameters()[i].stored;
    for (std::size_t k = 0; k < matrices.size(); ++k) {
      const StoredMatrix& matrix = matrices[k];
      const std::span<std::byte> bytes = stored.matrix_bytes(i, k);
      std::vector<float> numbers_of_line(static_cast<std::size_t>(matrix.length));
      for (Index line = 0; line < matrix.lines; ++line) {
        const std::vector<std::byte> from = random_line(matrix.type, matrix.length, random);
        if (matrix.layout == StoredLayout::grouped) {
          place_in_group(matrix.type, matrix.length, line, from, bytes);
        } else {
          std::copy(from.begin(), from.end(),
                    bytes.begin() + line * static_cast<std::ptrdiff_t>(from.size()));
        }
        detail::decode(matrix.type, from.data(), numbers_of_line);
        for (Index n = 0; n < matrix.length; ++n) {
          const Index place = is_table(parameter) ? line * parameter.columns + n
                                                  : n * parameter.columns + first + line;
          own[static_cast<std::size_t>(place)] = numbers_of_line[static_cast<std::size_t>(n)];
        }
      }
      first += matrix.lines;
    }
  }

  Transformer<float> model;
  std::vector<float> numbers;
  StoredWeights<float> stored;
};

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
      const BothWays weights(config, type, layout);
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
