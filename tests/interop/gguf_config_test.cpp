// SPDX-License-Identifier: MIT
// Configurations in the entries of GGUF files.
#include <doctest/doctest.h>

#include "interop/gguf_families.hpp"

using namespace octavo_test;

TEST_CASE("models that no architecture has are not written") {
  const auto failure = [](const auto& change, Family family = Family::llama) {
    ModelConfig config = small_model(family);
    change(config);
    try {
      gguf_of(config, random_weights(config));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(failure([](ModelConfig&) {}) == "");
  const std::string cap = failure([](ModelConfig& config) { config.attention.cap = 5; });
  CHECK(
      cap.ends_with("no architecture of llama.cpp that Octavo writes has attention-cap 5; the "
                    "nearest, llama, has attention-cap 0"));
  CHECK(failure([](ModelConfig&) {}, Family::mistral).find("window") != std::string::npos);
  CHECK(failure([](ModelConfig& config) { config.attention.window = 16; }, Family::mistral) == "");
  CHECK(failure([](ModelConfig& config) { config.positions.rotary_width = 4; }) != "");
  CHECK(failure([](ModelConfig& config) {
          config.positions.scaling = RotaryScaling::dynamic;
          config.positions.factor = 2;
          config.positions.original_context = 8;
        }) != "");
  CHECK(failure([](ModelConfig& config) {
          config.positions.pairing = RotaryPairing::neighbours;
        }) != "");
}

TEST_CASE("a window of 0 positions is none in gemma3, and refused in gemma2, as in llama.cpp") {
  const auto window_of_0 = [](Family family, const std::string& key) {
    const ModelConfig config = small_model(family);
    std::string bytes = gguf_of(config, random_weights(config));
    const std::size_t at = bytes.find(key);
    REQUIRE(at != bytes.npos);
    const std::uint32_t number = 0;
    std::memcpy(bytes.data() + at + key.size() + 4, &number, sizeof(number));
    return GgufModel(gguf_source(bytes)).model_config().attention.window;
  };
  CHECK(window_of_0(Family::gemma3, "gemma3.attention.sliding_window") == 0);
  CHECK_THROWS_AS(window_of_0(Family::gemma2, "gemma2.attention.sliding_window"), FormatError);
}
