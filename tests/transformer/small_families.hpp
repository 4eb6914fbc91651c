// SPDX-License-Identifier: MIT
// A small model of each family, and of kinds that no family has.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/transformer/families.hpp>

namespace octavo_test {

struct SmallFamily {
  std::string name;
  octavo::ModelConfig config;
};

/// Of vocabulary 23 and context 40; windows and patterns matter in so few positions and layers.
inline std::vector<SmallFamily> small_families() {
  using namespace octavo;
  constexpr ModelConfig sizes{.vocabulary = 23,
                              .context = 40,
                              .layers = 2,
                              .width = 12,
                              .attention = {.heads = 4, .kv_heads = 2, .head_width = 6},
                              .feed_forward = {.d_ff = 10}};
  std::vector<SmallFamily> all;
  const auto names = choice_names(Family{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    ModelConfig config = with_family(sizes, static_cast<Family>(i));
    if (config.attention.window > 0) config.attention.window = 5;
    if (config.attention.window_pattern == 6) config.layers = 7;
    if (config.attention.cap > 0) config.attention.cap = 2;
    if (config.head.cap > 0) config.head.cap = 3;
    all.push_back({std::string(names[i]), config});
  }
  ModelConfig parallel = with_family(sizes, Family::llama);
  parallel.arrangement = Arrangement::parallel;
  parallel.positions.rotary_width = 4;
  parallel.norm = {};
  parallel.head.bias = true;
  all.push_back({"parallel", parallel});
  ModelConfig scaled = with_family(sizes, Family::llama);
  scaled.positions.scaling = RotaryScaling::yarn;
  scaled.positions.factor = 4;
  scaled.positions.original_context = 10;
  scaled.positions.pairing = RotaryPairing::neighbours;
  scaled.feed_forward.activation = Activation::relu_squared;
  all.push_back({"yarn", scaled});
  for (const Family family : {Family::gpt2, Family::qwen3, Family::gemma3}) {
    ModelConfig convolved = all[static_cast<std::size_t>(family)].config;
    convolved.conv_taps = family == Family::gemma3 ? most_taps : 4;
    all.push_back({detail::concat({name_of(family), " with convolutions"}), convolved});
  }
  parallel.conv_taps = 2;
  all.push_back({"parallel with convolutions", parallel});
  return all;
}

}  // namespace octavo_test
