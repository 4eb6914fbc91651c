// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

// The register-blocked heart of every matrix product. See matmul.hpp for what surrounds it.
namespace octavo {

/// What an output element's chain of fused multiply-adds starts from.
enum class Start {
  zero,        ///< overwrites the output
  accumulate,  ///< adds to what the output holds
  bias,        ///< overwrites it with bias[column] + the product
};

namespace detail {

/// Sizes of the block of outputs that stays in registers. With 32 registers: 14 rows x 2 vectors
/// of accumulators, 2 vectors of B and one broadcast of A; with 16: 6 x 2. `depth` numbers of k at
/// a time keep a panel of B within the second-level cache.
template <Scalar T>
struct MatmulTile {
  static constexpr int rows = simd::register_count == 32 ? 14 : 6;
  static constexpr int vectors = 2;
  static constexpr Index columns = vectors * simd::width<T>;
  static constexpr Index depth = 256;
  static constexpr Index panel_elements = depth * columns;
};

/// c[i, j] (+)= sum over k of a[i, k] b[k, j] for one tile of `Rows` x (`Vectors` * width) outputs.
/// Every output is one chain of fused multiply-adds in increasing k, so its bits depend neither on
/// the tile it falls into nor on where k was interrupted.
///   a: element (i, k) at i * a_row + k * a_depth      b: row k at k * b_row, 2 vectors wide
template <Scalar T, int Rows, int Vectors>
void multiply_tile(const T* a, Index a_row, Index a_depth, const T* b, Index b_row, T* c,
                   Index c_row, Index depth, Start start, const T* bias) {
  constexpr int width = simd::width<T>;
  simd::Vector<T> sum[Rows][Vectors];
  OCTAVO_UNROLL
  for (int i = 0; i < Rows; ++i) {
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      sum[i][j] = start == Start::zero   ? simd::Vector<T>{}
                  : start == Start::bias ? simd::load(bias + j * width)
                                         : simd::load(c + i * c_row + j * width);
    }
  }
  for (Index k = 0; k < depth; ++k) {
    simd::Vector<T> b_k[Vectors];
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) b_k[j] = simd::load(b + k * b_row + j * width);
    OCTAVO_UNROLL
    for (int i = 0; i < Rows; ++i) {
      const simd::Vector<T> a_ik = simd::broadcast(a[i * a_row + k * a_depth]);
      OCTAVO_UNROLL
      for (int j = 0; j < Vectors; ++j) sum[i][j] = simd::fma(a_ik, b_k[j], sum[i][j]);
    }
  }
  OCTAVO_UNROLL
  for (int i = 0; i < Rows; ++i) {
    OCTAVO_UNROLL
    for (int j = 0; j < Vectors; ++j) simd::store(c + i * c_row + j * width, sum[i][j]);
  }
}

template <Scalar T>
using TileFunction = void (*)(const T*, Index, Index, const T*, Index, T*, Index, Index, Start,
                              const T*);

template <Scalar T, int Vectors, int... rows>
constexpr auto tile_functions(std::integer_sequence<int, rows...>) {
  return std::array<TileFunction<T>, sizeof...(rows)>{&multiply_tile<T, rows + 1, Vectors>...};
}

/// One function per number of rows, so that the last rows of a matrix run at full speed too.
template <Scalar T, int Vectors>
inline constexpr auto tile_table =
    tile_functions<T, Vectors>(std::make_integer_sequence<int, MatmulTile<T>::rows>{});

/// The same for a tile whose right edge lies inside its last vector: computed at full width in a
/// buffer beside c, of which only `columns` are copied back.
template <Scalar T>
void multiply_edge_tile(TileFunction<T> tile, Index rows, const T* a, Index a_row, Index a_depth,
                        const T* b, Index b_row, T* c, Index c_row, Index columns, Index depth,
                        Start start, const T* bias) {
  constexpr Index buffer_row = MatmulTile<T>::columns;
  alignas(alignment_bytes) T buffer[MatmulTile<T>::rows * buffer_row] = {};
  alignas(alignment_bytes) T padded_bias[buffer_row] = {};
  if (start == Start::bias) std::copy_n(bias, columns, padded_bias);
  if (start == Start::accumulate) {
    for (Index i = 0; i < rows; ++i) std::copy_n(c + i * c_row, columns, buffer + i * buffer_row);
  }
  tile(a, a_row, a_depth, b, b_row, buffer, buffer_row, depth, start, padded_bias);
  for (Index i = 0; i < rows; ++i) std::copy_n(buffer + i * buffer_row, columns, c + i * c_row);
}

}  // namespace detail
}  // namespace octavo
