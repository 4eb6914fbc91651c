// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/header_checksum.hpp>

// The header of a safetensors file as Octavo writes it; its bytes depend only on its content.
namespace OCTAVO_NAMESPACE::detail {

/// A tensor in a header.
struct HeaderEntry {
  std::string_view name;
  std::string_view dtype;
  std::span<const Index> shape;
  std::size_t bytes = 0;
};

/// A JSON string. (nlohmann_json's writer would touch a quarter of a megabyte of code while a run
/// saves, more than a small model has weights.)
inline void append_quoted(std::string& text, std::string_view value) {
  constexpr std::string_view digits = "0123456789abcdef";
  text += '"';
  for (const char symbol : value) {
    const auto byte = static_cast<unsigned char>(symbol);
    require(byte < 0x80, "a file's names and metadata must be ASCII");
    if (byte < 0x20 || byte == 0x7f) {
      text += "\\u00";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    } else {
      if (symbol == '"' || symbol == '\\') text += '\\';
      text += symbol;
    }
  }
  text += '"';
}

/// The header for tensors whose data lie in this order without gaps, padded so that the data start
/// at a multiple of 8. `metadata` must have an entry for the header's checksum, which is filled in.
inline std::string header_text(std::span<const HeaderEntry> tensors,
                               const std::map<std::string, std::string>& metadata) {
  std::string text = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (text.back() != '{') text += ',';
    append_quoted(text, key);
    text += ':';
    append_quoted(text, key == header_checksum_key ? no_sum : std::string_view(value));
  }
  text += '}';
  std::size_t offset = 0;
  for (const HeaderEntry& tensor : tensors) {
    text += ',';
    append_quoted(text, tensor.name);
    text += ":{\"dtype\":";
    append_quoted(text, tensor.dtype);
    text += ",\"shape\":[";
    for (const Index size : tensor.shape) {
      if (text.back() != '[') text += ',';
      text += std::to_string(size);
    }
    text += concat({"],\"data_offsets\":[", offset, ','});
    offset += tensor.bytes;
    text += concat({offset, "]}"});
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  return text.replace(find_header_checksum(text), no_sum.size(), header_checksum(text));
}

}  // namespace OCTAVO_NAMESPACE::detail
