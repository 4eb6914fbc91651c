// SPDX-License-Identifier: MIT
// Weights that make every position matter, and tokens of a vocabulary of 23.
#pragma once

#include <vector>

#include <octavo/numeric/random.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/transformer.hpp>

namespace octavo_test {

template <octavo::Scalar T>
std::vector<T> random_weights(const octavo::ModelConfig& config) {
  const octavo::ParameterList list = octavo::Transformer<T>{config}.parameters();
  std::vector<T> weights(static_cast<std::size_t>(list.count()));
  octavo::set_initial_weights<T>(list, config.layers, 3, weights);
  const octavo::CounterRandom random(9, octavo::RandomStream::initial_weights);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] += static_cast<T>(0.3 * (random.uniform(i) - 0.5));
  }
  return weights;
}

inline std::vector<octavo::Token> some_tokens(std::size_t count) {
  const octavo::CounterRandom random(1, octavo::RandomStream::batches);
  std::vector<octavo::Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<octavo::Token>(random.below(i, 23));
  }
  return tokens;
}

}  // namespace octavo_test
