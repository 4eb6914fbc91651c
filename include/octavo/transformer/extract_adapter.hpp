// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/transformer/lora_adapter.hpp>
#include <octavo/transformer/merge_adapters.hpp>
#include <octavo/transformer/model_config.hpp>

namespace OCTAVO_NAMESPACE {

/// The low-rank adapters of a model as an adapter of its base, without_adapters(config): what PEFT
/// and llama.cpp read. `list`: the model's parameters; `weights`: its numbers. ConfigError if the
/// model has no adapters.
inline LoraAdapter extract_adapter(const ModelConfig& config, const ParameterList& list,
                                   WeightSource<float> weights) {
  const LoraConfig& lora = config.lora;
  require(lora.rank > 0, "extract_adapter: the model has no adapters");
  LoraAdapter adapter(without_adapters(config), lora.rank_stable);
  const double alpha = lora.alpha == 0 ? 2 * static_cast<double>(lora.rank) : lora.alpha;
  const auto numbers = [&](const Parameter& tensor) {
    std::vector<float> all(static_cast<std::size_t>(tensor.count()));
    weights.read(tensor, all);
    return all;
  };
  const auto rank = static_cast<std::size_t>(lora.rank);
  for (std::size_t i = 1; i + 1 < list.size(); ++i) {
    if (!list[i].name.ends_with("lora_a")) continue;
    const Parameter &a = list[i], &b = list[i + 1];
    std::size_t base = i;
    while (is_adapter(list[base].name) || !list[base].is_map()) --base;
    const Parameter& weight = list[base];
    const MapColumns first = detail::first_columns(lora, weight);
    const std::vector<float> of_a = numbers(a), of_b = numbers(b);
    const auto a_columns = static_cast<std::size_t>(a.columns);
    const auto b_columns = static_cast<std::size_t>(b.columns);
    std::size_t column = 0;
    for (std::size_t map = 0; map < b.maps.size() && b.maps[map] > 0; ++map) {
      const auto columns = static_cast<std::size_t>(b.maps[map]);
      std::vector<float> its_a, its_b;
      for (std::size_t row = 0; row < static_cast<std::size_t>(a.rows); ++row) {
        const auto from = of_a.begin() + static_cast<std::ptrdiff_t>(row * a_columns + map * rank);
        its_a.insert(its_a.end(), from, from + static_cast<std::ptrdiff_t>(rank));
      }
      for (std::size_t row = 0; row < rank; ++row) {
        const auto from = of_b.begin() + static_cast<std::ptrdiff_t>(row * b_columns + column);
        its_b.insert(its_b.end(), from, from + static_cast<std::ptrdiff_t>(columns));
      }
      adapter.add<float>(weight.name, first[map], b.maps[map], alpha, its_a, its_b);
      column += columns;
    }
  }
  return adapter;
}

/// Adds a head that trained besides the adapters, as factors of rank width: its difference to that
/// of the base, and the identity. Both heads: [vocabulary, width].
inline void add_trained_head(LoraAdapter& adapter, std::span<const float> trained,
                             std::span<const float> base) {
  const Index width = adapter.base().width;
  require_equal("add_trained_head: numbers in the head", std::ssize(trained),
                adapter.base().vocabulary * width);
  require_equal("add_trained_head: numbers in the base's head", std::ssize(base),
                std::ssize(trained));
  std::vector<float> difference(trained.size());
  for (std::size_t i = 0; i < trained.size(); ++i) difference[i] = trained[i] - base[i];
  std::vector<float> identity(static_cast<std::size_t>(width * width));
  for (Index i = 0; i < width; ++i) identity[static_cast<std::size_t>(i * width + i)] = 1;
  const double rank = static_cast<double>(width);
  adapter.add<float>("head.weight", 0, width, adapter.rank_stabilized() ? std::sqrt(rank) : rank,
                     difference, identity);
}

}  // namespace OCTAVO_NAMESPACE
