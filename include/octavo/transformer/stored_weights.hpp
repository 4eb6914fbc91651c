// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/stored_matrix.hpp>

namespace OCTAVO_NAMESPACE {

/// Whether the library's layers read a parameter only in products or row by row: the weight of a
/// linear map but of an adapter, the token table, the head's table.
inline bool may_be_stored(const Parameter& parameter) noexcept {
  return (parameter.is_map() && !is_adapter(parameter.name)) ||
         parameter.name == "embedding.tokens.weight" || parameter.name == "head.weight";
}

/// How the weights of a model are kept, parameter by parameter: as numbers, or as matrices in the
/// type of a file. A matrix without `data` gets its bytes in the one block of StoredWeights; one
/// with `data` lies elsewhere, such as in a mapped file.
class StoredWeightsPlan {
 public:
  /// The parameters must be added in the model's order.
  void add_numbers(const Parameter& parameter) { add({parameter.count(), 0, 0}); }
  void add_matrices(std::span<const StoredMatrix> matrices) {
    add({0, matrices_.size(), matrices.size()});
    matrices_.insert(matrices_.end(), matrices.begin(), matrices.end());
  }

  /// Bytes of the block.
  template <Scalar T>
  std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const One& one : parameters_)
      bytes += aligned(static_cast<std::size_t>(one.numbers) * sizeof(T));
    for (const StoredMatrix& matrix : matrices_) bytes += bytes_in_block(matrix);
    return bytes;
  }

  /// Bytes of the matrices that lie elsewhere.
  std::size_t bytes_elsewhere() const {
    std::size_t bytes = 0;
    for (const StoredMatrix& matrix : matrices_) {
      if (matrix.data == nullptr) continue;
      bytes += stored_matrix_bytes(matrix.type, matrix.layout, matrix.lines, matrix.length);
    }
    return bytes;
  }

 private:
  template <Scalar T>
  friend class StoredWeights;

  struct One {
    Index numbers = 0;
    std::size_t first = 0, count = 0;  ///< its matrices
  };

  static constexpr std::size_t aligned(std::size_t bytes) noexcept {
    return (bytes + alignment_bytes - 1) / alignment_bytes * alignment_bytes;
  }
  static std::size_t bytes_in_block(const StoredMatrix& matrix) noexcept {
    return matrix.data != nullptr ? 0
                                  : aligned(stored_matrix_bytes(matrix.type, matrix.layout,
                                                                matrix.lines, matrix.length));
  }
  void add(const One& one) { parameters_.push_back(one); }

  std::vector<One> parameters_;
  std::vector<StoredMatrix> matrices_;
};

/// The weights of a model for generation and scoring, whose large matrices may stay in the number
/// type of a file: one block of memory, of which StoredWeightsPlan says the bytes beforehand.
/// Move-only.
template <Scalar T>
class StoredWeights {
 public:
  /// Allocates the block, all zero. `elsewhere` keeps what matrices outside the block lie in.
  explicit StoredWeights(StoredWeightsPlan plan, std::shared_ptr<const void> elsewhere = {})
      : block_(plan.bytes<T>()),
        bytes_elsewhere_(plan.bytes_elsewhere()),
        matrices_(std::move(plan.matrices_)),
        elsewhere_(std::move(elsewhere)) {
    std::byte* next = block_.data();
    const auto take = [&](std::size_t bytes) {
      return std::exchange(next, next + StoredWeightsPlan::aligned(bytes));
    };
    for (const StoredWeightsPlan::One& one : plan.parameters_) {
      for (StoredMatrix& matrix : std::span(matrices_).subspan(one.first, one.count)) {
        if (matrix.data != nullptr) continue;
        matrix.data =
            take(stored_matrix_bytes(matrix.type, matrix.layout, matrix.lines, matrix.length));
      }
      parameters_.push_back(
          {nullptr, std::span(matrices_).subspan(one.first, one.count), &stored_kernels<T>});
      counts_.push_back(one.numbers);
      if (one.count > 0) continue;
      const auto bytes = static_cast<std::size_t>(one.numbers) * sizeof(T);
      parameters_.back().numbers = reinterpret_cast<const T*>(take(bytes));
    }
  }

  /// The parameters, in the model's order.
  std::span<const Weight<T>> parameters() const noexcept { return parameters_; }
  /// Bytes of the block.
  std::size_t bytes() const noexcept { return block_.size(); }

  /// Bytes of the matrices outside the block, such as in a mapped file.
  std::size_t bytes_elsewhere() const noexcept { return bytes_elsewhere_; }

  /// The numbers of parameter i, to be filled; empty for one of stored matrices.
  std::span<T> numbers(std::size_t i) noexcept {
    if (counts_[i] == 0) return {};
    return {reinterpret_cast<T*>(writable(parameters_[i].numbers)),
            static_cast<std::size_t>(counts_[i])};
  }
  /// The bytes of matrix k of parameter i in the block, to be filled.
  std::span<std::byte> matrix_bytes(std::size_t i, std::size_t k) noexcept {
    const StoredMatrix& matrix = parameters_[i].stored[k];
    return {writable(matrix.data),
            stored_matrix_bytes(matrix.type, matrix.layout, matrix.lines, matrix.length)};
  }

 private:
  /// A place in the block.
  std::byte* writable(const void* place) noexcept {
    const std::ptrdiff_t offset = static_cast<const std::byte*>(place) - block_.data();
    OCTAVO_ASSERT(offset >= 0 && static_cast<std::size_t>(offset) <= block_.size());
    return block_.data() + offset;
  }

  AlignedBuffer<std::byte> block_;
  std::size_t bytes_elsewhere_;
  std::vector<StoredMatrix> matrices_;
  std::vector<Weight<T>> parameters_;
  std::vector<Index> counts_;  ///< of numbers, by parameter
  std::shared_ptr<const void> elsewhere_;
};

}  // namespace OCTAVO_NAMESPACE
