// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/tensor_layout.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/gpt2_names.hpp>

// A model's parameters as tensors of a safetensors file.
namespace OCTAVO_NAMESPACE::detail {

inline std::vector<Index> sizes_of(const Parameter& parameter) {
  if (parameter.rows == 0) return {parameter.columns};
  return {parameter.rows, parameter.columns};
}

/// The name in a checkpoint of a tensor's weights in training, where the tensor itself has their
/// average.
inline std::string training_name(const Parameter& parameter) {
  return concat({"training.", gpt2_name(parameter.name)});
}

/// Fills numbers [rows, columns] of a block from a tensor with this layout. FormatError if the file
/// has other checksums, which are compared if the block has the whole tensor, or a number that is
/// not finite or too large for T.
template <Scalar T>
void read_tensor_block(const SafetensorsReader& file, const std::string& name,
                       const TensorLayout& layout, const ParameterBlock& block,
                       std::span<T> numbers) {
  TensorNumbers<T> stored(file, name);
  read_block<T>(layout, block, numbers, stored);
  stored.finish();
}

/// FormatError unless the file has all parameters but those outside the block, all `others`, and no
/// other tensors.
inline void check_tensors(const SafetensorsReader& file, const ParameterList& parameters,
                          std::span<const std::string_view> dtypes,
                          std::span<const std::string> others) {
  for (const Parameter& parameter : parameters) {
    if (parameter.outside) continue;
    check_tensor(file, gpt2_name(parameter.name), sizes_of(parameter), dtypes);
  }
  std::set<std::string> known(others.begin(), others.end());
  for (const std::string& name : others) file.tensor(name);
  for (const Parameter& parameter : parameters) {
    if (!parameter.outside) known.insert(gpt2_name(parameter.name));
  }
  for (const auto& [name, tensor] : file.tensors()) {
    if (!known.contains(name)) {
      file.fail(detail::concat({"tensor ", printable(name), " does not belong to this model"}));
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
