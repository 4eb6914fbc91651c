// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/checkpoint/tensor_layout.hpp>
#include <octavo/formats/encode_numbers.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/tensor/weight_source.hpp>

// Tensors of Hugging Face's files, and the parameters that they belong to.
namespace OCTAVO_NAMESPACE::detail {

/// Where the numbers of a tensor lie in its parameter, which must outlive the layout.
inline TensorLayout layout_of(const HfTensor& tensor, const Parameter& parameter) {
  const bool whole = !tensor.transposed && parameter.rows != 0;
  return {&parameter, tensor.first, whole ? parameter.columns : tensor.sizes[0], tensor.transposed};
}

/// The tensor with its numbers, to be written as `type`. `parameter` and `weights` must outlive it.
template <Scalar T>
TensorToWrite hf_tensor_to_write(const HfTensor& tensor, const Parameter& parameter,
                                 const WeightSource<T>& weights, StoredType type) {
  const TensorLayout layout = layout_of(tensor, parameter);
  TensorToWrite result{tensor.name, name_of(type), tensor.sizes, {}};
  result.encoded_bytes = stored_bytes(type, layout.count());
  result.encode = [layout, &weights, type](const TensorToWrite& written, const ByteSink& sink) {
    for_each_row<T>(layout, weights, [&](std::size_t first, std::span<const T> numbers) {
      for_each_encoded_piece<T>(type, numbers, written.name, first, sink);
    });
  };
  return result;
}

}  // namespace OCTAVO_NAMESPACE::detail
