// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/sampling.hpp>

using namespace octavo;

namespace {

/// How often each token is drawn over an even grid of uniform numbers.
std::array<double, 5> shares(const Sampling& sampling) {
  const std::vector<float> logits{1.0f, 3.0f, 2.0f, 3.0f, -1.0f};
  std::vector<Token> order(5);
  std::vector<double> probability(5);
  std::array<double, 5> result{};
  constexpr int draws = 100'000;
  for (int i = 0; i < draws; ++i) {
    const double uniform = (i + 0.5) / draws;
    const Token token = sample<float>(logits, sampling, uniform, order, probability);
    result[static_cast<std::size_t>(token)] += 1.0 / draws;
  }
  return result;
}

}  // namespace

TEST_CASE("temperature 0 takes the first of the largest") {
  CHECK(shares({.temperature = 0})[1] == doctest::Approx(1));
}

TEST_CASE("temperature 1 draws by the softmax") {
  const double z = std::exp(1) + 2 * std::exp(3) + std::exp(2) + std::exp(-1);
  const auto drawn = shares({.temperature = 1});
  CHECK(drawn[0] == doctest::Approx(std::exp(1) / z).epsilon(1e-3));
  CHECK(drawn[1] == doctest::Approx(std::exp(3) / z).epsilon(1e-3));
  CHECK(drawn[4] == doctest::Approx(std::exp(-1) / z).epsilon(1e-2));
}

TEST_CASE("top-k keeps the k likeliest") {
  const auto drawn = shares({.temperature = 1, .top_k = 2});
  CHECK(drawn[1] == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(drawn[3] == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(shares({.temperature = 1, .top_k = 1})[1] == doctest::Approx(1));
  CHECK(shares({.temperature = 1, .top_k = 99})[4] > 0);
}

TEST_CASE("top-p keeps the fewest that reach p") {
  const auto drawn = shares({.temperature = 1, .top_p = 0.5});
  CHECK(drawn[1] + drawn[3] == doctest::Approx(1));
  CHECK(shares({.temperature = 1, .top_p = 1e-9})[1] == doctest::Approx(1));
}

TEST_CASE("extreme logits and temperatures choose without NaN") {
  const std::vector<double> logits{-1e308, 1e308, 0};
  std::vector<Token> order(3);
  std::vector<double> probability(3);
  for (const double temperature : {1e-300, 1.0, 1e300}) {
    const Token token =
        sample<double>(logits, {.temperature = temperature}, 0.3, order, probability);
    CHECK(token >= 0);
    CHECK(token < 3);
  }
}

TEST_CASE("illegal numbers are refused") {
  CHECK_THROWS_AS(check_sampling({.temperature = -1}), ConfigError);
  CHECK_THROWS_AS(check_sampling({.temperature = std::nan("")}), ConfigError);
  CHECK_THROWS_AS(check_sampling({.top_k = -1}), ConfigError);
  CHECK_THROWS_AS(check_sampling({.top_p = 0}), ConfigError);
  CHECK_THROWS_AS(check_sampling({.top_p = 1.1}), ConfigError);
}
