// SPDX-License-Identifier: MIT
#include <cmath>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/interop/hf_families.hpp>

using namespace octavo;
using octavo::detail::canonical;

TEST_CASE("classes are found by their type, and have names of their own") {
  for (const auto& family : octavo::detail::hf_families) {
    CHECK(octavo::detail::find_hf_family(family.model_type) == &family);
  }
  CHECK(octavo::detail::find_hf_family("gpt2") == nullptr);
  CHECK(octavo::detail::find_hf_family("gemma3") == nullptr);
  CHECK(octavo::detail::find_hf_family("") == nullptr);
}

TEST_CASE("whether the head is tied, and the width of a head, depend on the class") {
  const auto usual = [](std::string_view type) {
    return octavo::detail::find_hf_family(type)->defaults;
  };
  for (const char* type : {"llama", "qwen2", "qwen3", "mistral"}) CHECK(!usual(type).head.tied);
  for (const char* type : {"gemma", "gemma2", "gemma3_text"}) {
    CHECK(usual(type).head.tied);
    CHECK(usual(type).head_width() == 256);
  }
  CHECK(usual("qwen3").head_width() == 128);
  CHECK(usual("llama").norm.epsilon == 1e-6);
  CHECK(usual("gemma3_text").positions.base == 1e6);
  CHECK(usual("qwen2").positions.base == 1e4);
}

TEST_CASE("equal models have equal configurations") {
  constexpr ModelConfig sizes{.vocabulary = 9,
                              .context = 8,
                              .layers = 2,
                              .width = 12,
                              .attention = {.heads = 2},
                              .feed_forward = {.d_ff = 8}};
  const ModelConfig plain = with_family(sizes, Family::llama);
  CHECK(canonical(plain) == plain);
  ModelConfig told = plain;
  told.attention.kv_heads = 2;
  told.attention.head_width = 6;
  told.attention.scale = 1 / std::sqrt(6.0);
  told.attention.output_bias = false;
  told.attention.window_pattern = 4;
  told.positions.rotary_width = 6;
  told.positions.factor = 3;
  told.positions.low_factor = 2;
  told.positions.attention_factor = 2;
  told.positions.local_base = 7;
  told.positions.original_context = 4;
  CHECK(canonical(told) == plain);
  for (std::size_t i = 1; i < choice_names(Family{}).size(); ++i) {
    const ModelConfig family = with_family(sizes, static_cast<Family>(i));
    CHECK(canonical(family) == family);
  }
  told = with_family(sizes, Family::gemma3);
  told.attention.head_width = 8;
  told.attention.kv_heads = 1;
  told.positions.scaling = RotaryScaling::yarn;
  told.positions.original_context = 4;
  told.positions.attention_factor = 2;
  CHECK(canonical(told) == told);
}
