// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_STORED_BLOCKS_HPP)
#define OCTAVO_KERNELS_STORED_BLOCKS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/lines_of_group.hpp>
#include <octavo/kernels/lines_to_group.hpp>
#include <octavo/kernels/matmul_pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Decodes parts of stored matrices in registers. Every number is exactly the one that decode_line
// gives.
#define OCTAVO_FILE "octavo/kernels/stored_blocks.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// The first byte of the block with number k of output j, in a matrix of groups.
template <StoredType type>
const std::byte* group_block(const StoredMatrix& matrix, Index j, Index k) {
  const std::size_t bytes = octavo::detail::group_bytes(type, matrix.length);
  return matrix.data + static_cast<std::size_t>(j / group_lines) * bytes +
         static_cast<std::size_t>(k / LinesOfGroup<type>::numbers) * LinesOfGroup<type>::bytes;
}

/// panel[k, j] = number k of line j, for the vector of lines from `lane` on in the groups at
/// `block`. Prefetches as many bytes `ahead` of them, if not 0.
template <StoredType type>
void unpack_vector(const std::byte* block, std::size_t lane, Index depth, std::size_t ahead,
                   float* panel, Index panel_row) {
  using Lines = LinesOfGroup<type>;
  for (Index k = 0; k < depth; k += Lines::numbers, block += Lines::bytes) {
    for (std::size_t at = 0; ahead > 0 && at < Lines::bytes; at += alignment_bytes) {
      __builtin_prefetch(block + ahead + at, 0, 2);
    }
    const Lines lines(block, lane);
    const Index rest = depth - k;
    for_each_number<type>(lines, [&](int i, Floats number) {
      if (block_of(type) > 1 || i < rest) simd::store(panel + (k + i) * panel_row, number);
    });
  }
}

/// The same of a matrix in groups.
template <StoredType type>
void unpack_grouped(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                    float* panel, Index panel_row) {
  using Lines = LinesOfGroup<type>;
  unpack_vector<type>(
      group_block<type>(matrix, first_j, first_k), static_cast<std::size_t>(first_j % group_lines),
      depth, static_cast<std::size_t>(depth / Lines::numbers) * Lines::bytes, panel, panel_row);
}

/// ... of a matrix in lines, piece by piece through a small group.
template <StoredType type>
void unpack_through_group(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                          float* panel, Index panel_row) {
  using Lines = LinesOfGroup<type>;
  constexpr Index piece = std::max<Index>(64, Lines::numbers);
  alignas(alignment_bytes) std::byte group[octavo::detail::group_bytes(type, piece)];
  const FileLines lines(matrix, first_j);
  for (Index k = 0; k < depth; k += piece, panel += piece * panel_row) {
    const Index count = std::min(piece, depth - k);
    put_lines_in_group<type>(lines, first_k + k, count, group, 0);
    unpack_vector<type>(group, 0, count, 0, panel, panel_row);
  }
}

/// panel[k, j] = number first_k + k of output first_j + j, from lines as files have them; columns
/// from `columns` to `panel_row` are zero.
template <Scalar T>
void unpack_lines(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                  Index columns, T* panel, Index panel_row) {
  constexpr Index width = simd::width<T>;
  constexpr Index most = octavo::detail::panel_depth;
  alignas(alignment_bytes) T lines[array_size(width * most)];
  for (Index j = 0; j < panel_row; j += width) {
    const Index count = std::clamp<Index>(columns - j, 0, width);
    for (Index i = 0; i < count; ++i) {
      float numbers[most];
      float* to = numbers;
      if constexpr (std::is_same_v<T, float>) to = lines + i * most;
      decode_line(matrix, first_j + j + i, first_k, std::span(to, static_cast<std::size_t>(depth)));
      if constexpr (!std::is_same_v<T, float>) std::copy_n(to, depth, lines + i * most);
    }
    pack_vector_of_columns<T>(lines, most, depth, count, panel + j, panel_row);
  }
}

/// panel[k, j] = number first_k + k of output first_j + j; first_j is a multiple of a vector. Tiles
/// ignore the panel's columns from `columns` on.
template <Scalar T>
void unpack_outputs(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                    Index columns, T* panel, Index panel_row) {
  if constexpr (std::is_same_v<T, float>) {
    return with_grouped_type(matrix.type, [&](auto type) {
      const auto unpack = matrix.layout == StoredLayout::grouped ? unpack_grouped<type.value>
                                                                 : unpack_through_group<type.value>;
      for (Index j = 0; j < panel_row; j += float_lanes) {
        unpack(matrix, first_k, depth, first_j + j, panel + j, panel_row);
      }
    });
  }
  unpack_lines(matrix, first_k, depth, first_j, columns, panel, panel_row);
}

