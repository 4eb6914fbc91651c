// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The argument of kernels: a rank-2 view whose stride may exceed the number of columns, such as
/// the queries of one head within [time, 3 width]. Row-major; element (i, j) is at i*stride + j.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;

  constexpr MatrixView() = default;
  constexpr MatrixView(T* data_, Index rows_, Index columns_, Index stride_)
      : data(data_), rows(rows_), columns(columns_), stride(stride_) {}
  constexpr MatrixView(T* data_, Index rows_, Index columns_)
      : MatrixView(data_, rows_, columns_, columns_) {}
  constexpr MatrixView(std::span<T> memory, Index rows_, Index columns_)
      : MatrixView(memory.data(), rows_, columns_, columns_) {
    OCTAVO_ASSERT(static_cast<Index>(memory.size()) >= rows_ * columns_);
  }

  template <typename U>
  requires(!std::is_same_v<U, T> &&
           std::is_convertible_v<U (*)[], T (*)[]>) constexpr MatrixView(MatrixView<U> other)
      : MatrixView(other.data, other.rows, other.columns, other.stride) {}

  constexpr T* row(Index i) const { return data + i * stride; }
  constexpr T& operator()(Index i, Index j) const { return data[i * stride + j]; }

  /// The rectangle of `row_count` x `column_count` whose first element is (row, column).
  constexpr MatrixView block(Index first_row, Index row_count, Index first_column,
                             Index column_count) const {
    return {data + first_row * stride + first_column, row_count, column_count, stride};
  }
  constexpr MatrixView row_block(Index first, Index count) const {
    return block(first, count, 0, columns);
  }
};

}  // namespace OCTAVO_NAMESPACE
