// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Length in bytes, 1 to 4, of the character at the start of `text`; 0 if no whole character is
/// there: incomplete or invalid UTF-8, overlong forms, surrogates, code points beyond U+10FFFF.
/// (The Unicode Standard, table 3-7.)
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || first > 0xF4 || text.size() < length) return 0;
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

/// As utf8_length, but a byte that starts no well-formed character counts as a character of 1 byte.
/// `text` must not be empty.
constexpr std::size_t character_length(std::string_view text) noexcept {
  const std::size_t length = utf8_length(text);
  return length == 0 ? 1 : length;
}

/// Whether `text` is the start of a character whose end is missing.
constexpr bool utf8_is_front(std::string_view text) noexcept {
  if (text.empty() || text.size() > 3) return false;
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first > 0xF4 || length <= text.size()) return false;
  for (const char next : text.substr(1)) {
    if ((next & 0xC0) != 0x80) return false;
  }
  return true;
}

/// The size of the longest prefix of `text` that ends between two characters, whatever follows.
constexpr std::size_t utf8_last_cut(std::string_view text) noexcept {
  for (std::size_t open = text.size() < 3 ? text.size() : 3; open > 0; --open) {
    if (utf8_is_front(text.substr(text.size() - open))) return text.size() - open;
  }
  return text.size();
}

/// The code point of one whole character.
constexpr std::uint32_t utf8_code(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character[0]);
  std::uint32_t code = character.size() == 1 ? first : first & (0xFFu >> (character.size() + 1));
  for (const char next : character.substr(1)) {
    code = code << 6 | (static_cast<unsigned char>(next) & 0x3Fu);
  }
  return code;
}

/// Appends the character of a code point, which must not be a surrogate nor beyond U+10FFFF.
OCTAVO_INLINE void append_utf8(std::string& text, std::uint32_t code);

/// The longest prefix of `text` that has at most `bytes` bytes and ends between two characters.
constexpr std::string_view utf8_beginning(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  for (int back = 0; back < 3 && bytes > 0 && (text[bytes] & 0xC0) == 0x80; ++back) --bytes;
  return text.substr(0, bytes);
}

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) {
    text += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (code < 0x80) return put(code);
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  put((0xFF00u >> (more + 1) & 0xFFu) | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) put(0x80u | (code >> (6 * i) & 0x3Fu));
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
