// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_STORED_STREAM_HPP)
#define OCTAVO_KERNELS_STORED_STREAM_HPP

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/stored_blocks.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Products of few rows with a stored matrix, as in generation: its bytes are read once, in long
// contiguous ranges, and decoded in registers.
#define OCTAVO_FILE "octavo/kernels/stored_stream.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// With more rows, unpacking a panel is faster.
inline constexpr Index most_rows_of_groups = 4;

/// Bytes of a line in a file that are in a group at one time, so that the group stays in the
/// first-level cache.
inline constexpr std::size_t piece_bytes = 256;

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

/// Keeps the compiler from seeing that pointers are equal.
OCTAVO_ALWAYS_INLINE void hide_value([[maybe_unused]] const float*& pointer) {
#if OCTAVO_VECTOR_BYTES == 64
  asm("" : "+r"(pointer));
#endif
}

/// Some neighbouring vectors of outputs, and all rows. If there are fewer, the last one is computed
/// again, with the same bits.
template <StoredType type, int Rows, int Vectors>
class VectorStream {
 public:
  using Lines = LinesOfGroup<type>;
  using Places = const std::byte * [array_size(Vectors)];

  /// Begins the chains of the outputs from `first` on.
  OCTAVO_ALWAYS_INLINE VectorStream(const GroupedProduct& product, Index first)
      : product_(product) {
    const Index last = product.columns.end - 1;
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) {
        x_[v][r] = product.x + std::min<Index>(r, product.y.rows - 1) * product.x_row;
        hide_value(x_[v][r]);
      }
      column_[v] = std::min(first + v * float_lanes, last / float_lanes * float_lanes);
      const Index count = std::min(float_lanes, product.columns.end - column_[v]);
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Index row = std::min<Index>(r, product.y.rows - 1);
        sum_[v][r] = product.output == Output::overwrite ? Floats{}
                     : product.output == Output::bias
                         ? simd::load_partial(product.bias + column_[v], count)
                         : simd::load_partial(product.y.row(row) + column_[v], count);
      }
    }
  }

  /// The first output of a vector.
  OCTAVO_ALWAYS_INLINE Index column(int vector) const { return column_[vector]; }

  /// Adds the terms of some numbers, whose blocks are at `blocks`, one place for each vector.
  /// prefetch(pass) is called before every pass of a block.
  template <typename Prefetch>
  OCTAVO_ALWAYS_INLINE void add(Range numbers, const Places& blocks, Prefetch prefetch) {
    const std::byte* block[array_size(Vectors)];
    Floats sum[array_size(Vectors)][array_size(Rows)];
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      block[v] = blocks[v];
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) sum[v][r] = sum_[v][r];
    }
    for (Index k = numbers.begin; k < numbers.end; k += Lines::numbers) {
      Lines lines[array_size(Vectors)];
      OCTAVO_UNROLL
      for (int v = 0; v < Vectors; ++v) {
        lines[v] = Lines(block[v], static_cast<std::size_t>(column_[v] % group_lines));
        block[v] += Lines::bytes;
      }
      add_block(lines, k, numbers.end - k, sum, prefetch);
    }
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      OCTAVO_UNROLL
      for (int r = 0; r < Rows; ++r) sum_[v][r] = sum[v][r];
    }
  }

  /// Stores the outputs.
  OCTAVO_ALWAYS_INLINE void finish() const {
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      const Index count = std::min(float_lanes, product_.columns.end - column_[v]);
      for (Index r = 0; r < product_.y.rows; ++r) {
        simd::store_partial(product_.y.row(r) + column_[v], sum_[v][r], count);
      }
    }
  }

 private:
  template <typename Prefetch>
  OCTAVO_ALWAYS_INLINE void add_block(const Lines (&lines)[array_size(Vectors)], Index k,
                                      Index rest,
                                      Floats (&sum)[array_size(Vectors)][array_size(Rows)],
                                      Prefetch prefetch) const {
    for_each_pass<Lines>([&](int pass) OCTAVO_INLINE_LAMBDA {
      prefetch(pass);
      for (int w = 0; w < Lines::pass_words; ++w) {
        Words word[array_size(Vectors)];
        OCTAVO_UNROLL
        for (int v = 0; v < Vectors; ++v) {
          word[v] = in_register(lines[v].word(pass, w));
        }
        OCTAVO_UNROLL
        for (int i = 0; i < Lines::per_pass; ++i) {
          const Index at = (pass * Lines::pass_words + w) * Lines::per_pass + i;
          if (block_of(type) > 1 || at < rest) {
            OCTAVO_UNROLL
            for (int v = 0; v < Vectors; ++v) {
              const Floats number = lines[v].number(word[v], pass, i);
              OCTAVO_UNROLL
              for (int r = 0; r < Rows; ++r) {
                sum[v][r] = simd::fma(simd::broadcast(x_[v][r][k + at]), number, sum[v][r]);
              }
            }
          }
        }
      }
    });
  }

  const GroupedProduct& product_;
  Index column_[array_size(Vectors)];
  /// One for each vector, so that multiply-adds read their factor from memory: with AVX-512 that is
  /// faster than reading it once to a register.
  const float* x_[array_size(Vectors)][array_size(Rows)];
  Floats sum_[array_size(Vectors)][array_size(Rows)];
};

