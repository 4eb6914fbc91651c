// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_TILE_HPP)
#define OCTAVO_KERNELS_MATMUL_TILE_HPP

#include <algorithm>
#include <array>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The register-blocked inner kernel of every matrix product; see matmul.hpp for the loops around
// it.

#define OCTAVO_FILE "octavo/kernels/matmul_tile.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// Size of the block of outputs that stays in registers. With 32 registers: 8 rows x 3 vectors of
/// accumulators, B's vectors and one broadcast of A (7 x 4 would need 33 registers); with 16: 6 x
/// 2. No more rows, because rows of A that lie a multiple of 4 KiB apart share the eight ways of
/// one set of the first-level cache.
template <Scalar T>
struct MatmulTile {
  static constexpr int rows = simd::register_count == 32 ? 8 : 6;
  static constexpr int vectors = simd::register_count == 32 ? 3 : 2;
  static constexpr Index columns = vectors * simd::width<T>;
};

/// Cache lines to prefetch: `lines` of them, `step` numbers apart, with a further `jump` after
/// every `period`.
template <Scalar T>
struct LinesAhead {
  const T* first = nullptr;
  Index lines = 0;
  Index step = 0;
  Index period = 1;
  Index jump = 0;
};

/// The lines of `rows` rows of `count` numbers each, `stride` apart.
template <Scalar T>
LinesAhead<T> lines_of_rows(const T* first, Index rows, Index count, Index stride) {
  constexpr Index line = static_cast<Index>(alignment_bytes / sizeof(T));
  const Index lines = (count + line - 1) / line;
  return {first, rows * lines, line, lines, stride - lines * line};
}

/// One tile's work: c[i, j] (+)= sum over k < depth of a[i, k] b[k, j].
template <Scalar T>
struct TileProduct {
  const T* a = nullptr;  ///< element (i, k) at i * a_row + k * a_depth
  Index a_row = 0;
  Index a_depth = 0;
  const T* b = nullptr;  ///< row k at k * b_row, a tile's vectors wide
  Index b_row = 0;
  T* c = nullptr;  ///< row i at i * c_row
  Index c_row = 0;
  Index depth = 0;
  Output output = Output::overwrite;
  Index rows = 0;           ///< the tile's number of rows, or one less
  const T* bias = nullptr;  ///< a tile's vectors wide
  T* packed = nullptr;      ///< where a packing tile stores b, row after row
  LinesAhead<T> ahead;      ///< prefetched one by one while the tile multiplies
};

/// Computes a tile of `Rows` x (`Vectors` * width) outputs, `Rows` even; if there is one row less,
/// the last row is computed twice, with the same bits, which halves the number of functions. Every
/// output is one chain of fused multiply-adds in increasing k, so its bits depend neither on its
/// tile nor on where k is split. With `Packs` it also packs b: the loads are needed anyway, and the
/// stores run in parallel with the multiply-adds.
template <Scalar T, int Rows, int Vectors, bool Packs>
void multiply_tile(const TileProduct<T>& product) {
  constexpr int width = simd::width<T>;
  const auto [a, a_row, a_depth, b, b_row, c, c_row, depth, output, rows, bias, packed, ahead] =
      product;
  const T* const last_a = a + (rows - 1) * a_row;
  T* outputs[array_size(Rows)];
  OCTAVO_UNROLL
  for (int i = 0; i < Rows; ++i) outputs[i] = c + (i < Rows - 1 ? i : rows - 1) * c_row;
  simd::Vector<T> sum[array_size(Rows)][array_size(Vectors)];
  OCTAVO_UNROLL
  for (int i = 0; i < Rows; ++i) {
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      sum[i][j] = output == Output::overwrite ? simd::Vector<T>{}
                  : output == Output::bias    ? simd::load(bias + j * width)
                                              : simd::load(outputs[i] + j * width);
    }
  }
  const T* line = ahead.first;
  Index until_jump = ahead.period;
  for (Index k = 0; k < depth; ++k) {
    if (k < ahead.lines) {
      __builtin_prefetch(line, 0, 2);  // into the second level: a panel fills the first-level cache
      line += ahead.step;
      if (--until_jump == 0) {
        line += ahead.jump;
        until_jump = ahead.period;
      }
    }
    simd::Vector<T> b_k[array_size(Vectors)];
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      b_k[j] = simd::load(b + k * b_row + j * width);
      simd::keep_in_register<T>(b_k[j]);
    }
    if constexpr (Packs) {
      OCTAVO_UNROLL
      for (int j = 0; j < Vectors; ++j) simd::store(packed + (k * Vectors + j) * width, b_k[j]);
    }
    OCTAVO_UNROLL
    for (int i = 0; i < Rows; ++i) {
      const simd::Vector<T> a_ik =
          simd::broadcast((i == Rows - 1 ? last_a : a + i * a_row)[k * a_depth]);
      OCTAVO_UNROLL
      for (int j = 0; j < Vectors; ++j) sum[i][j] = simd::fma(a_ik, b_k[j], sum[i][j]);
    }
  }
  OCTAVO_UNROLL
  for (int i = 0; i < Rows; ++i) {
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) simd::store(outputs[i] + j * width, sum[i][j]);
  }
}

