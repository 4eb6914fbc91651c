// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_BLOCK_HPP)
#define OCTAVO_KERNELS_MATMUL_BLOCK_HPP

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_stream.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace octavo {

namespace detail {

/// The most of k that one panel of B holds: three cache lines wide, it then fills 48 KiB, which the
/// second-level cache keeps.
inline constexpr Index panel_depth = 256;
template <Scalar T>
inline constexpr Index panel_row_elements = static_cast<Index>(3 * alignment_bytes / sizeof(T));

}  // namespace detail

}  // namespace octavo

#define OCTAVO_FILE "octavo/kernels/matmul_block.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA::detail {

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
      OCTAVO_UNROLL
      for (Index i = 0; i < width; ++i) {
        const T* from = b.data + (first_j + j + i) * b.stride + first_k + k;
        square[i] = j + i >= columns ? simd::Vector<T>{}
                    : count == width ? simd::load(from)
                                     : simd::load_partial(from, count);
      }
      simd::transpose<T>(square);
      OCTAVO_UNROLL
      for (Index i = 0; i < width; ++i) {
        if (i < count) simd::store(panel + (k + i) * panel_row + j, square[i]);
      }
    }
  }
}

/// One worker's share of a product: c[share] (+)= a b, panel by panel
/// of B's columns.
template <Scalar T>
class BlockProduct {
 public:
  using Tile = MatmulTile<T>;

  /// Any `panel` of at least panel_row_elements will do: it says how much of k is packed at a time.
  BlockProduct(const LeftOperand<T>& a, const RightOperand<T>& b, MatrixView<T> c,
               const Rectangle& share, Index depth, Start start, const T* bias, std::span<T> panel)
      : a_(a),
        b_(b),
        c_(c),
        rows_(share.rows),
        columns_(share.columns),
        depth_(depth),
        start_(start),
        bias_(bias),
        panel_(panel.data()),
        panel_depth_(std::min(octavo::detail::panel_depth,
                              static_cast<Index>(panel.size()) / Tile::columns)) {
    OCTAVO_ASSERT(panel_depth_ > 0);
  }

  /// Vectors are dealt out evenly among panels, and rows among tiles: 20 rows become 7 + 7 + 6.
  void run() const {
    if (rows_.empty()) return;
    const Index vectors = (columns_.size() + simd::width<T> - 1) / simd::width<T>;
    const Index panels = (vectors + Tile::vectors - 1) / Tile::vectors;
    for (Index p = 0; p < panels; ++p) {
      const Index first = vectors * p / panels;
      const Index count = vectors * (p + 1) / panels - first;
      const Index j = columns_.begin + first * simd::width<T>;
      for (Index k = 0; k < depth_ || k == 0; k += panel_depth_) {
        run_panel({j, std::min(j + count * simd::width<T>, columns_.end)}, count,
                  {k, std::min(k + panel_depth_, depth_)});
      }
    }
  }

 private:
  void run_panel(Range columns, Index vectors, Range depth) const {
    const Index panel_row = vectors * simd::width<T>;
    const bool whole = columns.size() == panel_row;
    TileProduct<T> product;
    product.a_row = a_.row;
    product.a_depth = a_.depth;
    product.b = panel_;
    product.b_row = panel_row;
    product.c_row = c_.stride;
    product.depth = depth.size();
    product.start = depth.begin == 0 ? start_ : Start::accumulate;
    product.bias = bias_ == nullptr ? nullptr : bias_ + columns.begin;
    product.packed = panel_;
    const auto multiply = [&](TileFunction<T> tile, Range rows) {
      product.a = a_.data + rows.begin * a_.row + depth.begin * a_.depth;
      product.c = c_.row(rows.begin) + columns.begin;
      if (whole) {
        tile(product);
      } else {
        multiply_edge_tile<T>(tile, rows.size(), columns.size(), product);
      }
    };
    Range rest = rows_;
    if (b_.is_transposed) {
      pack_columns(b_, depth.begin, depth.size(), columns.begin, columns.size(), panel_, panel_row);
    } else if (!whole) {
      pack_rows(b_, depth.begin, depth.size(), columns.begin, columns.size(), panel_, panel_row);
    } else {
      // The first tile reads B where it lies, and packs it if others follow.
      product.b = b_.data + depth.begin * b_.stride + columns.begin;
      product.b_row = b_.stride;
      if (rows_.size() > Tile::rows) {
        rest.begin += Tile::rows;
        multiply(packing_tile_table<T>[static_cast<std::size_t>(vectors - 1)],
                 { rows_.begin, rest.begin });
        product.b = panel_;
        product.b_row = panel_row;
      }
    }
    const Index tiles = (rest.size() + Tile::rows - 1) / Tile::rows;
    for (Index t = 0; t < tiles; ++t) {
      const Range rows{rest.begin + rest.size() * t / tiles,
                       rest.begin + rest.size() * (t + 1) / tiles};
      const Index which = (rows.size() - 1) * Tile::vectors + vectors - 1;
      product.ahead = lines_ahead(columns, panel_row, depth, t, rows);
      multiply(tile_table<T>[static_cast<std::size_t>(which)], rows);
    }
  }

  /// What tile t of a panel should ask for: the next tile's outputs if they are added to, else a
  /// vector's width of the next panel of B.
  LinesAhead<T> lines_ahead(Range columns, Index panel_row, Range depth, Index t,
                            Range rows) const {
    constexpr Index line = static_cast<Index>(alignment_bytes / sizeof(T));
    if (start_ == Start::accumulate) {
      if (rows.end == rows_.end) return {};
      const Index lines = (columns.size() + line - 1) / line;  // of a tile's row
      return {c_.row(rows.end) + columns.begin, rows.size() * lines, line, lines,
              c_.stride - lines * line};
    }
    const Range next{columns.begin + panel_row + t * simd::width<T>, columns_.end};
    if (t >= Tile::vectors || next.empty()) return {};
    if (!b_.is_transposed) {
      return {b_.data + depth.begin * b_.stride + next.begin, depth.size(), b_.stride, 1, 0};
    }
    const Index lines = (depth.size() + line - 1) / line;  // of a row of B
    return {b_.data + next.begin * b_.stride + depth.begin,
            std::min<Index>(next.size(), simd::width<T>) * lines, line, lines,
            b_.stride - lines * line};
  }

  LeftOperand<T> a_;
  RightOperand<T> b_;
  MatrixView<T> c_;
  Range rows_;
  Range columns_;
  Index depth_;
  Start start_;
  const T* bias_;
  T* panel_;
  Index panel_depth_;
};

template <Scalar T>
void multiply_block(const LeftOperand<T>& a, const RightOperand<T>& b, MatrixView<T> c,
                    const Rectangle& share, Index depth, Start start, const T* bias,
                    std::span<T> panel) {
  if (share.rows.empty()) return;
  if (share.rows.size() > most_streamed_rows || a.depth != 1) {
    return BlockProduct<T>(a, b, c, share, depth, start, bias, panel).run();
  }
  const Index first = share.columns.begin;
  stream_product<T>(
      {a.data + share.rows.begin * a.row, a.row, b.data + first * (b.is_transposed ? b.stride : 1),
       b.stride, c.row(share.rows.begin) + first, c.stride, share.columns.size(), depth},
      b.is_transposed, share.rows.size(), start, bias == nullptr ? nullptr : bias + first);
}

}  // namespace octavo::OCTAVO_ISA::detail

#endif
