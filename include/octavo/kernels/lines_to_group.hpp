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

/// Four words of each of every fourth line, of as many as fill a vector.
OCTAVO_ALWAYS_INLINE Words load_every_fourth(const std::byte* const* lines, std::size_t at) {
#if OCTAVO_VECTOR_BYTES == 64
  auto words = OCTAVO_X86_LOAD_FOURS_64(Words{}, 0xffff, lines[0] + at);
  words = OCTAVO_X86_LOAD_FOURS_64(words, 0x00f0, lines[4] + at);
  words = OCTAVO_X86_LOAD_FOURS_64(words, 0x0f00, lines[8] + at);
  words = OCTAVO_X86_LOAD_FOURS_64(words, 0xf000, lines[12] + at);
  return reinterpret_cast<Words>(words);
#elif OCTAVO_VECTOR_BYTES == 32
  using FourWords = typename simd::detail::VectorType<std::uint32_t, 16>::type;
  FourWords first, second;
  std::memcpy(&first, lines[0] + at, sizeof(first));
  std::memcpy(&second, lines[4] + at, sizeof(second));
  return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return load_words(lines[0] + at);
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
/// ... a0 a1 b0 b1 (offset 0) or a2 a3 b2 b3 (2).
template <int offset, std::size_t... lane>
OCTAVO_ALWAYS_INLINE Words paired(Words a, Words b, std::index_sequence<lane...>) {
  constexpr int lanes = sizeof...(lane);
  return __builtin_shufflevector(a, b,
                                 (static_cast<int>(lane) / 4 * 4 + static_cast<int>(lane) % 2 +
                                  offset + (lane % 4 >= 2 ? lanes : 0))...);
}

/// Stores the four words at byte `at` of a vector of lines to four rows of a group.
OCTAVO_ALWAYS_INLINE void put_four_words(const std::byte* const* lines, std::size_t at,
                                         std::byte* to) {
  constexpr auto lanes = std::make_index_sequence<static_cast<std::size_t>(float_lanes)>{};
  const Words a = load_every_fourth(lines, at), b = load_every_fourth(lines + 1, at);
  const Words c = load_every_fourth(lines + 2, at), d = load_every_fourth(lines + 3, at);
  const Words ab = zipped<0>(a, b, lanes), cd = zipped<0>(c, d, lanes);
  const Words rest_ab = zipped<2>(a, b, lanes), rest_cd = zipped<2>(c, d, lanes);
  const Words words[]{paired<0>(ab, cd, lanes), paired<2>(ab, cd, lanes),
                      paired<0>(rest_ab, rest_cd, lanes), paired<2>(rest_ab, rest_cd, lanes)};
  OCTAVO_UNROLL
  for (std::size_t i = 0; i < 4; ++i) {
    std::memcpy(to + i * octavo::detail::group_word_bytes, &words[i], sizeof(Words));
  }
}

/// A vector of lines of a matrix in StoredLayout::lines.
struct FileLines {
  const std::byte* begin[array_size(float_lanes)];

  FileLines() = default;
  /// Outputs or rows `first` and after; lines after the last one repeat it.
  FileLines(const StoredMatrix& matrix, Index first) {
    const auto bytes = stored_matrix_bytes(matrix.type, StoredLayout::lines, 1, matrix.length);
    for (Index i = 0; i < float_lanes; ++i) {
      const Index line = matrix.file_line(std::min(first + i, matrix.lines - 1));
      begin[i] = matrix.data + static_cast<std::size_t>(line) * bytes;
    }
  }
};

/// The bytes of some numbers of a line in a file.
template <StoredType type>
constexpr std::size_t line_bytes(Index numbers) noexcept {
  return octavo::detail::stored_bytes(type, static_cast<std::size_t>(numbers));
}

/// Puts `words` words at byte `at` of the lines into rows of a group.
inline void put_words(const std::byte* const* lines, std::size_t at, std::size_t words,
                      std::byte* to) {
  constexpr std::size_t size = sizeof(std::uint32_t);
  std::size_t done = 0;
  for (; done + 4 <= words; done += 4) {
    put_four_words(lines, at + done * size, to + done * octavo::detail::group_word_bytes);
  }
  if (done < words && words >= 4) {  // some of them again
    done = words - 4;
    return put_four_words(lines, at + done * size, to + done * octavo::detail::group_word_bytes);
  }
  for (; done < words; ++done) {
    for (std::size_t i = 0; i < array_size(float_lanes); ++i) {
      std::memcpy(to + done * octavo::detail::group_word_bytes + i * size,
                  lines[i] + at + done * size, size);
    }
  }
}

/// Puts numbers [first, first + count) of a vector of lines into blocks of a group, and prefetches
/// as many bytes `ahead` of them. `to`: the first of the blocks; `lane`: that of the first line.
template <StoredType type>
void put_lines_in_group(const FileLines& lines, Index first, Index count, std::ptrdiff_t ahead,
                        std::byte* to, std::size_t lane) {
  using Lines = LinesOfGroup<type>;
  constexpr std::size_t words = octavo::detail::group_words(type);
  const std::size_t begin = line_bytes<type>(first), size = line_bytes<type>(count);
  for (const std::byte* const line : lines.begin) {
    for (std::size_t at = 0; at < size; at += alignment_bytes) {
      __builtin_prefetch(line + begin + at + ahead, 0, 2);
    }
  }
  if constexpr (block_of(type) == 1) {
    put_words(lines.begin, begin, size / sizeof(std::uint32_t), to + lane * sizeof(std::uint32_t));
    if (size % sizeof(std::uint32_t) != 0) {  // an odd number of numbers
      const std::size_t row = size / sizeof(std::uint32_t);
      for (std::size_t i = 0; i < array_size(float_lanes); ++i) {
        std::memcpy(
            to + row * octavo::detail::group_word_bytes + (lane + i) * sizeof(std::uint32_t),
            lines.begin[i] + begin + size - sizeof(Float16), sizeof(Float16));
      }
    }
    return;
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
    put_words(lines.begin, at + octavo::detail::words_offset(type), words,
              rows + lane * sizeof(std::uint32_t));
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA::detail

#endif
