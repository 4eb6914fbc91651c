// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/stored_type.hpp>

namespace OCTAVO_NAMESPACE {

/// How the lines of a stored matrix lie in memory.
enum class StoredLayout {
  lines,   ///< as in files: one line after the other
  grouped  ///< sixteen lines together, word by word, so that a vector of outputs is contiguous
};

/// Lines that lie together in StoredLayout::grouped.
inline constexpr Index group_lines = 16;

/// A matrix [lines, length] in the number type of a file, which products decode as they read it. A
/// line is contiguous in the file and has whole blocks: the weights of one output of a linear map,
/// or the row of a table. The matrix does not own its bytes.
struct StoredMatrix {
  StoredType type = StoredType::f32;
  StoredLayout layout = StoredLayout::lines;
  const std::byte* data = nullptr;
  Index lines = 0;
  Index length = 0;
  /// 0, or the width of a head whose two halves alternate in the file, as llama.cpp's converter
  /// turns the rows of queries and keys: output i is line file_line(i).
  Index pairs = 0;

  constexpr Index file_line(Index i) const noexcept {
    if (pairs == 0) return i;
    const Index within = i % pairs;
    const Index half = pairs / 2;
    return i - within + within % half * 2 + within / half;
  }
};

namespace detail {

/// A group holds its lines block by block: first, for types whose block has a binary16 beside its
/// words of 32 bits, that binary16 of sixteen lines; then the words in the order of the file, each
/// of sixteen lines side by side.
constexpr bool has_half(StoredType type) noexcept {
  return traits_of(type).block_bytes % 4 == 2 && block_of(type) > 1;
}
/// The place of the binary16 in a block of a file: its first or its last two bytes.
constexpr std::size_t half_offset(StoredType type) noexcept {
  const bool last = type == StoredType::q3_k || type == StoredType::q6_k;
  return last ? traits_of(type).block_bytes - sizeof(Float16) : 0;
}
constexpr Index numbers_of_group_block(StoredType type) noexcept {
  return std::max<Index>(static_cast<Index>(block_of(type)), 2);
}
inline constexpr std::size_t group_half_bytes = group_lines * sizeof(Float16);
inline constexpr std::size_t group_word_bytes = group_lines * sizeof(std::uint32_t);

/// Words of a line in a block of a group, and the place of the first of them in a block of a file.
constexpr std::size_t group_words(StoredType type) noexcept {
  return type == StoredType::f32 ? 2 : std::max<std::size_t>(traits_of(type).block_bytes / 4, 1);
}
constexpr std::size_t words_offset(StoredType type) noexcept {
  return has_half(type) && half_offset(type) == 0 ? sizeof(Float16) : 0;
}

/// Bytes of a block of a group, and of a whole group.
constexpr std::size_t group_block_bytes(StoredType type) noexcept {
  return (has_half(type) ? group_half_bytes : 0) + group_words(type) * group_word_bytes;
}
constexpr std::size_t group_bytes(StoredType type, Index length) noexcept {
  const Index block = numbers_of_group_block(type);
  return static_cast<std::size_t>((length + block - 1) / block) * group_block_bytes(type);
}

}  // namespace detail

/// Bytes of a stored matrix [lines, length].
constexpr std::size_t stored_matrix_bytes(StoredType type, StoredLayout layout, Index lines,
                                          Index length) noexcept {
  if (layout == StoredLayout::lines) {
    return static_cast<std::size_t>(lines) *
           detail::stored_bytes(type, static_cast<std::size_t>(length));
  }
  return static_cast<std::size_t>((lines + group_lines - 1) / group_lines) *
         detail::group_bytes(type, length);
}

namespace detail {

/// Numbers [first, first + numbers.size()) of a line of a group: the line's block is put together
/// as a file has it.
inline void decode_grouped(const StoredMatrix& matrix, Index line, Index first,
                           std::span<float> numbers) noexcept {
  const StoredType type = matrix.type;
  const auto lane = static_cast<std::size_t>(line % group_lines);
  const auto block = static_cast<std::size_t>(numbers_of_group_block(type));
  const std::byte* from =
      matrix.data + static_cast<std::size_t>(line / group_lines) * group_bytes(type, matrix.length);
  from += static_cast<std::size_t>(first) / block * group_block_bytes(type);
  for (std::size_t i = 0; i < numbers.size(); i += block) {
    std::array<std::byte, 210> bytes;
    if (has_half(type)) {
      std::copy_n(from + lane * sizeof(Float16), sizeof(Float16), bytes.data() + half_offset(type));
      from += group_half_bytes;
    }
    std::byte* to = bytes.data() + words_offset(type);
    for (std::size_t word = 0; word < group_words(type); ++word, from += group_word_bytes) {
      to = std::copy_n(from + lane * sizeof(std::uint32_t), sizeof(std::uint32_t), to);
    }
    decode(type, bytes.data(), numbers.subspan(i, std::min(block, numbers.size() - i)));
  }
}

}  // namespace detail

/// Decodes numbers [first, first + numbers.size()) of output or row `i`; first and size are
/// multiples of the type's block (of 2 for f32, f16 and bf16, but for a line's end).
inline void decode_line(const StoredMatrix& matrix, Index i, Index first,
                        std::span<float> numbers) noexcept {
  const Index line = matrix.file_line(i);
  if (matrix.layout == StoredLayout::grouped) {
    return detail::decode_grouped(matrix, line, first, numbers);
  }
  const auto bytes_of = [&](Index count) {
    return detail::stored_bytes(matrix.type, static_cast<std::size_t>(count));
  };
  detail::decode(
      matrix.type,
      matrix.data + static_cast<std::size_t>(line) * bytes_of(matrix.length) + bytes_of(first),
      numbers);
}

}  // namespace OCTAVO_NAMESPACE
