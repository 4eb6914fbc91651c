// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_BLOCK_HPP)
#define OCTAVO_KERNELS_MATMUL_BLOCK_HPP

#include <algorithm>
#include <span>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_pack.hpp>
#include <octavo/kernels/matmul_stream.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

template <Scalar T>
inline constexpr Index panel_row_elements = static_cast<Index>(3 * alignment_bytes / sizeof(T));

/// Upper limits of A and C in use at one time, so that both stay in the second-level cache while
/// panels of B stream through (Goto, van de Geijn 2008, section 4).
template <Scalar T>
inline constexpr Index left_block_elements = static_cast<Index>(256 * 1024 / sizeof(T));
template <Scalar T>
inline constexpr Index output_block_elements = static_cast<Index>(512 * 1024 / sizeof(T));

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/matmul_block.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// The left operand: element (i, k) at data[i * row + k * depth], so that one kernel reads a matrix
/// or its transpose.
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

/// One worker's share of a product: c[share] (+)= a b, block of rows by block of rows, and within
/// it panel by panel of B's columns. `Right`: RightOperand<T>, or an operand that unpacks panels
/// and may name the lines to prefetch.
template <Scalar T, typename Right = RightOperand<T> >
class BlockProduct {
 public:
  using Tile = MatmulTile<T>;
  static constexpr bool unpacks = !std::is_same_v<Right, RightOperand<T> >;

  /// `panel` needs at least panel_row_elements; its size determines how much of k is packed at a
  /// time.
  BlockProduct(const LeftOperand<T>& a, const Right& b, MatrixView<T> c, const Rectangle& share,
               Index depth, Output output, const T* bias, std::span<T> panel)
      : a_(a),
        b_(b),
        c_(c),
        rows_(share.rows),
        columns_(share.columns),
        depth_(depth),
        output_(output),
        bias_(bias),
        panel_(panel.data()),
        panel_depth_(std::min(octavo::detail::panel_depth,
                              static_cast<Index>(panel.size()) / Tile::columns)) {
    OCTAVO_ASSERT(panel_depth_ > 0);
  }

  /// Rows per block, limited by A's part at the depth of a panel.
  void run() const {
    const Index tiles = (rows_.size() + Tile::rows - 1) / Tile::rows;
    const Index numbers = rows_.size() * std::clamp<Index>(depth_, 1, panel_depth_);
    constexpr Index most = octavo::detail::left_block_elements<T>;
    const Index blocks = std::min(tiles, (numbers + most - 1) / most);
    for (Index b = 0; b < blocks; ++b) {
      const Index end = rows_.begin + tiles * (b + 1) / blocks * Tile::rows;
      run_rows({rows_.begin + tiles * b / blocks * Tile::rows, std::min(end, rows_.end)});
    }
  }

 private:
  /// The part of B in a panel: vectors of columns, and rows.
  struct Panel {
    Range vectors;
    Range depth;
  };

  /// Vectors are divided evenly among panels. If the part of A for these rows stays in the cache,
  /// the outputs of a panel are finished before the next panel; otherwise as many panels as fit C's
  /// limit alternate at each part of the depth.
  void run_rows(Range rows) const {
    const Index vectors = (columns_.size() + simd::width<T> - 1) / simd::width<T>;
    const Index panels = (vectors + Tile::vectors - 1) / Tile::vectors;
    constexpr Index room = octavo::detail::output_block_elements<T>;
    const Index together =
        rows.size() * depth_ <= room ? 1 : std::max<Index>(1, room / (rows.size() * Tile::columns));
    const auto panel = [&](Index p, Index k) {
      return Panel{{vectors * p / panels, vectors * (p + 1) / panels},
                   {k, std::min(k + panel_depth_, depth_)}};
    };
    for (Index first = 0; first < panels; first += together) {
      const Index end = std::min(panels, first + together);
      for (Index k = 0; k < depth_ || k == 0; k += panel_depth_) {
        const bool goes_on = k + panel_depth_ < depth_;
        for (Index p = first; p < end; ++p) {
          const Panel next = p + 1 < end    ? panel(p + 1, k)
                             : goes_on      ? panel(first, k + panel_depth_)
                             : end < panels ? panel(end, 0)
                                            : Panel{};
          run_panel(rows, panel(p, k), next);
        }
      }
    }
  }

