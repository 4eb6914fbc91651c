// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/transpose.hpp>

namespace OCTAVO_NAMESPACE {

/// The numbers of a model for code that writes them: weights in memory, or a function that computes
/// or reads one block at a time, so that the model need not be in memory. A function around another
/// one changes the numbers on their way:
///
///     const WeightSource<float> doubled([&](const ParameterBlock& block, std::span<float> numbers)
///     {
///       model.read(block, numbers);
///       for (float& number : numbers) number *= 2;
///     });
///     save_gguf<float>("doubled.gguf", description, config, tokens, doubled, StoredType::q4_0);
template <Scalar T>
class WeightSource {
 public:
  /// Fills the numbers of a block, in the block's order.
  using Read = std::function<void(const ParameterBlock& block, std::span<T> numbers)>;

  /// weights [numbers in the model], in the order of Transformer::parameters(); they must outlive
  /// this object.
  template <typename Weights>
  requires std::convertible_to<const Weights&, std::span<const T>> WeightSource(
      const Weights& weights)
      : weights_(weights) {}

  template <typename Function>
  requires std::invocable<Function&, const ParameterBlock&, std::span<T>> WeightSource(
      Function read)
      : read_(std::move(read)) {}

  bool in_memory() const noexcept { return read_ == nullptr; }

  /// The weights in memory; empty if a function gives them.
  std::span<const T> weights() const noexcept { return weights_; }

  /// ConfigError if the weights in memory have another number than the model. `what`: the
  /// operation.
  void require_count(const char* what, Index count) const {
    if (in_memory()) require_equal(what, std::ssize(weights_), count);
  }

  /// Fills the numbers of a block, in the block's order.
  void read(const ParameterBlock& block, std::span<T> numbers) const {
    OCTAVO_ASSERT(numbers.size() == block.count());
    if (!in_memory()) return read_(block, numbers);
    const MatrixView<const T> from = in_place(block);
    if (block.by_columns) {
      detail::transpose<T>(from, {numbers, block.columns, block.rows});
    } else {
      for (Index i = 0; i < block.rows; ++i) {
        std::copy_n(from.row(i), block.columns, numbers.data() + i * block.columns);
      }
    }
  }

  /// The numbers of a block [rows, columns], or by columns [columns, rows]: where they lie in
  /// memory, or in `buffer`, which grows to hold them.
  MatrixView<const T> view(const ParameterBlock& block, std::vector<T>& buffer) const {
    if (in_memory() && !block.by_columns) return in_place(block);
    if (buffer.size() < block.count()) buffer.resize(block.count());
    const auto numbers = std::span(buffer).first(block.count());
    read(block, numbers);
    return {numbers, block.by_columns ? block.columns : block.rows,
            block.by_columns ? block.rows : block.columns};
  }

 private:
  /// [rows, columns]
  MatrixView<const T> in_place(const ParameterBlock& block) const noexcept {
    const Parameter& of = *block.parameter;
    return {weights_.data() + of.offset + block.row * of.columns + block.column, block.rows,
            block.columns, of.columns};
  }

  std::span<const T> weights_;
  Read read_;
};

}  // namespace OCTAVO_NAMESPACE
