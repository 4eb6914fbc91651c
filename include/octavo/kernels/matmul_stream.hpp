// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_STREAM_HPP)
#define OCTAVO_KERNELS_MATMUL_STREAM_HPP

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_pack.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Products with few rows on the left, as in generation: every number of the right operand is used
// only a few times, so that memory bandwidth is the limit. The right operand is read once, in long
// contiguous ranges.
#define OCTAVO_FILE "octavo/kernels/matmul_stream.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// With more rows, packing the right operand is faster.
inline constexpr Index most_streamed_rows = 8;

/// c (+)= a b. Each output is one chain of fused multiply-adds in increasing k, as in a tile.
template <Scalar T>
struct StreamedProduct {
  const T* a = nullptr;  ///< element (r, k) at r * a_row + k
  Index a_row = 0;
  RightOperand<T> b;  ///< [depth, columns]
  MatrixView<T> c;    ///< 1 to most_streamed_rows rows
  Index depth = 0;
  Output output = Output::overwrite;
  const T* bias = nullptr;  ///< [columns], for Output::bias
};

/// Adds the terms of `Steps` rows of b, from row k on, to `Rows` rows of outputs from first_row on,
/// in whole vectors, and returns the column that it reached. If there are fewer rows of outputs,
/// the last one is computed twice, with the same bits, so that one function serves several row
/// counts.
template <Scalar T, int Rows, int Steps>
Index add_streamed_rows(const StreamedProduct<T>& product, Index first_row, Index k) {
  constexpr Index width = simd::width<T>;
  const MatrixView<T> c = product.c;
  const Index b_row = product.b.stride;
  const T* a[array_size(Rows)];
  T* outputs[array_size(Rows)];
  OCTAVO_UNROLL
  for (int r = 0; r < Rows; ++r) {
    const Index row = std::min<Index>(first_row + r, c.rows - 1);
    a[r] = product.a + row * product.a_row;
    outputs[r] = c.row(row);
  }
  for (; k + Steps <= product.depth; k += Steps) {
    const T* const b_k = product.b.data + k * b_row;
    simd::Vector<T> factor[array_size(Rows)][array_size(Steps)];
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) {
      OCTAVO_UNROLL
      for (int s = 0; s < Steps; ++s) factor[r][s] = simd::broadcast(a[r][k + s]);
    }
    for (Index j = 0; j + width <= c.columns; j += width) {
      simd::Vector<T> sum[array_size(Rows)];
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) sum[r] = simd::load(outputs[r] + j);
      OCTAVO_UNROLL
      for (int s = 0; s < Steps; ++s) {
        const simd::Vector<T> terms = simd::load(b_k + s * b_row + j);
        OCTAVO_UNROLL
        for (int r = 0; r < Rows; ++r) sum[r] = simd::fma(factor[r][s], terms, sum[r]);
      }
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) simd::store(outputs[r] + j, sum[r]);
    }
  }
  return k;
}

/// As above for the columns after the last whole vector, for all of k at once.
template <Scalar T>
void add_streamed_rest(const StreamedProduct<T>& product) {
  const MatrixView<T> c = product.c;
  const Index whole = c.columns / simd::width<T> * simd::width<T>;
  const Index rest = c.columns - whole;
  for (Index r = 0; rest > 0 && r < c.rows; ++r) {
    simd::Vector<T> sum = simd::load_partial(c.row(r) + whole, rest);
    for (Index k = 0; k < product.depth; ++k) {
      const T* const terms = product.b.data + k * product.b.stride + whole;
      sum = simd::fma(simd::broadcast(product.a[r * product.a_row + k]),
                      simd::load_partial(terms, rest), sum);
    }
    simd::store_partial(c.row(r) + whole, sum, rest);
  }
}

/// Rows of b per step, as many as leave the factors in registers. The outputs, initialised with the
/// start of their chains, stay in the first-level cache.
template <Scalar T, int Rows, int Steps>
void stream_rows(const StreamedProduct<T>& product) {
  const Index done = add_streamed_rows<T, Rows, Steps>(product, 0, 0);
  for (Index r = 0; r < product.c.rows; ++r) add_streamed_rows<T, 1, 1>(product, r, done);
  add_streamed_rest(product);
}

/// Adds the terms of one square of a transposed operand, transposed in registers, to the sums of
/// all rows. `b`: its first number; lines past `last` repeat line `last`, and their sums are
/// discarded.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void add_streamed_square(const StreamedProduct<T>& product, const T* b,
                                              Index last, Index k, simd::Vector<T>* sum) {
  constexpr Index width = simd::width<T>;
  simd::Vector<T> square[array_size(width)];
  OCTAVO_UNROLL
  for (Index i = 0; i < width; ++i) {
    const T* const from = b + std::min(i, last) * product.b.stride;
    square[i] = simd::load(from);
    __builtin_prefetch(from + width * product.b.stride, 0,
                       2);  // the same rows of the following columns
  }
  simd::transpose<T>(square);
  for (Index r = 0; r < product.c.rows; ++r) {
    const T* const factor = product.a + r * product.a_row + k;
    simd::Vector<T> total = sum[r];
    OCTAVO_UNROLL
    for (Index i = 0; i < width; ++i) {
      total = simd::fma(simd::broadcast(factor[i]), square[i], total);
    }
    sum[r] = total;
  }
}

/// For a transposed operand: one vector of outputs of all rows at a time, square by square.
template <Scalar T>
void stream_columns(const StreamedProduct<T>& product) {
  constexpr Index width = simd::width<T>;
  const MatrixView<T> c = product.c;
  for (Index j = 0; j < c.columns; j += width) {
    const Index count = std::min(width, c.columns - j);
    const T* const lines = product.b.data + j * product.b.stride;
    simd::Vector<T> sum[most_streamed_rows];
    for (Index r = 0; r < c.rows; ++r) sum[r] = simd::load_partial(c.row(r) + j, count);
    Index k = 0;
    for (; k + width <= product.depth; k += width) {
      add_streamed_square(product, lines + k, count - 1, k, sum);
    }
    for (; k < product.depth; ++k) {
      T terms[array_size(width)] = {};
      for (Index i = 0; i < count; ++i) terms[i] = lines[i * product.b.stride + k];
      for (Index r = 0; r < c.rows; ++r) {
        const T factor = product.a[r * product.a_row + k];
        sum[r] = simd::fma(simd::broadcast(factor), simd::load(terms), sum[r]);
      }
    }
    for (Index r = 0; r < c.rows; ++r) simd::store_partial(c.row(r) + j, sum[r], count);
  }
}

template <Scalar T>
void stream_product(const StreamedProduct<T>& product) {
  const MatrixView<T> c = product.c;
  for (Index r = 0; r < c.rows; ++r) {
    if (product.output == Output::bias) std::copy_n(product.bias, c.columns, c.row(r));
    if (product.output == Output::overwrite) std::fill_n(c.row(r), c.columns, T{0});
  }
  if (product.b.is_transposed) return stream_columns(product);
  if (c.rows == 1) return stream_rows<T, 1, 8>(product);
  if (c.rows == 2) return stream_rows<T, 2, 8>(product);
  if (c.rows <= 4) return stream_rows<T, 4, 4>(product);
  stream_rows<T, 8, 2>(product);
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
