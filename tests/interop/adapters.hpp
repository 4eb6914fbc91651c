// SPDX-License-Identifier: MIT
// Small adapters to write, to read and to spoil.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <octavo/transformer/families.hpp>
#include <octavo/transformer/lora_adapter.hpp>

namespace octavo_test {

inline const octavo::ModelConfig adapted_llama =
    octavo::with_family({.vocabulary = 7,
                         .context = 8,
                         .layers = 2,
                         .width = 8,
                         .attention = {.heads = 4, .kv_heads = 2, .head_width = 4},
                         .feed_forward = {.d_ff = 5},
                         .head = {.tied = false}},
                        octavo::Family::llama);

/// No two are the same.
inline std::vector<float> some_numbers(octavo::Index count, double start) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(std::sin(start + 0.7 * static_cast<double>(i)));
  }
  return values;
}

inline void add_some(octavo::LoraAdapter& adapter, const std::string& name, octavo::Index first,
                     octavo::Index columns, octavo::Index rank, double alpha) {
  const octavo::Index rows = adapter.parameters().find(name).rows;
  const double start = static_cast<double>(adapter.maps().size());
  adapter.add<float>(name, first, columns, alpha, some_numbers(rows * rank, start),
                     some_numbers(rank * columns, start + 0.5));
}

/// Queries of one layer, all three maps of the other, gate without up, down, the table and the
/// head, in the order in which readers find them.
inline octavo::LoraAdapter some_adapter(bool rank_stabilized = false) {
  octavo::LoraAdapter adapter(adapted_llama, rank_stabilized);
  add_some(adapter, "embedding.tokens.weight", 0, 8, 2, 4);
  add_some(adapter, "blocks.0.attention.qkv.weight", 0, 16, 2, 4);
  add_some(adapter, "blocks.0.feed_forward.down.weight", 0, 8, 2, 4);
  add_some(adapter, "blocks.1.attention.qkv.weight", 0, 16, 2, 4);
  add_some(adapter, "blocks.1.attention.qkv.weight", 16, 8, 2, 4);
  add_some(adapter, "blocks.1.attention.qkv.weight", 24, 8, 2, 4);
  add_some(adapter, "blocks.1.feed_forward.gate_up.weight", 0, 5, 2, 4);
  add_some(adapter, "head.weight", 0, 8, 2, 4);
  return adapter;
}

inline bool same(const octavo::LoraAdapter& one, const octavo::LoraAdapter& other) {
  return one.base() == other.base() && one.rank_stabilized() == other.rank_stabilized() &&
         std::ranges::equal(one.maps(), other.maps());
}

/// What an adapter adds to weights that are 0.
inline std::vector<double> difference_of(const octavo::LoraAdapter& adapter) {
  std::vector<double> weights(static_cast<std::size_t>(adapter.parameters().count()));
  const octavo::ScaledAdapter one[] = {{adapter, 1}};
  octavo::add_adapters<double>(one, weights);
  return weights;
}
inline double distance(const octavo::LoraAdapter& one, const octavo::LoraAdapter& other) {
  const auto a = difference_of(one), b = difference_of(other);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace octavo_test