  /// Pairs of rows are divided evenly among tiles: 20 rows become 6 + 6 + 8.
  void run_panel(Range rows, const Panel& panel, const Panel& next) const {
    const Index vectors = panel.vectors.size();
    const Index panel_row = vectors * simd::width<T>;
    const Range columns = columns_of(panel);
    const Range depth = panel.depth;
    const bool whole = columns.size() == panel_row;
    TileProduct<T> product;
    product.a_row = a_.row;
    product.a_depth = a_.depth;
    product.b = panel_;
    product.b_row = panel_row;
    product.c_row = c_.stride;
    product.depth = depth.size();
    product.output = depth.begin == 0 ? output_ : Output::accumulate;
    product.bias = bias_ == nullptr ? nullptr : bias_ + columns.begin;
    product.packed = panel_;
    const auto multiply = [&](TileFunction<T> tile, Range of_tile) {
      product.a = a_.data + of_tile.begin * a_.row + depth.begin * a_.depth;
      product.c = c_.row(of_tile.begin) + columns.begin;
      product.rows = of_tile.size();
      if (whole) {
        tile(product);
      } else {
        multiply_edge_tile<T>(tile, columns.size(), product);
      }
    };
    Range rest = rows;
    if constexpr (unpacks) {
      b_.unpack(depth, columns, panel_, panel_row);
    } else if (b_.is_transposed) {
      pack_columns(b_, depth.begin, depth.size(), columns.begin, columns.size(), panel_, panel_row);
    } else if (!whole) {
      pack_rows(b_, depth.begin, depth.size(), columns.begin, columns.size(), panel_, panel_row);
    } else {
      // The first tile reads B in place, and packs it if other tiles follow.
      product.b = b_.data + depth.begin * b_.stride + columns.begin;
      product.b_row = b_.stride;
      if (rows.size() > Tile::rows) {
        rest.begin += Tile::rows;
        multiply(packing_tile_table<T>[static_cast<std::size_t>(vectors - 1)],
                 { rows.begin, rest.begin });
        product.b = panel_;
        product.b_row = panel_row;
      }
    }
    const Index tiles = (rest.size() + Tile::rows - 1) / Tile::rows;
    const Index pairs = (rest.size() + 1) / 2;
    for (Index t = 0; t < tiles; ++t) {
      const Range of_tile{rest.begin + pairs * t / tiles * 2,
                          std::min(rest.begin + pairs * (t + 1) / tiles * 2, rest.end)};
      product.ahead = output_ == Output::accumulate
                          ? outputs_ahead({of_tile.end, rows.end}, columns)
                          : operand_ahead(next, t, tiles);
      multiply(tile_function<T>(of_tile.size(), vectors), of_tile);
    }
  }

  Range columns_of(const Panel& panel) const {
    return {columns_.begin + panel.vectors.begin * simd::width<T>,
            std::min(columns_.begin + panel.vectors.end * simd::width<T>, columns_.end)};
  }

  /// The lines that a tile prefetches if outputs are accumulated: the outputs of the tile after it.
  LinesAhead<T> outputs_ahead(Range behind, Range columns) const {
    if (behind.empty()) return {};
    return lines_of_rows<T>(c_.row(behind.begin) + columns.begin,
                            std::min<Index>(behind.size(), Tile::rows), columns.size(), c_.stride);
  }

  /// ... and otherwise: tile t's share of the part of B for the next panel. Equal shares per tile
  /// spread the memory traffic.
  LinesAhead<T> operand_ahead(const Panel& next, Index t, Index tiles) const {
    const Range columns = columns_of(next);
    if (columns.empty()) return {};
    if constexpr (requires { b_.ahead(next.depth, columns, t, tiles); }) {
      return b_.ahead(next.depth, columns, t, tiles);
    } else if constexpr (unpacks) {
      return {};
    } else {
      const Range rows = b_.is_transposed ? columns : next.depth;
      const Range along = b_.is_transposed ? next.depth : columns;
      const Range share{rows.begin + rows.size() * t / tiles,
                        rows.begin + rows.size() * (t + 1) / tiles};
      return lines_of_rows(b_.data + share.begin * b_.stride + along.begin, share.size(),
                           along.size(), b_.stride);
    }
  }

  LeftOperand<T> a_;
  Right b_;
  MatrixView<T> c_;
  Range rows_;
  Range columns_;
  Index depth_;
  Output output_;
  const T* bias_;
  T* panel_;
  Index panel_depth_;
};

template <Scalar T>
void multiply_block(const LeftOperand<T>& a, const RightOperand<T>& b, MatrixView<T> c,
                    const Rectangle& share, Index depth, Output output, const T* bias,
                    std::span<T> panel) {
  if (share.rows.empty()) return;
  if (share.rows.size() > most_streamed_rows || a.depth != 1) {
    return BlockProduct<T>(a, b, c, share, depth, output, bias, panel).run();
  }
  const Range rows = share.rows;
  const Range columns = share.columns;
  stream_product<T>({a.data + rows.begin * a.row, a.row, b.columns_from(columns.begin),
                     c.block(rows.begin, rows.size(), columns.begin, columns.size()), depth, output,
                     bias == nullptr ? nullptr : bias + columns.begin});
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
