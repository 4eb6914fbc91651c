// SPDX-License-Identifier: MIT
// Scaled rotary positions in GGUF files.
#include <doctest/doctest.h>

#include "interop/gguf_families.hpp"

using namespace octavo_test;

TEST_CASE("scaled positions, biases and sizes of heads are in the file") {
  const auto check = [](const auto& change, Family family = Family::llama) {
    ModelConfig config = small_model(family);
    change(config);
    config = detail::canonical(config);
    const Back back = written_and_read(config);
    CHECK(describe(back.config) == describe(config));
    CHECK(back.config == config);
  };
  check([](ModelConfig& config) { config.attention.bias = true; });
  check([](ModelConfig& config) {
    config.attention.bias = true;
    config.attention.output_bias = false;
  });
  check([](ModelConfig& config) { config.feed_forward.bias = true; });
  check([](ModelConfig& config) { config.head.tied = true; });
  check([](ModelConfig& config) { config.attention.kv_heads = 2; });
  check([](ModelConfig& config) { config.attention.head_width = 4; });
  check([](ModelConfig& config) { config.positions.rotary_width = 4; }, Family::qwen2);
  const auto scaled = [](RotaryScaling scaling) {
    return [scaling](ModelConfig& config) {
      config.positions.scaling = scaling;
      config.positions.factor = 8;
      config.positions.original_context = 4;
    };
  };
  check(scaled(RotaryScaling::linear));
  check(scaled(RotaryScaling::linear), Family::gemma3);
  check(scaled(RotaryScaling::llama3));
  check(scaled(RotaryScaling::yarn), Family::qwen3);
  check([&](ModelConfig& config) {
    scaled(RotaryScaling::yarn)(config);
    config.positions.beta_fast = 16;
  });
  ModelConfig config = small_model(Family::llama);
  scaled(RotaryScaling::yarn)(config);
  config.positions.attention_factor = 1.5;  // a quotient in the file
  CHECK(written_and_read(config).config.positions.attention_factor ==
        doctest::Approx(1.5).epsilon(1e-6));
}

TEST_CASE("the divisors of Llama 3's scaling are the published ones") {
  // Llama 3.2 1B: pairs of 64 numbers, base 500000, factor 32, turns 1 to 4 of 8192 positions.
  ModelConfig config = small_model(Family::llama3);
  config.attention.head_width = 64;
  config.context = 131072;
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 32;
  config.positions.original_context = 8192;
  const std::vector<float> divisors = detail::llama3_divisors(config);
  REQUIRE(divisors.size() == 32);
  for (std::size_t i = 0; i < 32; ++i) {
    const double frequency = std::pow(500'000.0, -static_cast<double>(i) / 32);
    const double wave = 2 * std::acos(-1.0) / frequency;
    double expected = 32;
    if (wave < 8192.0 / 4) expected = 1;
    if (wave >= 8192.0 / 4 && wave <= 8192.0) {
      const double smooth = (8192.0 / wave - 1) / 3;
      expected = 1 / ((1 - smooth) / 32 + smooth);
    }
    CHECK(static_cast<double>(divisors[i]) == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("a Llama 3 of llama.cpp's converter, without entries of Octavo's, has its scaling") {
  ModelConfig config = small_model(Family::llama3);
  config.attention.head_width = 64;
  config.attention.heads = config.attention.kv_heads = 1;
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 8;
  config.positions.original_context = 8192;
  config = detail::canonical(config);
  std::string bytes = gguf_of(config, random_weights(config));
  for (const char* name : {"factor", "low_factor", "high_factor", "original_context"}) {
    const std::size_t at = bytes.find(std::string("octavo.rope_") + name);
    REQUIRE(at != bytes.npos);
    bytes.replace(at, 6, "no.one");
  }
  CHECK(GgufModel(gguf_source(bytes)).model_config() == config);
}

TEST_CASE("heads that cannot be turned are refused, whatever else the file says of positions") {
  ModelConfig config = small_model(Family::llama);
  config.positions.scaling = RotaryScaling::llama3;
  config.positions.factor = 8;
  config.positions.original_context = 4;
  const std::string good = gguf_of(config, random_weights(config));
  const auto failure = [&](const std::string& key, std::uint32_t number) {
    std::string bytes = good;
    const std::size_t at = bytes.find(key);
    REQUIRE(at != bytes.npos);
    std::memcpy(bytes.data() + at + key.size() + 4, &number, sizeof(number));
    try {
      GgufModel{gguf_source(bytes)};
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(failure("llama.rope.dimension_count", 6) == "");
  CHECK(failure("llama.rope.dimension_count", 4) != "");
  CHECK(failure("llama.rope.dimension_count", 3).find("3 numbers of each head are turned") !=
        std::string::npos);
  // Both widths of a head, and the numbers that are turned, beyond the room for frequencies.
  std::string wide = good;
  for (const char* key : {"llama.attention.key_length", "llama.attention.value_length",
                          "llama.rope.dimension_count"}) {
    const std::uint32_t number = 4096;
    std::memcpy(wide.data() + wide.find(key) + std::string(key).size() + 4, &number, 4);
  }
  CHECK_THROWS_AS(GgufModel{gguf_source(wide)}, FormatError);
}
