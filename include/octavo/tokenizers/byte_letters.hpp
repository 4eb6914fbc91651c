// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {
namespace detail {

/// The code point that stands for each byte in GPT-2's files: printable characters of Latin-1 stand
/// for themselves; the other 68 bytes are U+0100 and up, in order (GPT-2's encoder.py,
/// bytes_to_unicode).
inline constexpr std::array<std::uint16_t, 256> letter_codes = [] {
  std::array<std::uint16_t, 256> codes{};
  std::uint16_t next = 0x100;
  for (std::uint16_t byte = 0; byte < 256; ++byte) {
    const bool shown = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    codes[byte] = shown ? byte : next++;
  }
  return codes;
}();

/// The byte that each of the code points below 0x144 stands for; -1: none.
inline constexpr std::array<std::int16_t, 0x144> letter_bytes = [] {
  std::array<std::int16_t, 0x144> bytes{};
  bytes.fill(-1);
  for (std::int16_t byte = 0; byte < 256; ++byte) {
    bytes[letter_codes[static_cast<std::size_t>(byte)]] = byte;
  }
  return bytes;
}();

}  // namespace detail

/// The bytes in the order of the characters that stand for them, "!" first. GPT-2 numbers the
/// tokens of single bytes in this order.
inline constexpr std::array<unsigned char, 256> bytes_by_letter = [] {
  std::array<unsigned char, 256> bytes{};
  std::size_t count = 0;
  for (const std::int16_t byte : detail::letter_bytes) {
    if (byte >= 0) bytes[count++] = static_cast<unsigned char>(byte);
  }
  return bytes;
}();

/// Converts bytes to the printable characters that stand for them, in UTF-8: " a" becomes
/// "\u0120a".
OCTAVO_INLINE std::string letters_of_bytes(std::string_view bytes);

/// Converts characters back to bytes; nothing if a character stands for no byte.
OCTAVO_INLINE std::optional<std::string> bytes_of_letters(std::string_view letters);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::string letters_of_bytes(std::string_view bytes) {
  std::string letters;
  for (const char symbol : bytes) {
    const unsigned code = detail::letter_codes[static_cast<unsigned char>(symbol)];
    if (code < 0x80) {
      letters += static_cast<char>(code);
    } else {
      letters += static_cast<char>(0xc0 | code >> 6);
      letters += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return letters;
}

OCTAVO_INLINE std::optional<std::string> bytes_of_letters(std::string_view letters) {
  std::string bytes;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    unsigned code = static_cast<unsigned char>(letters[i]);
    if (code >= 0x80) {
      if (code < 0xc2 || code > 0xc5 || i + 1 == letters.size()) return std::nullopt;
      const unsigned low = static_cast<unsigned char>(letters[++i]);
      if ((low & 0xc0) != 0x80) return std::nullopt;
      code = (code & 0x1f) << 6 | (low & 0x3f);
    }
    if (code >= detail::letter_bytes.size() || detail::letter_bytes[code] < 0) return std::nullopt;
    bytes += static_cast<char>(static_cast<unsigned char>(detail::letter_bytes[code]));
  }
  return bytes;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
