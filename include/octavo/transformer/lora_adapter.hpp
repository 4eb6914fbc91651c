// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// The two factors that LoRA adds to some columns of a matrix [rows, all columns].
struct LoraMap {
  std::string parameter;  ///< "blocks.0.attention.qkv.weight"
  Index first = 0;        ///< the first of these columns
  Index columns = 0;
  Index rank = 0;
  double alpha = 1;
  std::vector<float> a{};  ///< [rows, rank]
  std::vector<float> b{};  ///< [rank, columns]

  friend bool operator==(const LoraMap&, const LoraMap&) = default;
};

/// A low-rank adapter of a model (Hu et al. 2021, arXiv:2106.09685): for some of its linear maps
/// W [rows, columns] two factors, so that the adapted map is W + s A B. The scale s is alpha /
/// rank, or, rank-stabilized, alpha / sqrt(rank) (Kalajdzievski 2023, arXiv:2312.03732). Queries,
/// keys and values are columns of one matrix here, as are gate and up: an adapter of one of these
/// maps covers its columns. The rows of the token table and of the head belong to tokens: there A
/// has a row for each token.
class LoraAdapter {
 public:
  /// An adapter without maps, which changes nothing.
  explicit LoraAdapter(const ModelConfig& base, bool rank_stabilized = false)
      : base_(base),
        rank_stabilized_(rank_stabilized),
        parameters_(Transformer<float>(base).parameters()) {}

  const ModelConfig& base() const noexcept { return base_; }
  bool rank_stabilized() const noexcept { return rank_stabilized_; }
  /// The parameters of the base.
  const ParameterList& parameters() const noexcept { return parameters_; }
  /// In the order in which they were added.
  std::span<const LoraMap> maps() const noexcept { return maps_; }

  /// Whether a parameter can be adapted: the weight of linear maps, the token table, or the head.
  static bool can_adapt(const Parameter& parameter) {
    return parameter.is_map() || parameter.name == "embedding.tokens.weight" ||
           parameter.name == "head.weight";
  }

  /// Adds the factors a [rows, rank] and b [rank, columns] of the columns of a parameter from
  /// `first` on. The rank follows from their sizes. ConfigError if the base has no such matrix, if
  /// sizes do not agree, if another map has one of the columns, or if alpha or a number is not
  /// finite or alpha is not positive.
  template <Scalar T>
  void add(std::string_view name, Index first, Index columns, double alpha, std::span<const T> a,
           std::span<const T> b) {
    const Parameter& parameter = parameters_.find(name);
    const auto fail = [&](const std::string& what) {
      throw ConfigError(detail::concat({"adapter of ", printable(name), ": ", what}));
    };
    if (!can_adapt(parameter)) fail("expected a matrix of linear maps");
    if (first < 0 || columns < 1 || first > parameter.columns - columns) {
      fail(detail::concat({"got columns ", first, " to ", first + columns - 1, ", expected 0 to ",
                           parameter.columns - 1}));
    }
    const Index rank = std::ssize(a) / parameter.rows;
    if (rank < 1 || std::ssize(a) != rank * parameter.rows || std::ssize(b) != rank * columns) {
      fail(detail::concat({"got factors of ", a.size(), " and ", b.size(), " numbers, expected [",
                           parameter.rows, ", rank] and [rank, ", columns, "]"}));
    }
    if (!(alpha > 0) || !std::isfinite(alpha)) fail("alpha: expected a finite number > 0");
    for (const LoraMap& map : maps_) {
      if (map.parameter == name && map.first < first + columns && first < map.first + map.columns) {
        fail(detail::concat({"column ", std::max(first, map.first), " has an adapter already"}));
      }
    }
    maps_.push_back(
        {std::string(name), first, columns, rank, alpha, to_floats(a, fail), to_floats(b, fail)});
  }

  /// What multiplies A B.
  double scale_of(const LoraMap& map) const noexcept {
    const auto rank = static_cast<double>(map.rank);
    return map.alpha / (rank_stabilized_ ? std::sqrt(rank) : rank);
  }

  /// Adds `strength` s A B to a block of a parameter of the base; numbers as the block says. Each
  /// number is W + strength s sum, the sum of A B over the rank in order in double (its products
  /// are exact), with one rounding to double and one to T: the bits do not depend on the block.
  /// Parameters without a map stay as they are.
  template <Scalar T>
  void add_to(const ParameterBlock& block, std::span<T> numbers, double strength = 1) const {
    const FloatEnvironment environment;
    detail::check_block(block, parameters_, numbers.size());
    for (const LoraMap& map : maps_) {
      if (map.parameter == block.parameter->name) add_map(map, block, numbers, strength);
    }
  }

 private:
  template <Scalar T, typename Fail>
  static std::vector<float> to_floats(std::span<const T> numbers, const Fail& fail) {
    std::vector<float> floats(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      constexpr T most{static_cast<T>(std::numeric_limits<float>::max())};
      if (!(numbers[i] <= most && numbers[i] >= -most)) fail("a number is not a finite float");
      floats[i] = static_cast<float>(numbers[i]);
    }
    return floats;
  }

  template <Scalar T>
  void add_map(const LoraMap& map, const ParameterBlock& block, std::span<T> numbers,
               double strength) const {
    const Index first = std::max(block.column, map.first);
    const Index end = std::min(block.column + block.columns, map.first + map.columns);
    if (first >= end) return;
    const double scale = strength * scale_of(map);
    std::vector<double> sums(static_cast<std::size_t>(end - first));
    for (Index row = 0; row < block.rows; ++row) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (Index i = 0; i < map.rank; ++i) {
        const auto a =
            static_cast<double>(map.a[static_cast<std::size_t>((block.row + row) * map.rank + i)]);
        const float* const b = map.b.data() + i * map.columns + (first - map.first);
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += a * static_cast<double>(b[j]);
      }
      T* place =
          numbers.data() + row * block.row_step() + (first - block.column) * block.column_step();
      for (const double sum : sums) {
        *place = static_cast<T>(std::fma(scale, sum, static_cast<double>(*place)));
        place += block.column_step();
      }
    }
  }

  ModelConfig base_;
  bool rank_stabilized_ = false;
  ParameterList parameters_;
  std::vector<LoraMap> maps_;
};

/// An adapter, and how strongly it acts.
struct ScaledAdapter {
  LoraAdapter adapter;
  double strength = 1;
};

/// Adds adapters, in order, to a block of a parameter; see LoraAdapter::add_to.
template <Scalar T>
void add_adapters(std::span<const ScaledAdapter> adapters, const ParameterBlock& block,
                  std::span<T> numbers) {
  for (const ScaledAdapter& one : adapters) one.adapter.add_to(block, numbers, one.strength);
}

/// Adds adapters, in order, to all weights of their base, in the order of its parameters.
template <Scalar T>
void add_adapters(std::span<const ScaledAdapter> adapters, std::span<T> weights) {
  for (const ScaledAdapter& one : adapters) {
    const ParameterList& parameters = one.adapter.parameters();
    require_equal("add_adapters: numbers in the weights", std::ssize(weights), parameters.count());
    for (const Parameter& parameter : parameters) {
      const auto numbers = weights.subspan(static_cast<std::size_t>(parameter.offset),
                                           static_cast<std::size_t>(parameter.count()));
      one.adapter.add_to(parameter, numbers, one.strength);
    }
  }
}

}  // namespace OCTAVO_NAMESPACE
