// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Up to 16 bytes as two numbers.
struct ShortKey {
  static constexpr std::size_t most = 16;

  std::array<std::uint64_t, 2> words{};
  std::uint32_t size = 0;

  /// `size` bytes of `text`, at most `most`, from `begin` on.
  ShortKey(std::string_view text, std::size_t begin, std::size_t bytes) noexcept
      : size(static_cast<std::uint32_t>(bytes)) {
    if (text.size() - begin >= most) {
      // Two loads and a mask are faster than copying a number of bytes that differs.
      std::array<std::uint64_t, 2> mask;
      std::memcpy(words.data(), text.data() + begin, most);
      std::memcpy(mask.data(), masks.data() + (most - bytes), most);
      words[0] &= mask[0];
      words[1] &= mask[1];
    } else {
      std::memcpy(words.data(), text.data() + begin, bytes);
    }
  }

  std::uint64_t hash() const noexcept {
    const std::uint64_t mixed = words[0] ^ (words[1] * 0xff51afd7ed558ccdu);
    return (mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15u;
  }

  friend bool operator==(const ShortKey&, const ShortKey&) = default;

 private:
  static constexpr std::array<unsigned char, 32> masks = [] {
    std::array<unsigned char, 32> bytes{};
    for (std::size_t i = 0; i < most; ++i) bytes[i] = 0xff;
    return bytes;
  }();
};

/// Which pieces of a text have been encoded, and where their tokens are: one call's, on its stack.
/// Of two pieces that claim the same place the later one has it.
class PieceCache {
 public:
  struct Entry {
    std::array<std::uint64_t, 2> words;
    std::uint32_t size;   ///< of the piece; 0: none
    std::uint32_t count;  ///< of its tokens
    std::size_t first;    ///< of its tokens among all of the call's
  };

  /// The piece's place; `known` tells whether it has it already.
  Entry& at(const ShortKey& key, bool& known) noexcept {
    Entry& entry = entries_[static_cast<std::size_t>(key.hash() >> 53)];
    known = entry.size == key.size && entry.words == key.words;
    return entry;
  }

 private:
  std::array<Entry, 2048> entries_{};
};

}  // namespace OCTAVO_NAMESPACE::detail
