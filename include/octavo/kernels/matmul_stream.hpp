// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_STREAM_HPP)
#define OCTAVO_KERNELS_MATMUL_STREAM_HPP

#include <algorithm>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

// Products with few rows on the left, such as those of generation: every number of the right
// operand is used once or hardly more often, so that the speed of memory is the limit, and it is
// read the way memory likes best: in long runs, and only once.
#define OCTAVO_FILE "octavo/kernels/matmul_stream.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA::detail {

/// With more rows a packed panel of the right operand pays.
inline constexpr Index most_streamed_rows = 8;

/// c[r, j] (+)= sum over k < depth of a[r, k] b[k, j], or with b transposed of a[r, k] b[j, k], for
/// j < columns. Each output is one chain of fused multiply-adds in increasing k, as in a tile.
template <Scalar T>
struct StreamedProduct {
  const T* a = nullptr;  ///< element (r, k) at r * a_row + k
  Index a_row = 0;
  const T* b = nullptr;  ///< its rows are b_row apart
  Index b_row = 0;
  T* c = nullptr;
  Index c_row = 0;
  Index columns = 0;
  Index depth = 0;
};

/// Adds `Steps` terms to all outputs, from k on: as many rows of b are read side by side.
template <Scalar T, int Rows, int Steps>
void add_streamed_rows(const StreamedProduct<T>& product, Index k) {
  constexpr Index width = simd::width<T>;
  const auto [a, a_row, b, b_row, c, c_row, columns, depth] = product;
  const T* const b_k = b + k * b_row;
  simd::Vector<T> factor[Rows][Steps];
  OCTAVO_UNROLL
  for (int r = 0; r < Rows; ++r) {
    OCTAVO_UNROLL
    for (int s = 0; s < Steps; ++s) factor[r][s] = simd::broadcast(a[r * a_row + k + s]);
  }
  const Index whole = columns / width * width;
  const Index rest = columns - whole;
  for (Index j = 0; j < whole; j += width) {
    simd::Vector<T> sum[Rows];
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) sum[r] = simd::load(c + r * c_row + j);
    OCTAVO_UNROLL
    for (int s = 0; s < Steps; ++s) {
      const simd::Vector<T> terms = simd::load(b_k + s * b_row + j);
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) sum[r] = simd::fma(factor[r][s], terms, sum[r]);
    }
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) simd::store(c + r * c_row + j, sum[r]);
  }
  if (rest == 0) return;
  OCTAVO_UNROLL
  for (int r = 0; r < Rows; ++r) {
    simd::Vector<T> sum = simd::load_partial(c + r * c_row + whole, rest);
    OCTAVO_UNROLL
    for (int s = 0; s < Steps; ++s) {
      sum = simd::fma(factor[r][s], simd::load_partial(b_k + s * b_row + whole, rest), sum);
    }
    simd::store_partial(c + r * c_row + whole, sum, rest);
  }
}

/// The outputs, which hold what their chains start from, lie in the first-level cache.
template <Scalar T, int Rows>
void stream_rows(const StreamedProduct<T>& product) {
  constexpr int steps = Rows <= 2 ? 8 : Rows <= 4 ? 4 : 2;  // factors stay in registers
  Index k = 0;
  for (; k + steps <= product.depth; k += steps) add_streamed_rows<T, Rows, steps>(product, k);
  for (; k < product.depth; ++k) add_streamed_rows<T, Rows, 1>(product, k);
}

/// The same for a transposed operand, by squares transposed in registers.
template <Scalar T, int Rows>
void stream_columns(const StreamedProduct<T>& product) {
  constexpr Index width = simd::width<T>;
  const auto [a, a_row, b, b_row, c, c_row, columns, depth] = product;
  for (Index j = 0; j < columns; j += width) {
    const Index count = std::min(width, columns - j);
    const Index ahead = std::min(width, columns - j - count);  // rows of the next square
    simd::Vector<T> sum[Rows];
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) sum[r] = simd::load_partial(c + r * c_row + j, count);
    for (Index k = 0; k < depth; k += width) {
      const Index terms = std::min(width, depth - k);
      simd::Vector<T> square[width];
      OCTAVO_UNROLL
      for (Index i = 0; i < width; ++i) {
        const T* const from = b + (j + i) * b_row + k;
        square[i] = i >= count       ? simd::Vector<T>{}
                    : terms == width ? simd::load(from)
                                     : simd::load_partial(from, terms);
        if (i < ahead) __builtin_prefetch(from + width * b_row, 0, 2);
      }
      simd::transpose<T>(square);
      OCTAVO_UNROLL
      for (Index i = 0; i < width; ++i) {
        if (i >= terms) continue;
        OCTAVO_UNROLL
        for (int r = 0; r < Rows; ++r) {
          sum[r] = simd::fma(simd::broadcast(a[r * a_row + k + i]), square[i], sum[r]);
        }
      }
    }
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) simd::store_partial(c + r * c_row + j, sum[r], count);
  }
}

/// `rows` is 1 to most_streamed_rows; bias [columns] for Start::bias.
template <Scalar T>
void stream_product(const StreamedProduct<T>& product, bool transposed, Index rows, Start start,
                    const T* bias) {
  for (Index r = 0; r < rows && start != Start::accumulate; ++r) {
    T* const c = product.c + r * product.c_row;
    if (start == Start::bias) {
      std::copy_n(bias, product.columns, c);
    } else {
      std::fill_n(c, product.columns, T{0});
    }
  }
  const auto run = [&]<int... count>(std::integer_sequence<int, count...>) {
    ((rows == count + 1
          ? transposed ? stream_columns<T, count + 1>(product) : stream_rows<T, count + 1>(product)
          : void()),
     ...);
  };
  run(std::make_integer_sequence<int, static_cast<int>(most_streamed_rows)>{});
}

}  // namespace octavo::OCTAVO_ISA::detail

#endif
