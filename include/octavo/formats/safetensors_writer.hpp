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
#include <octavo/files/atomic_file.hpp>
#include <octavo/formats/safetensors_header.hpp>
#include <octavo/numeric/scalar.hpp>

static_assert(std::endian::native == std::endian::little,
              "Octavo writes and reads its files on little-endian machines only");

namespace OCTAVO_NAMESPACE {

/// Receives a tensor's bytes in pieces.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// One tensor to be written; `bytes` is read when the file is written.
struct TensorToWrite {
  std::string name;
  std::string_view dtype;  ///< "F32", "F64", ...
  std::vector<Index> shape;
  std::span<const std::byte> bytes;
  /// Writes `encoded_bytes` bytes, made from `bytes`, to the sink; null: `bytes` are written as
  /// they are.
  std::function<void(const TensorToWrite& tensor, const ByteSink& sink)> encode = {};
  std::size_t encoded_bytes = 0;
};

template <Scalar T>
TensorToWrite tensor_to_write(std::string name, std::vector<Index> shape,
                              std::span<const T> values) {
  return {std::move(name), scalar_name<T>, std::move(shape), std::as_bytes(values)};
}

namespace detail {

/// Calls sink(bytes) with the bytes of a tensor in the file.
inline void emit(const TensorToWrite& tensor, const ByteSink& sink) {
  if (tensor.encode == nullptr) return sink(tensor.bytes);
  tensor.encode(tensor, sink);
}

}  // namespace detail

/// Writes a safetensors file (github.com/huggingface/safetensors, README): 8 bytes of header
/// length, a JSON header padded so that data starts at a multiple of 8, the tensors without gaps in
/// the given order, and checksums of all of it. Atomic; the bytes depend only on the arguments.
/// Makes no second copy of the tensors, and asks each of them once for its bytes. ConfigError for
/// names or metadata that are not ASCII.
inline void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                              std::map<std::string, std::string> metadata,
                              FileSystem& files = real_file_system()) {
  metadata[std::string(detail::header_checksum_key)] = detail::no_sum;
  std::string& sums = metadata[std::string(detail::tensor_sums_key)];
  for (std::size_t i = 0; i < tensors.size(); ++i) sums += detail::no_sum;  // written at the end
  std::vector<detail::HeaderEntry> entries;
  for (const TensorToWrite& tensor : tensors) {
    entries.push_back({tensor.name, tensor.dtype, tensor.shape,
                       tensor.encode == nullptr ? tensor.bytes.size() : tensor.encoded_bytes});
  }
  const std::string text = detail::header_text(entries, metadata);
  const auto length = octavo::bit_cast<std::array<std::byte, 8>>(std::uint64_t{text.size()});
  AtomicFile file(path, files);
  file.write(length);
  file.write(text);
  sums.clear();
  for (const TensorToWrite& tensor : tensors) {
    std::uint32_t sum = 0;
    detail::emit(tensor, [&](std::span<const std::byte> bytes) {
      sum = crc32c(bytes, sum);
      file.write(bytes);
    });
    sums += detail::sum_text(sum);
  }
  file.rewrite(length.size(),
               std::as_bytes(std::span<const char>(detail::header_text(entries, metadata))));
  file.commit();
}

}  // namespace OCTAVO_NAMESPACE