/// The outputs of some vectors of a matrix in groups.
template <StoredType type, int Rows, int Vectors>
void stream_grouped(const GroupedProduct& product, Index first) {
  using Lines = LinesOfGroup<type>;
  const Index last = product.columns.end - 1;
  const StoredMatrix& w = *product.w;
  VectorStream<type, Rows, Vectors> stream(product, first);
  const std::byte* block[array_size(Vectors)];
  const std::byte* ahead[array_size(Vectors)];
  OCTAVO_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    const Index column = stream.column(v);
    block[v] = group_block<type>(w, column, 0);
    ahead[v] = group_block<type>(w, std::min(column + Vectors * float_lanes, last), 0);
  }
  constexpr std::size_t passes = static_cast<std::size_t>(Lines::passes);
  stream.add({0, w.length}, block, [&](int pass) OCTAVO_INLINE_LAMBDA {
    const std::size_t at = static_cast<std::size_t>(pass) * Lines::bytes / passes;
    OCTAVO_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      for (std::size_t line = 0; line < Lines::bytes / passes; line += alignment_bytes) {
        __builtin_prefetch(ahead[v] + at + line, 0, 2);
      }
      if (pass + 1 == Lines::passes) ahead[v] += Lines::bytes;
    }
  });
  stream.finish();
}

/// Prefetches consecutive bytes, some at a time.
struct BytesAhead {
  const std::byte* next;
  OCTAVO_ALWAYS_INLINE void fetch(std::size_t lines) {
    for (; lines > 0; --lines, next += alignment_bytes) __builtin_prefetch(next, 0, 2);
  }
};

/// ... of a matrix in lines, which go piece by piece through small groups. Meanwhile the lines
/// after these are prefetched, in the order of the file.
template <StoredType type, int Rows, int Vectors>
void stream_lines(const GroupedProduct& product, Index first) {
  using Lines = LinesOfGroup<type>;
  constexpr std::size_t block_bytes = line_bytes<type>(Lines::numbers);
  constexpr Index piece = std::max<Index>(1, piece_bytes / block_bytes) * Lines::numbers;
  constexpr std::size_t group_size = octavo::detail::group_bytes(type, piece);
  constexpr std::size_t groups = (Vectors * float_lanes + group_lines - 1) / group_lines;
  constexpr Index all_lines = Vectors * float_lanes;
  alignas(alignment_bytes) std::byte group[groups * group_size];
  const auto group_of = [&](int v) {
    return group + static_cast<std::size_t>(v * float_lanes / group_lines) * group_size;
  };
  const StoredMatrix& w = *product.w;
  VectorStream<type, Rows, Vectors> stream(product, first);
  const std::size_t all_bytes = static_cast<std::size_t>(all_lines) * line_bytes<type>(w.length);
  BytesAhead ahead{w.data + static_cast<std::size_t>(first) * line_bytes<type>(w.length) +
                   all_bytes};
  FileLines lines[array_size(Vectors)];
  const std::byte* block[array_size(Vectors)];
  OCTAVO_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    lines[v] = FileLines(w, stream.column(v));
    block[v] = group_of(v);
  }
  for (Index k = 0; k < w.length; k += piece) {
    const Index count = std::min(piece, w.length - k);
    const std::size_t share =
        static_cast<std::size_t>(all_lines) * line_bytes<type>(count) / alignment_bytes;
    for (int v = 0; v < Vectors; ++v) {
      ahead.fetch(share / 2 / Vectors);
      put_lines_in_group<type>(lines[v], k, count, group_of(v),
                               static_cast<std::size_t>(stream.column(v) % group_lines));
    }
    const std::size_t passes =
        array_size((count + Lines::numbers - 1) / Lines::numbers * Lines::passes);
    stream.add({k, k + count}, block, [&](int) { ahead.fetch((share / 2 + passes - 1) / passes); });
  }
  stream.finish();
}

/// As many vectors of outputs for one row as hide the latency of the multiply-adds.
inline constexpr int streamed_vectors = simd::vector_bytes == 64 ? 3 : 4;

/// A template so that only programs with stored matrices instantiate the streams of all types.
template <Scalar T>
void stream_stored(const GroupedProduct& product) {
  with_grouped_type(product.w->type, [&](auto type) {
    constexpr StoredType t = type.value;
    const bool one = product.y.rows == 1;
    const Index step = (one ? streamed_vectors : 2) * float_lanes;
    const bool grouped = product.w->layout == StoredLayout::grouped;
    const auto stream = grouped
                            ? one ? stream_grouped<t, 1, streamed_vectors> : stream_grouped<t, 4, 2>
                        : one ? stream_lines<t, 1, streamed_vectors>
                              : stream_lines<t, 4, 2>;
    for (Index j = product.columns.begin; j < product.columns.end; j += step) stream(product, j);
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
