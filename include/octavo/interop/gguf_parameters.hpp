// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/stored_type.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/gpt2_names.hpp>

// The names and layouts of GPT-2's parameters in GGUF files (llama.cpp, src/models/gpt2.cpp).
namespace OCTAVO_NAMESPACE::detail {

/// A parameter in a GGUF file. Matrices, except the two tables, are transposed there: [outputs,
/// inputs], so that the weights of one output are contiguous.
struct GgufParameter {
  std::string name;
  bool transposed = false;
};

inline GgufParameter gguf_parameter(const Parameter& parameter) {
  return {gguf_name(parameter.name),
          parameter.rows != 0 && !NameParts(parameter.name).block.empty()};
}

/// The sizes of a parameter in a GGUF file.
inline std::vector<Index> gguf_sizes(const Parameter& parameter) {
  if (parameter.rows == 0) return {parameter.columns};
  if (gguf_parameter(parameter).transposed) return {parameter.rows, parameter.columns};
  return {parameter.columns, parameter.rows};
}

/// The numbers of a row of the file within the parameter: every `stride`-th number from `first` on.
struct GgufRow {
  std::size_t first;
  std::size_t stride;
};

inline GgufRow gguf_row(const Parameter& parameter, bool transposed, std::size_t row) {
  const auto columns = static_cast<std::size_t>(parameter.columns);
  return transposed ? GgufRow{row, columns} : GgufRow{row * columns, 1};
}

/// Numbers of a row that are processed together; a multiple of a block.
inline constexpr std::size_t gguf_piece = 1024;

/// Passes the bytes of a parameter, in the file's layout and `type`, to the sink.
template <Scalar T>
void emit_gguf(const Parameter& parameter, std::span<const T> numbers, StoredType type,
               const ByteSink& sink) {
  const GgufParameter theirs = gguf_parameter(parameter);
  const auto width = static_cast<std::size_t>(gguf_sizes(parameter)[0]);
  std::array<T, gguf_piece> piece;
  std::array<std::byte, gguf_piece * sizeof(float)> bytes;
  for (std::size_t row = 0; row * width < numbers.size(); ++row) {
    const GgufRow place = gguf_row(parameter, theirs.transposed, row);
    for (std::size_t first = 0; first < width; first += gguf_piece) {
      const std::size_t count = std::min(gguf_piece, width - first);
      for (std::size_t i = 0; i < count; ++i) {
        piece[i] = numbers[place.first + (first + i) * place.stride];
      }
      encode<T>(type, std::span<const T>(piece).first(count), theirs.name, row * width + first,
                bytes.data());
      sink(std::span<const std::byte>(bytes).first(stored_bytes(type, count)));
    }
  }
}

/// Calls body(place in the parameter, number) for every number of a tensor; FormatError if one is
/// not finite.
template <typename Body>
void for_each_number(const GgufReader& file, const Parameter& parameter, Body body) {
  const GgufParameter theirs = gguf_parameter(parameter);
  const GgufTensor& tensor = file.tensor(theirs.name);
  const auto width = static_cast<std::size_t>(tensor.shape[0]);
  const std::size_t row_bytes = stored_bytes(tensor.type, width);
  std::array<std::byte, gguf_piece * sizeof(float)> bytes;
  std::array<float, gguf_piece> piece;
  for (std::size_t row = 0; row * row_bytes < tensor.bytes; ++row) {
    const GgufRow place = gguf_row(parameter, theirs.transposed, row);
    for (std::size_t first = 0; first < width; first += gguf_piece) {
      const auto numbers = std::span(piece).first(std::min(gguf_piece, width - first));
      file.read(tensor, row * row_bytes + stored_bytes(tensor.type, first),
                std::span(bytes).first(stored_bytes(tensor.type, numbers.size())));
      decode(tensor.type, bytes.data(), numbers);
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!std::isfinite(numbers[i])) {
          file.fail(detail::concat({"tensor ", printable(theirs.name), ": number ",
                                    row * width + first + i, " is not finite"}));
        }
        body(place.first + (first + i) * place.stride, numbers[i]);
      }
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
