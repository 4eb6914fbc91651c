// SPDX-License-Identifier: MIT
#include <array>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/embedding.hpp>

#include "layers/bench.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index vocabulary = 5, context = 4, width = 3;

Bench<Embedding<double>> embedding(const PassShape& shape) {
  return Bench<Embedding<double>>(
      [](const Builder<double>& builder) {
        return Embedding<double>(builder, vocabulary, context, width);
      },
      shape);
}

}  // namespace

TEST_CASE("embedding: a row of the token table plus one of the position table") {
  auto bench = embedding({.sequences = 2, .sequence = 3});
  const std::array<Token, 6> tokens{4, 0, 4, 1, 1, 2};
  std::vector<double> x(6 * width, 99);
  bench.layer.forward(bench.forward_pass(), tokens, 1, matrix_of(x, width));
  const auto wte = bench.weight("tokens.weight"), wpe = bench.weight("positions.weight");
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t position = 1 + row % 3;
      CHECK(x[row * width + j] ==
            wte[static_cast<std::size_t>(tokens[row]) * width + j] + wpe[position * width + j]);
    }
  }
}

TEST_CASE("embedding: each gradient row goes to its token and its position") {
  auto bench = embedding({.sequences = 2, .sequence = 3});
  const std::array<Token, 6> tokens{4, 0, 4, 1, 1, 2};
  std::vector<double> dx = random_numbers(6 * width, 2);
  const Pass<double> pass = bench.backward_pass();
  for (double& gradient : bench.gradients) gradient = 99;  // overwritten
  bench.layer.backward_tokens(pass, tokens, matrix_of(dx, width));
  bench.layer.backward_positions(pass, matrix_of(dx, width));
  std::vector<double> of_tokens(vocabulary * width), of_positions(context * width);
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t j = 0; j < width; ++j) {
      of_tokens[static_cast<std::size_t>(tokens[row]) * width + j] += dx[row * width + j];
      of_positions[row % 3 * width + j] += dx[row * width + j];
    }
  }
  CHECK(bench.gradient("tokens.weight") == of_tokens);
  CHECK(bench.gradient("positions.weight") == of_positions);
  bench.layer.backward_tokens(pass, tokens, matrix_of(dx, width));  // and added
  for (std::size_t i = 0; i < of_tokens.size(); ++i) {
    CHECK(bench.gradient("tokens.weight")[i] == doctest::Approx(2 * of_tokens[i]).epsilon(1e-12));
  }
}

TEST_CASE("embedding: its tables have GPT-2's names, and one that is frozen gets no gradient") {
  auto bench = embedding({.sequences = 1, .sequence = 1});
  CHECK(bench.parameters.size() == 2);
  CHECK(bench.parameters[0].name == "tokens.weight");
  CHECK(bench.parameters[0].rows == vocabulary);
  CHECK(bench.parameters[1].name == "positions.weight");
  CHECK(bench.parameters[1].rows == context);
  CHECK(bench.layer.token_table().rows == vocabulary);
  CHECK(bench.layer.token_table().offset == 0);
  const std::array<Token, 1> token{3};
  std::vector<double> dx(width, 1.0);
  bench.layer.backward_tokens(bench.forward_pass(), token, matrix_of(dx, width));
  CHECK(bench.gradients == std::vector<double>(bench.weights.size()));
}

TEST_CASE("embedding: the gradient of some rows of the token table is a part of the whole") {
  auto bench = embedding({.sequences = 2, .sequence = 3});
  const std::array<Token, 6> tokens{4, 0, 4, 1, 1, 2};
  std::vector<double> dx = random_numbers(6 * width, 2);
  const Pass<double> pass = bench.backward_pass();
  bench.layer.backward_tokens(pass, tokens, matrix_of(dx, width));
  const std::vector<double> whole = bench.gradient("tokens.weight");
  std::vector<double> part(2 * width);
  for (const Index first : {0, 1, 3}) {
    std::fill(part.begin(), part.end(), 0.0);
    bench.layer.backward_token_rows(pass, tokens, matrix_of(dx, width), {first, first + 2},
                                    part.data());
    CHECK(part ==
          std::vector<double>(whole.begin() + first * width, whole.begin() + (first + 2) * width));
  }
}
