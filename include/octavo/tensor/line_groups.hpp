// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/stored_matrix.hpp>

namespace OCTAVO_NAMESPACE {

/// Places line `line` of a matrix in its group. `bytes`: the line as a file has it
/// [stored_bytes(type, length)]; `groups`: the whole matrix in groups, zero where nothing was
/// placed [stored_matrix_bytes(type, grouped, lines, length)].
inline void place_in_group(StoredType type, Index length, Index line,
                           std::span<const std::byte> bytes, std::span<std::byte> groups) {
  OCTAVO_ASSERT(detail::has_groups(type));
  OCTAVO_ASSERT(bytes.size() == detail::stored_bytes(type, static_cast<std::size_t>(length)));
  const auto lane = static_cast<std::size_t>(line % group_lines);
  std::byte* to = groups.data() +
                  static_cast<std::size_t>(line / group_lines) * detail::group_bytes(type, length);
  const std::byte* from = bytes.data();
  const std::byte* const end = from + bytes.size();
  while (from != end) {
    if (detail::has_scales(type)) {
      std::copy_n(from, sizeof(Float16), to + lane * sizeof(Float16));
      from += sizeof(Float16);
      to += detail::group_scale_bytes;
    }
    for (std::size_t word = 0; word < detail::group_words(type); ++word) {
      const auto count = std::min<std::ptrdiff_t>(sizeof(std::uint32_t), end - from);
      std::copy_n(from, count, to + lane * sizeof(std::uint32_t));
      from += count;
      to += detail::group_word_bytes;
    }
  }
}

}  // namespace OCTAVO_NAMESPACE
