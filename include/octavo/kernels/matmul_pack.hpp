// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_PACK_HPP)
#define OCTAVO_KERNELS_MATMUL_PACK_HPP

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The largest depth k of a panel of B: with three cache lines per row it fills 48 KiB and stays in
/// the second-level cache.
inline constexpr Index panel_depth = 256;

}  // namespace OCTAVO_NAMESPACE::detail

// Packs parts of a product's right operand, so that tiles read them row after row.
#define OCTAVO_FILE "octavo/kernels/matmul_pack.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// The right operand: element (k, j) at data[k * stride + j], or data[j * stride + k] if
/// transposed.
template <Scalar T>
struct RightOperand {
  const T* data = nullptr;
  Index stride = 0;
  bool is_transposed = false;

  RightOperand columns_from(Index first) const {
    return {data + first * (is_transposed ? stride : 1), stride, is_transposed};
  }
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

/// to[i, j] = from[j, i] for a square of `width<T>`, transposed in registers.
template <Scalar T>
void transpose_square(const T* from, Index from_row, T* to, Index to_row) {
  constexpr Index width = simd::width<T>;
  simd::Vector<T> square[array_size(width)];
  OCTAVO_UNROLL
  for (Index i = 0; i < width; ++i) square[i] = simd::load(from + i * from_row);
  simd::transpose<T>(square);
  OCTAVO_UNROLL
  for (Index i = 0; i < width; ++i) simd::store(to + i * to_row, square[i]);
}

/// panel[k, j] = lines[j * stride + k] for a vector of columns, square by square; squares at the
/// edges go through a buffer. Columns from `columns` on are zero.
template <Scalar T>
void pack_vector_of_columns(const T* lines, Index stride, Index depth, Index columns, T* panel,
                            Index panel_row) {
  constexpr Index width = simd::width<T>;
  alignas(alignment_bytes) T edge[array_size(width * width)];
  for (Index k = 0; k < depth; k += width) {
    const Index count = std::min(width, depth - k);
    T* const to = panel + k * panel_row;
    if (columns == width && count == width) {
      transpose_square(lines + k, stride, to, panel_row);
      continue;
    }
    for (Index i = 0; i < columns; ++i) {
      simd::store(edge + i * width, simd::load_partial(lines + i * stride + k, count));
    }
    std::fill(edge + columns * width, edge + width * width, T{0});
    transpose_square<T>(edge, width, edge, width);
    for (Index n = 0; n < count; ++n) std::copy_n(edge + n * width, width, to + n * panel_row);
  }
}

/// As pack_rows for a transposed operand.
template <Scalar T>
void pack_columns(const RightOperand<T>& b, Index first_k, Index depth, Index first_j,
                  Index columns, T* panel, Index panel_row) {
  constexpr Index width = simd::width<T>;
  for (Index j = 0; j < panel_row; j += width) {
    pack_vector_of_columns(b.data + (first_j + j) * b.stride + first_k, b.stride, depth,
                           std::clamp<Index>(columns - j, 0, width), panel + j, panel_row);
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
