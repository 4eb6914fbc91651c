// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/header_sum.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/numeric/scalar.hpp>

static_assert(std::endian::native == std::endian::little,
              "Octavo writes and reads its files on little-endian machines only");

namespace octavo {

/// Receives a tensor's bytes in pieces.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// One tensor to be written; `bytes` is looked at when the file is written.
struct TensorToWrite {
  std::string name;
  std::string_view dtype;  ///< "F32", "F64", ...
  std::vector<Index> shape;
  std::span<const std::byte> bytes;
  /// Hands over `encoded_bytes` made of `bytes`; null: `bytes` are those of the file.
  void (*encode)(const TensorToWrite& tensor, const ByteSink& sink) = nullptr;
  std::size_t encoded_bytes = 0;
};

template <Scalar T>
TensorToWrite tensor_to_write(std::string name, std::vector<Index> shape,
                              std::span<const T> values) {
  return {std::move(name), scalar_name<T>, std::move(shape), std::as_bytes(values)};
}

namespace detail {

/// Calls sink(bytes) for the bytes of a tensor as its file has them.
inline void emit(const TensorToWrite& tensor, const ByteSink& sink) {
  if (tensor.encode == nullptr) return sink(tensor.bytes);
  tensor.encode(tensor, sink);
}

inline std::uint32_t sum_of(const TensorToWrite& tensor) {
  std::uint32_t sum = 0;
  emit(tensor, [&](std::span<const std::byte> bytes) { sum = crc32c(bytes, sum); });
  return sum;
}

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

}  // namespace detail

/// Writes a safetensors file (github.com/huggingface/safetensors, README): 8 bytes of header
/// length, a JSON header padded so that data starts at a multiple of 8, the tensors without gaps in
/// the given order, and checksums of all of it. Atomic, and byte for byte a function of its
/// arguments; no second copy of the tensors is made.
inline void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                              std::map<std::string, std::string> metadata,
                              FileSystem& files = real_file_system()) {
  metadata[std::string(detail::header_sum_key)] = detail::no_sum;
  std::string& sums = metadata[std::string(detail::tensor_sums_key)];
  for (const TensorToWrite& tensor : tensors) sums += detail::sum_text(detail::sum_of(tensor));
  std::string text = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (text.back() != '{') text += ',';
    detail::append_quoted(text, key);
    text += ':';
    detail::append_quoted(text, value);
  }
  text += '}';
  std::size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    text += ',';
    detail::append_quoted(text, tensor.name);
    text += ":{\"dtype\":";
    detail::append_quoted(text, tensor.dtype);
    text += ",\"shape\":[";
    for (const Index size : tensor.shape) {
      if (text.back() != '[') text += ',';
      text += std::to_string(size);
    }
    text += detail::concat({"],\"data_offsets\":[", offset, ','});
    offset += tensor.encode == nullptr ? tensor.bytes.size() : tensor.encoded_bytes;
    text += detail::concat({offset, "]}"});
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  text.replace(detail::find_header_sum(text), detail::no_sum.size(), detail::header_sum(text));
  const auto length = std::bit_cast<std::array<std::byte, 8>>(std::uint64_t{text.size()});
  AtomicFile file(path, files);
  file.write(length);
  file.write(text);
  for (const TensorToWrite& tensor : tensors) {
    detail::emit(tensor, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  }
  file.commit();
}

}  // namespace octavo
