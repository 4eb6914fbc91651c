// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/formats/metadata.hpp>

// Bytes as hexadecimal digits, for metadata, which is ASCII.
namespace OCTAVO_NAMESPACE::detail {

inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char symbol : bytes) {
    const auto byte = static_cast<unsigned char>(symbol);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// The bytes of hexadecimal digits; nothing if a digit is invalid or the number of digits is odd.
inline std::optional<std::string> from_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = digits.find(text[i]);
    const std::size_t low = digits.find(text[i + 1]);
    if (high >= 16 || low >= 16) return std::nullopt;
    bytes += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
  }
  return bytes;
}

/// The bytes of a metadata entry in hexadecimal. FormatError if it is invalid or has more than
/// `most` bytes.
inline std::string from_hex(const MetadataReader& metadata, const std::string& key,
                            std::size_t most) {
  const auto bytes = from_hex(metadata.text(key));
  if (bytes && bytes->size() <= most) return *bytes;
  metadata.refuse(key, detail::concat({"at most ", most, " bytes in hexadecimal"}));
}

}  // namespace OCTAVO_NAMESPACE::detail
