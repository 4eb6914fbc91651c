// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/header_sum.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/numeric/scalar.hpp>

static_assert(std::endian::native == std::endian::little,
              "Octavo writes and reads its files on little-endian machines only");

namespace octavo {

/// One tensor to be written; `bytes` is looked at when the file is written.
struct TensorToWrite {
  std::string name;
  std::string_view dtype;  ///< "F32", "F64", ...
  std::vector<Index> shape;
  std::span<const std::byte> bytes;
};

template <Scalar T>
TensorToWrite tensor_to_write(std::string name, std::vector<Index> shape,
                              std::span<const T> values) {
  return {std::move(name), scalar_name<T>, std::move(shape), std::as_bytes(values)};
}

/// Writes a safetensors file (github.com/huggingface/safetensors, README): 8 bytes of header
/// length, a JSON header padded so that data starts at a multiple of 8, the tensors without gaps in
/// the given order, and checksums of all of it. Atomic, and byte for byte a function of its
/// arguments; no second copy of the tensors is made.
inline void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                              std::map<std::string, std::string> metadata,
                              FileSystem& files = real_file_system()) {
  metadata[std::string(detail::header_sum_key)] = detail::no_sum;
  std::string& sums = metadata[std::string(detail::tensor_sums_key)];
  for (const TensorToWrite& tensor : tensors) sums += detail::sum_text(crc32c(tensor.bytes));
  nlohmann::ordered_json header;
  header["__metadata__"] = std::move(metadata);
  std::size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    const std::size_t end = offset + tensor.bytes.size();
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  text.replace(detail::find_header_sum(text), detail::no_sum.size(), detail::header_sum(text));
  const auto length = std::bit_cast<std::array<std::byte, 8>>(std::uint64_t{text.size()});
  AtomicFile file(path, files);
  file.write(length);
  file.write(text);
  for (const TensorToWrite& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

}  // namespace octavo
