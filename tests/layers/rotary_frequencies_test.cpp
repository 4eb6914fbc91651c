// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/rotary_frequencies.hpp>

using namespace octavo;

namespace {

std::vector<double> frequencies(const PositionConfig& config, Index head_width, bool local = false,
                                Index positions = 1) {
  const RotaryFrequencies made(config, head_width, local, positions);
  const auto span = made.rotation().frequencies;
  return {span.begin(), span.end()};
}

void check_equal(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
}

}  // namespace

TEST_CASE("pair i turns by base^(-2 i / width) per position") {
  check_equal(frequencies({.base = 10'000}, 4), {1, 0.01});
  check_equal(frequencies({.base = 16, .rotary_width = 4}, 100), {1, 0.25});
  const auto wide = frequencies({.base = 500'000}, 128);
  REQUIRE(wide.size() == 64);
  CHECK(wide[63] == doctest::Approx(std::pow(500'000.0, -126.0 / 128)).epsilon(1e-14));
}

TEST_CASE("layers with a window have a base of their own, and no scaling with it") {
  PositionConfig config{.base = 100, .scaling = RotaryScaling::linear, .factor = 8};
  check_equal(frequencies(config, 4), {0.125, 0.0125});
  check_equal(frequencies(config, 4, true), {0.125, 0.0125});
  config.local_base = 25;
  check_equal(frequencies(config, 4, true), {1, 0.2});
  check_equal(frequencies(config, 4, false), {0.125, 0.0125});
}

TEST_CASE("dynamic scaling begins where a sequence is longer than the original context") {
  const PositionConfig config{
      .base = 100, .scaling = RotaryScaling::dynamic, .factor = 2, .original_context = 8};
  check_equal(frequencies(config, 4, false, 8), {1, 0.1});
  // base' = 100 (2 * 16 / 8 - 1)^(4 / 2) = 900
  check_equal(frequencies(config, 4, false, 16), {1, 1.0 / 30});
}

TEST_CASE("llama3 and yarn keep fast angles and divide slow ones") {
  const double pi = std::acos(-1.0);
  PositionConfig config{
      .base = 1e6, .scaling = RotaryScaling::llama3, .factor = 4, .original_context = 100};
  const auto llama = frequencies(config, 4);
  check_equal(llama, {1, 0.001 / 4});  // 15.9 turns in the original context; 0.016
  // Between 1 and 4 turns: the share of the original is (turns - 1) / 3.
  config.base = std::pow(100 / (2 * pi * 2.5), 2);
  const double frequency = 1 / std::sqrt(config.base), kept = 0.5;
  check_equal(frequencies(config, 4), {1, frequency * ((1 - kept) / 4 + kept)});
  config.base = 1e6;
  config.scaling = RotaryScaling::yarn;
  const RotaryFrequencies yarn(config, 4, false, 1);
  CHECK(yarn.rotation().factor == doctest::Approx(0.1 * std::log(4.0) + 1));
  config.attention_factor = 1.5;
  CHECK(RotaryFrequencies(config, 4, false, 1).rotation().factor == 1.5);
}
