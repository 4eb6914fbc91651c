// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_STORED_STREAM_HPP)
#define OCTAVO_KERNELS_STORED_STREAM_HPP

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/stored_blocks.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Products of few rows with a matrix in groups, as in generation: its bytes are read once, in long
// contiguous ranges, and decoded in registers.
#define OCTAVO_FILE "octavo/kernels/stored_stream.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// With more rows, unpacking a panel is faster.
inline constexpr Index most_rows_of_groups = 4;

/// y (+)= x W^T for some of the outputs of W. Each output is one chain of fused multiply-adds in
/// increasing k, as in a tile.
struct GroupedProduct {
  const float* x = nullptr;  ///< element (r, k) at r * x_row + k
  Index x_row = 0;
  const StoredMatrix* w = nullptr;
  MatrixView<float> y;  ///< [1 to most_rows_of_groups, all outputs]
  Range columns;        ///< the outputs to compute, from a multiple of a group on
  Output output = Output::overwrite;
  const float* bias = nullptr;
};

/// Some neighbouring vectors of outputs, and all rows. If there are fewer, the last one is computed
/// again, with the same bits.
template <StoredType type, int Rows, int Vectors>
void stream_vectors(const GroupedProduct& product, Index first) {
  using Lines = LinesOfGroup<type>;
  const Index last = product.columns.end - 1;
  const StoredMatrix& w = *product.w;
  const std::byte* block[array_size(Vectors)];
  const std::byte* ahead[array_size(Vectors)];
  Index column[array_size(Vectors)];
  const float* x[array_size(Rows)];
  Floats sum[array_size(Vectors)][array_size(Rows)];
  OCTAVO_UNROLL
  for (int r = 0; r < Rows; ++r) {
    x[r] = product.x + std::min<Index>(r, product.y.rows - 1) * product.x_row;
  }
  OCTAVO_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    column[v] = std::min(first + v * float_lanes, last / float_lanes * float_lanes);
    block[v] = group_block<type>(w, column[v], 0);
    ahead[v] = group_block<type>(w, std::min(column[v] + Vectors * float_lanes, last), 0);
    const Index count = std::min(float_lanes, product.columns.end - column[v]);
    OCTAVO_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const Index row = std::min<Index>(r, product.y.rows - 1);
      sum[v][r] = product.output == Output::overwrite ? Floats{}
                  : product.output == Output::bias
                      ? simd::load_partial(product.bias + column[v], count)
                      : simd::load_partial(product.y.row(row) + column[v], count);
    }
  }
  for (Index k = 0; k < w.length; k += Lines::numbers) {
    Lines lines[array_size(Vectors)];
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      lines[v] = Lines(block[v], static_cast<std::size_t>(column[v] % group_lines));
      block[v] += Lines::bytes;
      for (std::size_t line = 0; line < Lines::bytes; line += alignment_bytes) {
        __builtin_prefetch(ahead[v] + line, 0, 2);
      }
      ahead[v] += Lines::bytes;
    }
    const Index rest = w.length - k;
    OCTAVO_UNROLL
    for (int pass = 0; pass < Lines::passes; ++pass) {
      for (int n = 0; n < Lines::words; ++n) {
        Words word[array_size(Vectors)];
        OCTAVO_UNROLL
        for (int v = 0; v < Vectors; ++v) word[v] = lines[v].word(n);
        OCTAVO_UNROLL
        for (int i = 0; i < Lines::per_pass; ++i) {
          const Index at = (pass * Lines::words + n) * Lines::per_pass + i;
          if (octavo::detail::has_scales(type) || at < rest) {
            OCTAVO_UNROLL
            for (int v = 0; v < Vectors; ++v) {
              const Floats number = lines[v].number(word[v], pass, i);
              OCTAVO_UNROLL
              for (int r = 0; r < Rows; ++r) {
                sum[v][r] = simd::fma(simd::broadcast(x[r][k + at]), number, sum[v][r]);
              }
            }
          }
        }
      }
    }
  }
  OCTAVO_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    const Index count = std::min(float_lanes, product.columns.end - column[v]);
    for (Index r = 0; r < product.y.rows; ++r) {
      simd::store_partial(product.y.row(r) + column[v], sum[v][r], count);
    }
  }
}

/// As many vectors of outputs for one row as hide the latency of the multiply-adds.
inline constexpr int streamed_vectors = simd::vector_bytes == 64 ? 3 : 4;

inline void stream_groups(const GroupedProduct& product) {
  with_grouped_type(product.w->type, [&](auto type) {
    const bool one = product.y.rows == 1;
    const Index step = (one ? streamed_vectors : 2) * float_lanes;
    for (Index j = product.columns.begin; j < product.columns.end; j += step) {
      one ? stream_vectors<type.value, 1, streamed_vectors>(product, j)
          : stream_vectors<type.value, 4, 2>(product, j);
    }
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