template <Scalar T>
using TileFunction = void (*)(const TileProduct<T>&);

template <Scalar T, int... tile>
constexpr auto tile_functions(std::integer_sequence<int, tile...>) {
  constexpr int vectors = MatmulTile<T>::vectors;
  return std::array<TileFunction<T>, sizeof...(tile)>{
      &multiply_tile<T, tile / vectors * 2 + 2, tile % vectors + 1, false>...};
}

template <Scalar T, int... vectors>
constexpr auto packing_tile_functions(std::integer_sequence<int, vectors...>) {
  return std::array<TileFunction<T>, sizeof...(vectors)>{
      &multiply_tile<T, MatmulTile<T>::rows, vectors + 1, true>...};
}

template <Scalar T>
inline constexpr auto tile_table = tile_functions<T>(
    std::make_integer_sequence<int, MatmulTile<T>::rows / 2 * MatmulTile<T>::vectors>{});

/// One function per pair of rows and number of vectors, so that the edges of a matrix run at full
/// speed too.
template <Scalar T>
TileFunction<T> tile_function(Index rows, Index vectors) {
  const Index which = (rows - 1) / 2 * MatmulTile<T>::vectors + vectors - 1;
  return tile_table<T>[static_cast<std::size_t>(which)];
}

/// The packing functions per number of vectors; all have a whole tile's rows.
template <Scalar T>
inline constexpr auto packing_tile_table =
    packing_tile_functions<T>(std::make_integer_sequence<int, MatmulTile<T>::vectors>{});

/// As above for a tile whose right edge lies inside its last vector: computed at full width in a
/// buffer, of which only `columns` are copied to c.
template <Scalar T>
void multiply_edge_tile(TileFunction<T> tile, Index columns, TileProduct<T> product) {
  constexpr Index buffer_row = MatmulTile<T>::columns;
  alignas(alignment_bytes) T buffer[MatmulTile<T>::rows * buffer_row];
  alignas(alignment_bytes) T padded_bias[array_size(buffer_row)];
  const Index rows = product.rows;
  const MatrixView<T> c(product.c, rows, columns, product.c_row);
  const auto pad = [&](const T* from, T* to) {
    std::fill(std::copy_n(from, columns, to), to + buffer_row, T{0});
  };
  if (product.output == Output::bias) pad(product.bias, padded_bias);
  if (product.output == Output::accumulate) {
    for (Index i = 0; i < rows; ++i) pad(c.row(i), buffer + i * buffer_row);
  }
  product.c = buffer;
  product.c_row = buffer_row;
  product.bias = padded_bias;
  tile(product);
  for (Index i = 0; i < rows; ++i) std::copy_n(buffer + i * buffer_row, columns, c.row(i));
}

}  // namespace detail
}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
