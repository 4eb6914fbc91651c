// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_LINES_TO_GROUP_HPP)
#define OCTAVO_KERNELS_LINES_TO_GROUP_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/kernels/lines_of_group.hpp>
#include <octavo/kernels/word_vectors.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Puts pieces of neighbouring lines, which lie as in a file, into groups: the words of a vector of
// lines are transposed in registers. The lines may begin at any byte.
#define OCTAVO_FILE "octavo/kernels/lines_to_group.hpp"
#include <octavo/kernels/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail {

/// Four words at `from` and at every fourth line after it, of as many lines as fill a vector.
OCTAVO_ALWAYS_INLINE Words load_every_fourth(const std::byte* from, std::size_t step) {
#if OCTAVO_VECTOR_BYTES == 64
  return OCTAVO_X86_LOAD_FOURS_64(Words, from, from + 4 * step, from + 8 * step, from + 12 * step);
#elif OCTAVO_VECTOR_BYTES == 32
  using FourWords = typename simd::detail::VectorType<std::uint32_t, 16>::type;
  FourWords first, second;
  std::memcpy(&first, from, sizeof(first));
  std::memcpy(&second, from + 4 * step, sizeof(second));
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  static_cast<void>(step);
  return load_words(from);
#endif
}

/// In every four lanes, from two vectors: a0 b0 a1 b1 (offset 0) or a2 b2 a3 b3 (2).
template <int offset, std::size_t... lane>
OCTAVO_ALWAYS_INLINE Words zipped(Words a, Words b, std::index_sequence<lane...>) {
  constexpr int lanes = sizeof...(lane);
  return __builtin_shufflevector(a, b,
                                 (static_cast<int>(lane) / 4 * 4 + static_cast<int>(lane) % 4 / 2 +
                                  offset + (lane % 2 == 1 ? lanes : 0))...);
}
/// In every two lanes of 64 bits: a0 b0 (offset 0) or a1 b1 (1).
template <std::size_t offset, std::size_t... lane>
OCTAVO_ALWAYS_INLINE Words paired(Words a, Words b, std::index_sequence<lane...>) {
  using Pairs = typename simd::detail::VectorType<std::uint64_t, simd::vector_bytes>::type;
  constexpr std::size_t lanes = sizeof...(lane);
  return reinterpret_cast<Words>(
      __builtin_shufflevector(reinterpret_cast<Pairs>(a), reinterpret_cast<Pairs>(b),
                              static_cast<int>(lane / 2 * 2 + offset + lane % 2 * lanes)...));
}

/// Stores four words of a vector of lines, whose first one is at `from`, to four rows of a group.
OCTAVO_ALWAYS_INLINE void put_four_words(const std::byte* from, std::size_t step, std::byte* to) {
  constexpr auto lanes = std::make_index_sequence<static_cast<std::size_t>(float_lanes)>{};
  constexpr auto pairs = std::make_index_sequence<static_cast<std::size_t>(float_lanes / 2)>{};
  const Words a = load_every_fourth(from, step), b = load_every_fourth(from + step, step);
  const Words c = load_every_fourth(from + 2 * step, step);
  const Words d = load_every_fourth(from + 3 * step, step);
  const Words ab = zipped<0>(a, b, lanes), cd = zipped<0>(c, d, lanes);
  const Words rest_ab = zipped<2>(a, b, lanes), rest_cd = zipped<2>(c, d, lanes);
  const Words words[]{paired<0>(ab, cd, pairs), paired<1>(ab, cd, pairs),
                      paired<0>(rest_ab, rest_cd, pairs), paired<1>(rest_ab, rest_cd, pairs)};
  OCTAVO_UNROLL
  for (std::size_t i = 0; i < 4; ++i) {
    std::memcpy(to + i * octavo::detail::group_word_bytes, &words[i], sizeof(Words));
  }
}

/// A vector of lines of a matrix in StoredLayout::lines.
struct FileLines {
  const std::byte* begin[array_size(float_lanes)];
  std::size_t step = 0;  ///< between neighbours; 0 if it differs

