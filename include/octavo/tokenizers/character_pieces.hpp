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

namespace OCTAVO_NAMESPACE::detail {

/// Tokens of two to four bytes: characters, and the prefixes of characters that merging passes
/// through. The prefix of each token, one byte shorter, is a token as well.
class CharacterPieces {
 public:
  static constexpr Token none = -1;

  constexpr bool empty() const noexcept { return pieces_.empty(); }
  constexpr Index size() const noexcept { return static_cast<Index>(pieces_.size()); }
  /// The bytes of a piece, by its index in the order of adding.
  constexpr std::string_view operator[](Index piece) const noexcept {
    const Piece& found = pieces_[static_cast<std::size_t>(piece)];
    return {found.bytes.data(), found.size};
  }

  /// The token whose bytes are those of `front`, then `next`; nothing if there is none.
  constexpr Token longer(Token front, char next) const noexcept {
    return slots_[place(key_of(front, next))].token;
  }

  /// Reserves memory for `count` pieces; call it before the first is added.
  void reserve(std::size_t count);

  /// Adds the next piece, `bytes`, whose bytes except the last are the token `front`.
  void add(std::string_view bytes, Token front, Token token);

  constexpr std::size_t memory_bytes() const noexcept {
    return sizeof(Piece) * pieces_.capacity() + sizeof(Slot) * slots_.capacity();
  }

  friend constexpr bool operator==(const CharacterPieces& a, const CharacterPieces& b) noexcept {
    return a.pieces_ == b.pieces_;
  }

 private:
  struct Piece {
    std::array<char, 4> bytes{};
    std::uint8_t size = 0;

    friend constexpr bool operator==(const Piece&, const Piece&) = default;
  };
  struct Slot {
    std::uint32_t key = 0;
    Token token = none;
  };

  static constexpr std::uint32_t key_of(Token front, char next) noexcept {
    return static_cast<std::uint32_t>(front) << 8 | static_cast<unsigned char>(next);
  }

  /// The slot of the key, or the free slot for it.
  constexpr std::size_t place(std::uint32_t key) const noexcept {
    std::size_t at = (key * 0x9e3779b1u) >> shift_;
    while (slots_[at].token != none && slots_[at].key != key) at = (at + 1) % slots_.size();
    return at;
  }

  std::vector<Piece> pieces_;
  std::vector<Slot> slots_;  ///< by a hash of prefix and next byte
  int shift_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void CharacterPieces::reserve(std::size_t count) {
  pieces_.reserve(count);
  slots_.assign(std::bit_ceil(2 * count), {});
  shift_ = 32 - std::countr_zero(slots_.size());
}

OCTAVO_INLINE void CharacterPieces::add(std::string_view bytes, Token front, Token token) {
  Piece piece{{}, static_cast<std::uint8_t>(bytes.size())};
  std::copy(bytes.begin(), bytes.end(), piece.bytes.begin());
  pieces_.push_back(piece);
  const std::uint32_t key = key_of(front, bytes.back());
  slots_[place(key)] = {key, token};
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
