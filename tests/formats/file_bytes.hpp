// SPDX-License-Identifier: MIT
// Files of both formats, put together by hand, byte by byte.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>

namespace octavo_test {

/// The bytes of a number in memory, little-endian as both formats are.
template <typename Number>
std::string bytes_of_number(Number value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(Number)>>(value);
  return std::string(bytes.data(), bytes.size());
}

template <typename Number>
std::string bytes_of_numbers(const std::vector<Number>& values) {
  std::string bytes;
  for (const Number value : values) bytes += bytes_of_number(value);
  return bytes;
}

/// A safetensors file: the length of the header, the header, the data.
inline std::string safetensors_bytes(std::string_view header, std::string_view data = {}) {
  std::string bytes = bytes_of_number(std::uint64_t{header.size()});
  return bytes.append(header).append(data);
}

/// A string as GGUF has it.
inline std::string gguf_text(std::string_view text) {
  return bytes_of_number(std::uint64_t{text.size()}).append(text);
}

/// "GGUF", the version, the counts.
inline std::string gguf_start(std::uint64_t tensors, std::uint64_t entries,
                              std::uint32_t version = 3) {
  return "GGUF" + bytes_of_number(version) + bytes_of_number(tensors) + bytes_of_number(entries);
}

/// An entry: its key, the number of its type, the bytes of its value.
inline std::string gguf_entry(std::string_view key, std::uint32_t type, std::string_view value) {
  return gguf_text(key) + bytes_of_number(type) + std::string(value);
}

/// What the file says of a tensor.
inline std::string gguf_tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                               std::uint32_t type, std::uint64_t offset) {
  return gguf_text(name) + bytes_of_number(static_cast<std::uint32_t>(shape.size())) +
         bytes_of_numbers(shape) + bytes_of_number(type) + bytes_of_number(offset);
}

/// Filled with zeros up to the next multiple of the alignment.
inline std::string padded(std::string bytes, std::size_t alignment = 32) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
  return bytes;
}

/// A source named 'x'; the bytes must outlive it.
inline octavo::MemorySource source_named_x(const std::string& bytes) {
  return octavo::MemorySource("x", std::as_bytes(std::span(bytes)));
}

/// The message of the FormatError that `body` throws, and after " / " its hint if it has one; empty
/// if nothing is thrown. Other exceptions go on to doctest.
template <typename Body>
std::string format_error(Body body) {
  try {
    body();
  } catch (const octavo::FormatError& error) {
    return error.hint().empty() ? error.what() : std::string(error.what()) + " / " + error.hint();
  }
  return {};
}

}  // namespace octavo_test
