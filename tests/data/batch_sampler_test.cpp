// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/batch_sampler.hpp>
#include <octavo/data/token_view.hpp>

using namespace octavo;

TEST_CASE("windows lie inside, targets follow inputs, batches depend on seed and step alone") {
  std::vector<std::uint16_t> ids(100);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(i);
  const TokenView view{std::span<const std::uint16_t>(ids)};
  const BatchSampler sampler(view, 10, 3);
  std::vector<Token> inputs(40), targets(40), again(40);
  for (Index step = 0; step < 200; ++step) {
    sampler.fill(step, inputs, targets);
    for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(targets[i] == inputs[i] + 1);
    BatchSampler(view, 10, 3).fill(step, again, targets);
    CHECK(again == inputs);
  }
  BatchSampler(view, 10, 4).fill(199, again, targets);
  CHECK(again != inputs);
}

TEST_CASE("a run covers the text evenly, its first and last tokens too") {
  std::vector<std::uint8_t> ids(1000);
  const BatchSampler sampler(std::span<const std::uint8_t>(ids), 10, 1);
  // 1008 places; after 504 windows of 10 every token should have been seen about 5 times.
  std::vector<int> seen(1000);
  for (Index draw = 0; draw < 504; ++draw) {
    const Index start = sampler.start(draw);
    REQUIRE(start >= 0);
    REQUIRE(start + 10 < 1000);
    for (Index i = 0; i < 10; ++i) ++seen[static_cast<std::size_t>(start + i)];
  }
  for (std::size_t i = 0; i < 999; ++i) CHECK(seen[i] >= 4);
  for (std::size_t i = 10; i < 980; ++i) CHECK(seen[i] <= 6);
}

TEST_CASE("a text without a window is refused with the numbers") {
  const std::vector<Token> ids(10);
  CHECK_THROWS_WITH_AS(BatchSampler(std::span<const Token>(ids), 10, 1),
                       "training text: got 10 tokens, need at least 11 (sequence 10 + 1)",
                       DataError);
}

TEST_CASE("the one window of a short text is taken always, at any step") {
  const std::vector<Token> ids{4, 5, 6};
  const BatchSampler sampler(std::span<const Token>(ids), 2, 1);
  std::vector<Token> inputs(4), targets(4);
  for (const Index step : {Index{0}, Index{7}, std::numeric_limits<Index>::max()}) {
    sampler.fill(step, inputs, targets);
    CHECK(inputs == std::vector<Token>{4, 5, 4, 5});
    CHECK(targets == std::vector<Token>{5, 6, 5, 6});
  }
}

TEST_CASE("a batch that is no whole number of windows is refused") {
  const std::vector<Token> ids(100);
  const BatchSampler sampler(std::span<const Token>(ids), 10, 1);
  std::vector<Token> inputs(15), targets(15);
  CHECK_THROWS_AS(sampler.fill(0, inputs, targets), ConfigError);
  inputs.resize(10);
  CHECK_THROWS_AS(sampler.fill(0, inputs, targets), ConfigError);
  CHECK_THROWS_AS(BatchSampler(std::span<const Token>(ids), 0, 1), ConfigError);
}
