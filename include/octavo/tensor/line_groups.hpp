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
  OCTAVO_ASSERT(bytes.size() == detail::stored_bytes(type, static_cast<std::size_t>(length)));
  const auto lane = static_cast<std::size_t>(line % group_lines);
  std::byte* to = groups.data() +
                  static_cast<std::size_t>(line / group_lines) * detail::group_bytes(type, length);
  const auto place = [&](std::span<const std::byte> from, std::size_t place_bytes) {
    std::copy(from.begin(), from.end(), to + lane * place_bytes);
    to += group_lines * place_bytes;
  };
  const std::size_t block_bytes =
      detail::has_half(type) ? detail::traits_of(type).block_bytes : detail::group_words(type) * 4;
  while (!bytes.empty()) {
    const auto block = bytes.first(std::min(block_bytes, bytes.size()));
    if (detail::has_half(type)) {
      place(block.subspan(detail::half_offset(type), sizeof(Float16)), sizeof(Float16));
    }
    auto words = block.subspan(detail::words_offset(type));
    for (std::size_t word = 0; word < detail::group_words(type); ++word) {
      const std::size_t count = std::min(sizeof(std::uint32_t), words.size());
      place(words.first(count), sizeof(std::uint32_t));
      words = words.subspan(count);
    }
    bytes = bytes.subspan(block.size());
  }
}

}  // namespace OCTAVO_NAMESPACE
