// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Up to 16 bytes, as two numbers.
struct ShortKey {
  static constexpr std::size_t most = 16;

  std::array<std::uint64_t, 2> words{};
  std::uint32_t size = 0;

  /// The `size` bytes, at most `most`, of `text` from `begin` on.
  ShortKey(std::string_view text, std::size_t begin, std::size_t bytes) noexcept;

  std::uint64_t hash() const noexcept;

  friend bool operator==(const ShortKey&, const ShortKey&) = default;

 private:
  static constexpr std::array<unsigned char, 32> masks = [] {
    std::array<unsigned char, 32> bytes{};
    for (std::size_t i = 0; i < most; ++i) bytes[i] = 0xff;
    return bytes;
  }();
};

/// The pieces that one call of encode() has encoded, and where their tokens are; it lies on the
/// stack of that call. If two pieces map to the same slot, the later one takes it.
class PieceCache {
 public:
  struct Entry {
    std::array<std::uint64_t, 2> words;
    std::uint32_t size;   ///< of the piece; 0: the slot is empty
    std::uint32_t count;  ///< of its tokens
    std::size_t first;    ///< index of its first token among all tokens of the call
  };

  /// The slot of a piece; `known` is set to whether it already has the piece.
  Entry& at(const ShortKey& key, bool& known) noexcept;

 private:
  std::array<Entry, 2048> entries_{};
};

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE ShortKey::ShortKey(std::string_view text, std::size_t begin,
                                 std::size_t bytes) noexcept
    : size(static_cast<std::uint32_t>(bytes)) {
  if (text.size() - begin >= most) {
    // Two loads and a mask are faster than a copy of variable size.
    std::array<std::uint64_t, 2> mask;
    std::memcpy(words.data(), text.data() + begin, most);
    std::memcpy(mask.data(), masks.data() + (most - bytes), most);
    words[0] &= mask[0];
    words[1] &= mask[1];
  } else {
    std::memcpy(words.data(), text.data() + begin, bytes);
  }
}

OCTAVO_INLINE std::uint64_t ShortKey::hash() const noexcept {
  const std::uint64_t mixed = words[0] ^ (words[1] * 0xff51afd7ed558ccdu);
  return (mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15u;
}

OCTAVO_INLINE PieceCache::Entry& PieceCache::at(const ShortKey& key, bool& known) noexcept {
  Entry& entry = entries_[static_cast<std::size_t>(key.hash() >> 53)];
  known = entry.size == key.size && entry.words == key.words;
  return entry;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
