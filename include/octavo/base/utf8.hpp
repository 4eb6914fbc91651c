// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// How many bytes the character has that `text` begins with, 1 to 4; 0 where there is no whole one:
/// bytes that are no UTF-8, longer forms than needed, surrogates, numbers beyond U+10FFFF.
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

/// Bytes of the character that `text`, which is not empty, begins with. A byte that begins no
/// well-formed character stands for itself: 1.
constexpr std::size_t character_length(std::string_view text) noexcept {
  const std::size_t length = utf8_length(text);
  return length == 0 ? 1 : length;
}

/// The longest beginning of `text` that has at most `bytes` bytes and ends between characters.
constexpr std::string_view utf8_beginning(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  for (int back = 0; back < 3 && bytes > 0 && (text[bytes] & 0xC0) == 0x80; ++back) --bytes;
  return text.substr(0, bytes);
}

}  // namespace OCTAVO_NAMESPACE
