// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

#include <octavo/base/config.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// A square of 4 x 4 numbers, transposed in registers.
template <typename T>
void transpose_square(const T* from, Index from_row, T* to, Index to_row) noexcept {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));
  Four a, b, c, d;
  std::memcpy(&a, from, sizeof(a));
  std::memcpy(&b, from + from_row, sizeof(b));
  std::memcpy(&c, from + 2 * from_row, sizeof(c));
  std::memcpy(&d, from + 3 * from_row, sizeof(d));
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
  std::memcpy(to, &a, sizeof(a));
  std::memcpy(to + to_row, &b, sizeof(b));
  std::memcpy(to + 2 * to_row, &c, sizeof(c));
  std::memcpy(to + 3 * to_row, &d, sizeof(d));
}

/// to(i, j) = from(j, i)
template <typename T>
void transpose(MatrixView<const T> from, MatrixView<T> to) noexcept {
  const Index rows = to.rows / 4 * 4, columns = to.columns / 4 * 4;
  for (Index i = 0; i < rows; i += 4) {
    for (Index j = 0; j < columns; j += 4) {
      transpose_square(from.row(j) + i, from.stride, to.row(i) + j, to.stride);
    }
  }
  for (Index i = 0; i < to.rows; ++i) {
    for (Index j = i < rows ? columns : 0; j < to.columns; ++j) to(i, j) = from(j, i);
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
