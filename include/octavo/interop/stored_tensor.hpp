// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/tensor_layout.hpp>
#include <octavo/formats/encode_numbers.hpp>
#include <octavo/numeric/stored_type.hpp>
#include <octavo/tensor/line_groups.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/stored_matrix.hpp>
#include <octavo/transformer/stored_weights.hpp>

// Weights in the number types of their file.
namespace OCTAVO_NAMESPACE::detail {

/// A tensor of a file as it is stored. A parameter consists of one or up to three.
struct StoredTensor {
  std::string name;
  StoredType type = StoredType::f32;
  TensorLayout layout;
  const std::byte* mapped = nullptr;  ///< its bytes, if its file is mapped
  /// Reads bytes of the tensor, from its byte `first` on.
  std::function<void(std::size_t first, std::span<std::byte> bytes)> read;
  /// Throws the FormatError of the file.
  std::function<void(const std::string& what)> fail;
};

/// Whether a row of the file is a line of the matrix.
inline bool lies_in_lines(const TensorLayout& layout) noexcept {
  return layout.parameter->is_map() == layout.transposed;
}

/// The matrix of a tensor of a parameter that may be stored: in the mapped file, if it lies there
/// in lines, else in groups.
inline StoredMatrix matrix_of(const StoredTensor& tensor) {
  const TensorLayout& layout = tensor.layout;
  const Parameter& parameter = *layout.parameter;
  StoredMatrix matrix{tensor.type, StoredLayout::grouped};
  matrix.lines = parameter.is_map() ? layout.columns : parameter.rows;
  matrix.length = parameter.is_map() ? parameter.rows : layout.columns;
  if (tensor.mapped != nullptr && lies_in_lines(layout)) {
    matrix.layout = StoredLayout::lines;
    matrix.data = tensor.mapped;
    matrix.pairs = layout.pairs;
  }
  return matrix;
}

/// FormatError if a number of a line is not finite.
inline void check_line(const StoredTensor& tensor, std::size_t line,
                       std::span<const std::byte> bytes) {
  std::array<float, 256> numbers;
  const std::size_t step = stored_bytes(tensor.type, numbers.size());
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const std::size_t count = std::min(step, bytes.size() - at) /
                              traits_of(tensor.type).block_bytes * block_of(tensor.type);
    decode(tensor.type, bytes.data() + at, std::span(numbers).first(count));
    const std::size_t wrong = first_not_finite<float>(std::span<const float>(numbers).first(count));
    if (wrong == count) continue;
    const std::size_t before = at / traits_of(tensor.type).block_bytes * block_of(tensor.type);
    tensor.fail(concat({"tensor ", printable(tensor.name), ": number ",
                        line * tensor.layout.width() + before + wrong, " is not finite"}));
  }
}

/// FormatError if a number of a matrix in a mapped file is not finite.
inline void check_mapped(const StoredTensor& tensor, const StoredMatrix& matrix) {
  const std::size_t bytes = stored_bytes(tensor.type, static_cast<std::size_t>(matrix.length));
  for (std::size_t i = 0; i < static_cast<std::size_t>(matrix.lines); ++i) {
    check_line(tensor, i, {matrix.data + i * bytes, bytes});
  }
}

/// Fills the groups of a matrix of blocks, line by line.
inline void fill_blocks(const StoredTensor& tensor, const StoredMatrix& matrix,
                        std::span<std::byte> bytes) {
  std::vector<std::byte> line(stored_bytes(tensor.type, static_cast<std::size_t>(matrix.length)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(matrix.lines); ++i) {
    tensor.read(i * line.size(), line);
    check_line(tensor, i, line);
    const auto row = static_cast<Index>(i);
    const Index output =
        tensor.layout.transposed ? tensor.layout.column(row) - tensor.layout.first : row;
    place_in_group(tensor.type, matrix.length, output, line, bytes);
  }
}

/// Fills the groups of a matrix of floating-point numbers, some lines at a time. read(block,
/// numbers) reads a block of the parameter.
template <typename Read>
void fill_numbers(const StoredTensor& tensor, const StoredMatrix& matrix,
                  std::span<std::byte> bytes, Read read) {
  const TensorLayout& layout = tensor.layout;
  const Parameter& parameter = *layout.parameter;
  const Index most =
      std::max<Index>(group_lines, block_numbers<float> / std::max<Index>(matrix.length, 1) /
                                       group_lines * group_lines);
  std::vector<float> numbers(
      static_cast<std::size_t>(std::min(most, matrix.lines) * matrix.length));
  std::vector<std::byte> line(stored_bytes(tensor.type, static_cast<std::size_t>(matrix.length)));
  for (Index first = 0; first < matrix.lines; first += most) {
    const Index count = std::min(most, matrix.lines - first);
    const auto part = std::span(numbers).first(static_cast<std::size_t>(count * matrix.length));
    if (parameter.is_map()) {
      read(ParameterBlock(parameter, 0, parameter.rows, layout.first + first, count, true), part);
    } else {
      read(ParameterBlock(parameter, first, count, 0, layout.columns), part);
    }
    for (Index i = 0; i < count; ++i) {
      const auto one = part.subspan(static_cast<std::size_t>(i * matrix.length),
                                    static_cast<std::size_t>(matrix.length));
      encode<float>(tensor.type, one, tensor.name, 0, line.data());
      place_in_group(tensor.type, matrix.length, first + i, line, bytes);
    }
  }
}

/// How the weights of a model's file are kept.
template <typename TensorsOf>
StoredWeightsPlan stored_plan(const ParameterList& parameters, TensorsOf tensors_of) {
  StoredWeightsPlan plan;
  for (const Parameter& parameter : parameters) {
    if (!may_be_stored(parameter)) {
      plan.add_numbers(parameter);
      continue;
    }
    std::vector<StoredMatrix> matrices;
    for (const StoredTensor& tensor : tensors_of(parameter)) matrices.push_back(matrix_of(tensor));
    plan.add_matrices(matrices);
  }
  return plan;
}

/// The weights of a model's file. `tensors_of(parameter)` gives the StoredTensors of a parameter
/// and `read(block, numbers)` its numbers; `mapping` keeps mapped files.
template <typename TensorsOf, typename Read>
StoredWeights<float> load_stored(const ParameterList& parameters, TensorsOf tensors_of, Read read,
                                 std::shared_ptr<const void> mapping = {}) {
  StoredWeights<float> weights(stored_plan(parameters, tensors_of), std::move(mapping));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    if (!may_be_stored(parameter)) {
      read(ParameterBlock(parameter), weights.numbers(i));
      continue;
    }
    const std::vector<StoredTensor> tensors = tensors_of(parameter);
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      const StoredMatrix& matrix = weights.parameters()[i].stored[k];
      if (matrix.layout == StoredLayout::lines) {
        check_mapped(tensors[k], matrix);
        continue;
      }
      const std::span<std::byte> bytes = weights.matrix_bytes(i, k);
      block_of(matrix.type) > 1 ? fill_blocks(tensors[k], matrix, bytes)
                                : fill_numbers(tensors[k], matrix, bytes, read);
    }
  }
  return weights;
}

}  // namespace OCTAVO_NAMESPACE::detail