/// square[i] = number `first` + i of each of a vector of neighbouring lines, 0 after the lines'
/// end. `first` and `line` are multiples of a vector; `pass`: the one that has the numbers.
template <StoredType type>
OCTAVO_ALWAYS_INLINE void decode_square(const StoredMatrix& matrix, Index line, Index first,
                                        int pass, Floats (&square)[float_lanes]) {
  using Lines = LinesOfGroup<type>;
  constexpr int in_block = std::min<int>(float_lanes, Lines::numbers);
  const std::byte* block = group_block<type>(matrix, line, first);
  const auto before =
      static_cast<int>(first % (Lines::pass_words * Lines::per_pass)) / Lines::per_pass;
  OCTAVO_UNROLL
  for (int b = 0; b < float_lanes; b += in_block, block += Lines::bytes) {
    const bool there = block_of(type) > 1 || first + b < matrix.length;
    const Lines lines =
        there ? Lines(block, static_cast<std::size_t>(line % group_lines)) : Lines();
    OCTAVO_UNROLL
    for (int i = 0; i < in_block; ++i) {
      const int word = before + i / Lines::per_pass;
      square[b + i] =
          there ? lines.number(lines.word(pass, word), pass, i % Lines::per_pass) : Floats{};
    }
  }
}

/// panel[k, j] = number first_j + j of output first_k + k for a vector of j, from a matrix of
/// groups: decoded for a vector of outputs at a time, transposed in registers.
template <StoredType type>
void unpack_vector_of_inputs(const StoredMatrix& matrix, Range outputs, Index first_j, float* panel,
                             Index panel_row) {
  using Lines = LinesOfGroup<type>;
  constexpr int last = Lines::passes - 1;
  const auto pass = static_cast<int>(first_j % Lines::numbers) / (Lines::numbers / Lines::passes);
  for (Index line = outputs.begin / float_lanes * float_lanes; line < outputs.end;
       line += float_lanes) {
    if (line + 2 * float_lanes < outputs.end) {
      const std::byte* const ahead = group_block<type>(matrix, line + 2 * float_lanes, first_j);
      for (std::size_t at = 0; at < Lines::bytes; at += alignment_bytes) {
        __builtin_prefetch(ahead + at);
      }
    }
    Floats square[array_size(float_lanes)];
    if constexpr (Lines::few_passes) {  // known to the compiler
      pass == 0 ? decode_square<type>(matrix, line, first_j, 0, square)
                : decode_square<type>(matrix, line, first_j, last, square);
    } else {
      decode_square<type>(matrix, line, first_j, pass, square);
    }
    simd::transpose<float>(square);
    float* const to = panel + (line - outputs.begin) * panel_row;
    if (line >= outputs.begin && line + float_lanes <= outputs.end) {
      OCTAVO_UNROLL
      for (Index i = 0; i < float_lanes; ++i) simd::store(to + i * panel_row, square[i]);
      continue;
    }
    for (Index i = std::max<Index>(outputs.begin - line, 0);
         i < std::min(float_lanes, outputs.end - line); ++i) {
      simd::store(to + i * panel_row, square[i]);
    }
  }
}

/// panel[k, j] = number first_j + j of output first_k + k; first_j is a multiple of a vector. Tiles
/// ignore the panel's columns from `columns` on.
template <Scalar T>
void unpack_inputs(const StoredMatrix& matrix, Index first_k, Index depth, Index first_j,
                   Index columns, T* panel, Index panel_row) {
  if constexpr (std::is_same_v<T, float>) {
    if (matrix.layout == StoredLayout::grouped) {
      return with_grouped_type(matrix.type, [&](auto type) {
        for (Index j = 0; j < columns; j += float_lanes) {
          unpack_vector_of_inputs<type.value>(matrix, {first_k, first_k + depth}, first_j + j,
                                              panel + j, panel_row);
        }
      });
    }
  }
  const auto block = std::max<Index>(static_cast<Index>(block_of(matrix.type)), 2);
  const Index first = first_j / block * block;
  const Index end = std::min(matrix.length, (first_j + columns + block - 1) / block * block);
  std::array<float, 1024> numbers;
  for (Index k = 0; k < depth; ++k, panel += panel_row) {
    const auto line = std::span(numbers).first(static_cast<std::size_t>(end - first));
    decode_line(matrix, first_k + k, first, line);
    std::copy_n(numbers.data() + (first_j - first), columns, panel);
    std::fill(panel + columns, panel + panel_row, T{0});
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
