// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <octavo/files/crc32c.hpp>

// Checksums in the metadata of Octavo's files: "octavo.header_crc32c" is the checksum of the header
// with zeros in place of this entry's eight digits; "octavo.tensor_crc32c" has eight digits for
// each tensor, in the order of the data.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr std::string_view header_checksum_key = "octavo.header_crc32c";
inline constexpr std::string_view tensor_sums_key = "octavo.tensor_crc32c";
inline constexpr std::string_view no_sum = "00000000";

inline std::string sum_text(std::uint32_t sum) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[sum >> shift & 15];
  return text;
}

/// The offset of the digits of a header's checksum; npos if the header has none.
inline std::size_t find_header_checksum(std::string_view header) {
  constexpr std::string_view entry = "\"octavo.header_crc32c\":\"";
  static_assert(entry.substr(1, header_checksum_key.size()) == header_checksum_key);
  const std::size_t found = header.find(entry);
  if (found == header.npos || header.size() - found < entry.size() + no_sum.size()) {
    return header.npos;
  }
  return found + entry.size();
}

/// The checksum that a header must contain.
inline std::string header_checksum(std::string_view header) {
  const auto sum_behind = [](std::string_view text, std::uint32_t before) {
    return crc32c(std::as_bytes(std::span(text.data(), text.size())), before);
  };
  const std::size_t at = find_header_checksum(header);
  if (at == header.npos) return sum_text(sum_behind(header, 0));
  const std::uint32_t first = sum_behind(header.substr(0, at), 0);
  return sum_text(sum_behind(header.substr(at + no_sum.size()), sum_behind(no_sum, first)));
}

}  // namespace OCTAVO_NAMESPACE::detail