  FileLines() = default;
  /// Outputs or rows `first` and after; lines after the last one repeat it.
  FileLines(const StoredMatrix& matrix, Index first) {
    const auto bytes = stored_matrix_bytes(matrix.type, StoredLayout::lines, 1, matrix.length);
    bool even = true;
    for (std::size_t i = 0; i < array_size(float_lanes); ++i) {
      const Index output = std::min(first + static_cast<Index>(i), matrix.lines - 1);
      begin[i] = matrix.data + static_cast<std::size_t>(matrix.file_line(output)) * bytes;
      even &= i < 2 || begin[i] - begin[i - 1] == begin[1] - begin[0];
    }
    if (even && begin[1] > begin[0]) step = static_cast<std::size_t>(begin[1] - begin[0]);
  }
};

/// The bytes of some numbers of a line in a file.
template <StoredType type>
constexpr std::size_t line_bytes(Index numbers) noexcept {
  return octavo::detail::stored_bytes(type, static_cast<std::size_t>(numbers));
}

/// Puts words, or what is left of one, at byte `at` of the lines into rows of a group, one by one.
inline void put_single_words(const FileLines& lines, std::size_t at, std::size_t bytes,
                             std::byte* to) {
  constexpr std::size_t size = sizeof(std::uint32_t);
  for (std::size_t i = 0; i < array_size(float_lanes); ++i) {
    for (std::size_t done = 0; done < bytes; done += size) {
      std::memcpy(to + done / size * octavo::detail::group_word_bytes + i * size,
                  lines.begin[i] + at + done, std::min(size, bytes - done));
    }
  }
}

/// Puts `bytes` bytes at byte `at` of the lines into rows of a group.
OCTAVO_ALWAYS_INLINE void put_words(const FileLines& lines, std::size_t at, std::size_t bytes,
                                    std::byte* to) {
  constexpr std::size_t four = 4 * sizeof(std::uint32_t);
  constexpr std::size_t rows = 4 * octavo::detail::group_word_bytes;
  if (lines.step == 0 || bytes < four) return put_single_words(lines, at, bytes, to);
  const std::byte* const from = lines.begin[0] + at;
  for (std::size_t i = 0; i < bytes / four; ++i) {
    put_four_words(from + i * four, lines.step, to + i * rows);
  }
  const std::size_t rest = bytes % four;
  if (rest == 0) return;
  if (rest % sizeof(std::uint32_t) != 0) {  // half a word
    return put_single_words(lines, at + bytes - rest, rest, to + bytes / four * rows);
  }
  // Some words again.
  put_four_words(from + bytes - four, lines.step,
                 to + (bytes - four) / sizeof(std::uint32_t) * octavo::detail::group_word_bytes);
}

/// Puts numbers [first, first + count) of a vector of lines into blocks of a group. `to`: the first
/// of the blocks; `lane`: that of the first line.
template <StoredType type>
void put_lines_in_group(const FileLines& lines, Index first, Index count, std::byte* to,
                        std::size_t lane) {
  using Lines = LinesOfGroup<type>;
  constexpr std::size_t words = octavo::detail::group_words(type);
  const std::size_t begin = line_bytes<type>(first), size = line_bytes<type>(count);
  if constexpr (block_of(type) == 1) {
    return put_words(lines, begin, size, to + lane * sizeof(std::uint32_t));
  }
  constexpr std::size_t block_bytes = octavo::detail::traits_of(type).block_bytes;
  for (std::size_t at = begin; at < begin + size; at += block_bytes, to += Lines::bytes) {
    std::byte* rows = to;
    if constexpr (octavo::detail::has_half(type)) {
      for (std::size_t i = 0; i < array_size(float_lanes); ++i) {
        std::memcpy(to + (lane + i) * sizeof(Float16),
                    lines.begin[i] + at + octavo::detail::half_offset(type), sizeof(Float16));
      }
      rows += octavo::detail::group_half_bytes;
    }
    put_words(lines, at + octavo::detail::words_offset(type), words * sizeof(std::uint32_t),
              rows + lane * sizeof(std::uint32_t));
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
