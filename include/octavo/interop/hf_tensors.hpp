// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/formats/encode_numbers.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/hf_tensor_names.hpp>

// Tensors of Hugging Face's files, read into and written from a parameter's memory piece by piece.
namespace OCTAVO_NAMESPACE::detail {

/// Rows of a transposed tensor that are read or written together: they are consecutive numbers of
/// the parameter, where single rows would touch a line of the cache for every number.
inline constexpr std::size_t hf_tile_rows = 16;

/// The numbers of a parameter that a tensor consists of, as [rows, row] of the file.
template <typename T>
class HfPlaces {
 public:
  /// numbers [numbers of the parameter]
  HfPlaces(const HfTensor& tensor, const Parameter& parameter, std::span<T> numbers)
      : numbers_(numbers.data() + tensor.first),
        columns_(static_cast<std::size_t>(parameter.columns)),
        rows_(static_cast<std::size_t>(tensor.sizes[0])),
        row_(static_cast<std::size_t>(tensor.sizes.back())) {}

  std::size_t rows() const noexcept { return rows_; }
  std::size_t row() const noexcept { return row_; }

  /// Calls body(number of the parameter, its place in the tile) for the tile [rows, row] of
  /// transposed rows from `first` on.
  template <typename Body>
  void for_each(std::size_t first, std::size_t rows, Body body) const {
    for (std::size_t i = 0; i < row_; ++i) {
      T* const place = numbers_ + i * columns_ + first;
      for (std::size_t j = 0; j < rows; ++j) body(place[j], j * row_ + i);
    }
  }

 private:
  T* numbers_;
  std::size_t columns_, rows_, row_;
};

/// Reads a tensor into its places in a parameter [numbers of the parameter].
template <Scalar T>
void read_hf_tensor(const SafetensorsReader& file, const HfTensor& tensor,
                    const Parameter& parameter, std::span<T> numbers) {
  if (!tensor.transposed) {
    const Index count = parameter.rows == 0 ? tensor.sizes[0] : parameter.count();
    return read_tensor<T>(
        file, tensor.name,
        numbers.subspan(static_cast<std::size_t>(tensor.first), static_cast<std::size_t>(count)));
  }
  const HfPlaces<T> places(tensor, parameter, numbers);
  std::vector<T> tile(std::min(hf_tile_rows, places.rows()) * places.row());
  std::size_t filled = 0, row = 0;
  for_each_converted_piece<T>(file, tensor.name, [&](std::size_t, std::span<const T> piece) {
    while (!piece.empty()) {
      const std::size_t count = std::min(piece.size(), tile.size() - filled);
      std::copy_n(piece.begin(), count, tile.begin() + static_cast<std::ptrdiff_t>(filled));
      piece = piece.subspan(count);
      filled += count;
      const std::size_t rows = filled / places.row();
      if (filled < tile.size() && row + rows < places.rows()) continue;
      places.for_each(row, rows, [&](T& number, std::size_t i) { number = tile[i]; });
      row += rows;
      filled = 0;
    }
  });
}

/// The tensor with its numbers from a parameter [numbers of the parameter], to be written as
/// `type`.
template <Scalar T>
TensorToWrite hf_tensor_to_write(const HfTensor& tensor, const Parameter& parameter,
                                 std::span<const T> numbers, StoredType type) {
  std::size_t count = 1;
  for (const Index size : tensor.sizes) count *= static_cast<std::size_t>(size);
  TensorToWrite result{tensor.name, name_of(type), tensor.sizes, std::as_bytes(numbers)};
  result.encoded_bytes = stored_bytes(type, count);
  if (!tensor.transposed) {
    const auto part = numbers.subspan(static_cast<std::size_t>(tensor.first), count);
    result.encode = [part, type](const TensorToWrite& written, const ByteSink& sink) {
      for_each_encoded_piece<T>(type, part, written.name, 0, sink);
    };
    return result;
  }
  const HfPlaces<const T> places(tensor, parameter, numbers);
  result.encode = [places, type](const TensorToWrite& written, const ByteSink& sink) {
    std::vector<T> tile(std::min(hf_tile_rows, places.rows()) * places.row());
    for (std::size_t row = 0; row < places.rows(); row += hf_tile_rows) {
      const std::size_t rows = std::min(hf_tile_rows, places.rows() - row);
      places.for_each(row, rows, [&](const T& number, std::size_t i) { tile[i] = number; });
      for_each_encoded_piece<T>(type, std::span<const T>(tile).first(rows * places.row()),
                                written.name, row * places.row(), sink);
    }
  };
  return result;
}

}  // namespace OCTAVO_NAMESPACE::detail
