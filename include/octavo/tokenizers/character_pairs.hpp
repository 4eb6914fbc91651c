// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/base/utf8.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// A character of a text as a byte-pair encoding sees it: U+2581 is a space; a byte that is not
/// UTF-8 has a code of its own, from 0x110000 on.
struct PieceCharacter {
  std::uint32_t code;
  std::uint32_t size;  ///< in bytes
};

inline PieceCharacter piece_character(std::string_view text, std::size_t at) noexcept {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {byte, 1};
  const std::size_t size = utf8_length(text.substr(at, 4));
  if (size == 0) return {0x110000u + byte, 1};
  const std::uint32_t code = utf8_code(text.substr(at, size));
  return {code == 0x2581 ? ' ' : code, static_cast<std::uint32_t>(size)};
}

/// The pairs of neighbouring characters that occur within a token. A text may be encoded in parts
/// where two characters are not such a pair: no merge crosses that place.
class CharacterPairs {
 public:
  /// Adds the pairs of a token's text.
  void add(std::string_view text);
  /// To be called after the last token was added.
  void finish();

  bool contains(std::uint32_t left, std::uint32_t right) const noexcept {
    if ((left | right) < 128) return (ascii_[left][right / 64] >> (right % 64) & 1) != 0;
    return slots_[place(key_of(left, right))] != 0;
  }

  std::size_t memory_bytes() const noexcept { return sizeof(std::uint64_t) * slots_.size(); }

 private:
  static constexpr std::uint64_t key_of(std::uint32_t left, std::uint32_t right) noexcept {
    return std::uint64_t{left} << 32 | right;
  }
  std::size_t place(std::uint64_t key) const noexcept {
    auto at = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> shift_);
    while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) % slots_.size();
    return at;
  }

  std::array<std::array<std::uint64_t, 2>, 128> ascii_{};
  std::vector<std::uint64_t> slots_;  ///< before finish(): the pairs that are not of ASCII
  int shift_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void CharacterPairs::add(std::string_view text) {
  std::uint32_t left = 0;
  for (std::size_t at = 0; at < text.size();) {
    const PieceCharacter right = piece_character(text, at);
    if (at > 0 && (left | right.code) < 128) {
      ascii_[left][right.code / 64] |= std::uint64_t{1} << (right.code % 64);
    } else if (at > 0) {
      slots_.push_back(key_of(left, right.code));
    }
    left = right.code;
    at += right.size;
  }
}

OCTAVO_INLINE void CharacterPairs::finish() {
  std::vector<std::uint64_t> keys = std::move(slots_);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  slots_.assign(std::bit_ceil(2 * std::max<std::size_t>(keys.size(), 8)), 0);
  shift_ = 64 - std::countr_zero(slots_.size());
  for (const std::uint64_t key : keys) slots_[place(key)] = key;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
