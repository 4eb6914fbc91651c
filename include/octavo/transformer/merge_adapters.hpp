// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/initial_weights.hpp>

// Between a model with low-rank adapters and the same model without them (without_adapters).
namespace OCTAVO_NAMESPACE {

namespace detail {

/// "blocks.0.attention.qkv.": the part of a tensor's name before the last dot.
inline std::string_view layer_of(std::string_view tensor) {
  return tensor.substr(0, tensor.rfind('.') + 1);
}

/// The numbers in tensors that are not an adapter's.
inline Index base_count(const ParameterList& list) {
  Index count = 0;
  for (const Parameter& tensor : list) count += is_adapter(tensor.name) ? 0 : tensor.count();
  return count;
}

/// The columns in a matrix of a layer's maps that have adapters, from adapter to adapter: where the
/// columns of B begin in the matrix. ConfigError if the layer's name does not say which they are.
inline MapColumns first_columns(const LoraConfig& lora, const Parameter& weight) {
  MapColumns first{};
  std::string_view layer = layer_of(weight.name);
  layer.remove_suffix(1);
  if (layer.starts_with("blocks.")) layer.remove_prefix(layer.find('.', 7) + 1);
  std::size_t adapter = 0;
  Index column = 0;
  for (std::size_t map = 0; map < weight.maps.size(); ++map) {
    bool has_adapter = targets_all(lora);
    lora.targets.for_each([&](std::string_view pattern) {
      has_adapter = has_adapter || matches_map(pattern, layer, map);
    });
    if (has_adapter && weight.maps[map] > 0) first[adapter++] = column;
    column += weight.maps[map];
  }
  return first;
}

/// W += scale A B for each map of a layer. Each number is a sum in double, in the order of the
/// rank, rounded once.  w [in, out].
template <Scalar T>
void add_product(const LoraConfig& lora, const Parameter& weight, const Parameter& a,
                 const Parameter& b, std::span<const T> weights, T* w) {
  const MapColumns first = first_columns(lora, weight);
  const T* const of_a = weights.data() + a.offset;
  const T* const of_b = weights.data() + b.offset;
  const double scale = lora.scale();
  Index column_of_b = 0;
  for (std::size_t map = 0; map < b.maps.size(); column_of_b += b.maps[map], ++map) {
    const T* const its_a = of_a + static_cast<Index>(map) * lora.rank;
    for (Index i = 0; i < weight.rows; ++i) {
      for (Index j = 0; j < b.maps[map]; ++j) {
        double sum = 0;
        for (Index k = 0; k < lora.rank; ++k) {
          sum = std::fma(static_cast<double>(its_a[i * a.columns + k]),
                         static_cast<double>(of_b[k * b.columns + column_of_b + j]), sum);
        }
        T& number = w[i * weight.columns + first[map] + j];
        number = static_cast<T>(std::fma(scale, sum, static_cast<double>(number)));
      }
    }
  }
}

}  // namespace detail

/// Writes the weights of the model without adapters in which they are folded, W + scale A B, to
/// `merged` and returns the part of it that they fill. `model`: with adapters, of `weights`; its
/// configuration without them is without_adapters(model.config()). `merged` may be `weights`.
/// Without adapters it is a copy. The same bits on every machine.
template <typename Model, Scalar T = typename Model::Value>
std::span<T> merge_adapters(const Model& model, std::span<const std::type_identity_t<T>> weights,
                            std::span<std::type_identity_t<T>> merged) {
  const ParameterList list = model.parameters();
  require_equal("merge_adapters: numbers in the weights", std::ssize(weights), list.count());
  const Index count = detail::base_count(list);
  require(std::ssize(merged) >= count, "merge_adapters: too little room for the merged weights");
  Index offset = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Parameter& tensor = list[i];
    if (is_adapter(tensor.name)) continue;
    // Not after its place in `weights`, so that in place nothing is overwritten that is still read.
    T* const there = merged.data() + offset;
    const T* const here = weights.data() + tensor.offset;
    if (there != here) std::copy_n(here, tensor.count(), there);
    offset += tensor.count();
    for (std::size_t j = i + 1; j + 1 < list.size(); ++j) {
      if (detail::layer_of(list[j].name) != detail::layer_of(tensor.name)) break;
      if (!tensor.is_map() || !list[j].name.ends_with("lora_a")) continue;
      detail::add_product<T>(model.config().lora, tensor, list[j], list[j + 1], weights, there);
    }
  }
  return merged.first(static_cast<std::size_t>(count));
}

/// Moves the weights of a model without adapters, which are the last numbers of `weights`, to their
/// places in `list`, that of the same model with adapters; these get the initial values of
/// set_initial_weights for the seed. weights [list.count()].
template <Scalar T>
void insert_adapters(const ParameterList& list, std::uint64_t seed, std::span<T> weights) {
  require_equal("insert_adapters: numbers in the weights", std::ssize(weights), list.count());
  Index offset = list.count() - detail::base_count(list);
  for (const Parameter& tensor : list) {
    if (is_adapter(tensor.name)) continue;
    const T* const here = weights.data() + offset;  // not before its place
    std::copy(here, here + tensor.count(), weights.data() + tensor.offset);
    offset += tensor.count();
  }
  const auto adapters = [](const Parameter& tensor) { return is_adapter(tensor.name); };
  set_initial_weights<T>(list, 1, seed, weights, false, adapters);
}

/// Gives a model of `list` the weights of another, of `count` numbers, which is the same model, or
/// the same without adapters; these then begin anew. read(numbers) fills a span with the weights of
/// the other. lora: of the other. ConfigError if the models differ in more.
template <Scalar T, typename Read>
void read_base(const ParameterList& list, Index count, const LoraConfig& lora, std::uint64_t seed,
               std::span<T> weights, Read read) {
  require_equal("read_base: numbers in the weights", std::ssize(weights), list.count());
  if (count == list.count()) return read(weights);
  const Index base = detail::base_count(list);
  require(lora.rank == 0 && count == base, [&] {
    return detail::concat({"read_base: the model has ", count, " numbers",
                           lora.rank > 0 ? " with its adapters" : "", ", expected ", base,
                           ", those of the model without adapters"});
  });
  read(weights.last(static_cast<std::size_t>(count)));
  insert_adapters<T>(list, seed, weights);
}

}  // namespace OCTAVO_NAMESPACE
