// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace octavo::detail {

/// The left operand: element (i, k) at data[i * row + k * depth], so that a matrix and its
/// transpose are read by the same kernel.
template <Scalar T>
struct LeftOperand {
  const T* data = nullptr;
  Index row = 0;
  Index depth = 0;
};

template <Scalar T>
LeftOperand<T> as_is(MatrixView<const T> a) {
  return {a.data, a.stride, 1};
}
template <Scalar T>
LeftOperand<T> transposed(MatrixView<const T> a) {
  return {a.data, 1, a.stride};
}

/// The right operand: element (k, j) at data[k * stride + j], or data[j * stride + k] if
/// transposed.
template <Scalar T>
struct RightOperand {
  const T* data = nullptr;
  Index stride = 0;
  bool is_transposed = false;
};

/// panel[k, j] = b[first_k + k, first_j + j]; columns from `columns` to `panel_row` are zero.
template <Scalar T>
void pack_rows(const RightOperand<T>& b, Index first_k, Index depth, Index first_j, Index columns,
               T* panel, Index panel_row) {
  for (Index k = 0; k < depth; ++k, panel += panel_row) {
    std::copy_n(b.data + (first_k + k) * b.stride + first_j, columns, panel);
    std::fill(panel + columns, panel + panel_row, T{0});
  }
}

/// The same for a transposed operand, by squares transposed in registers.
template <Scalar T>
void pack_columns(const RightOperand<T>& b, Index first_k, Index depth, Index first_j,
                  Index columns, T* panel, Index panel_row) {
  constexpr Index width = simd::width<T>;
  for (Index j = 0; j < panel_row; j += width) {
    for (Index k = 0; k < depth; k += width) {
      const Index count = std::min(width, depth - k);
      simd::Vector<T> square[width];
      for (Index i = 0; i < width; ++i) {
        const T* from = b.data + (first_j + j + i) * b.stride + first_k + k;
        square[i] = j + i >= columns ? simd::Vector<T>{}
                    : count == width ? simd::load(from)
                                     : simd::load_partial(from, count);
      }
      simd::transpose<T>(square);
      for (Index i = 0; i < count; ++i) simd::store(panel + (k + i) * panel_row + j, square[i]);
    }
  }
}

/// One worker's share: c[rows, columns] (+)= a b over the given ranges. `panel` holds
/// MatmulTile<T>::panel_elements numbers. Rows are dealt out evenly among tiles (32 rows become
/// 11 + 11 + 10, not 14 + 14 + 4).
template <Scalar T>
void multiply_block(const LeftOperand<T>& a, const RightOperand<T>& b, MatrixView<T> c, Range rows,
                    Range columns, Index depth, Start start, const T* bias, T* panel) {
  using Tile = MatmulTile<T>;
  if (rows.empty()) return;
  const Index tiles = (rows.size() + Tile::rows - 1) / Tile::rows;
  for (Index j = columns.begin; j < columns.end; j += Tile::columns) {
    const Index n = std::min(Tile::columns, columns.end - j);
    const bool narrow = n <= simd::width<T>;
    const Index panel_row = narrow ? simd::width<T> : Tile::columns;
    const auto& table = narrow ? tile_table<T, 1> : tile_table<T, Tile::vectors>;
    // Few rows do not repay packing; then B is read where it lies, if no vector crosses its edge.
    const bool direct = !b.is_transposed && n == panel_row && rows.size() <= Tile::rows;
    for (Index k = 0; k < depth || k == 0; k += Tile::depth) {
      const Index k_count = std::min(Tile::depth, depth - k);
      const T* b_k = panel;
      Index b_row = panel_row;
      if (direct) {
        b_k = b.data + k * b.stride + j;
        b_row = b.stride;
      } else if (b.is_transposed) {
        pack_columns(b, k, k_count, j, n, panel, panel_row);
      } else {
        pack_rows(b, k, k_count, j, n, panel, panel_row);
      }
      const Start here = k == 0 ? start : Start::accumulate;
      for (Index t = 0; t < tiles; ++t) {
        const Index i = rows.begin + rows.size() * t / tiles;
        const Index count = rows.begin + rows.size() * (t + 1) / tiles - i;
        const auto tile = table[static_cast<std::size_t>(count - 1)];
        const T* a_i = a.data + i * a.row + k * a.depth;
        const T* bias_j = bias == nullptr ? nullptr : bias + j;
        if (n == panel_row) {
          tile(a_i, a.row, a.depth, b_k, b_row, c.row(i) + j, c.stride, k_count, here, bias_j);
        } else {
          multiply_edge_tile<T>(tile, count, a_i, a.row, a.depth, b_k, b_row, c.row(i) + j,
                                c.stride, n, k_count, here, bias_j);
        }
      }
    }
  }
}

}  // namespace octavo::detail
