// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/base_weights.hpp>
#include <octavo/transformer/gpt2_names.hpp>

// Files of a run on a base outside the trainer (TrainingOptions::stored_base) have what trains and
// adapters, and name the base.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr std::size_t most_base_path_bytes = 65536;

inline void write_base(MetadataWriter& metadata, const BaseIdentity& base) {
  if (!base.exists()) return;
  metadata.text("base.fingerprint", base.fingerprint);
  metadata.text("base.path", to_hex(base.path));
}

/// Does not exist if the file has all of the model.
inline BaseIdentity read_base(const MetadataReader& metadata) {
  BaseIdentity base;
  const std::string key = "base.fingerprint";
  if (!metadata.has(key)) return base;
  base.fingerprint = metadata.text(key);
  const auto is_digit = [](char symbol) {
    return std::string_view("0123456789abcdef").find(symbol) != std::string_view::npos;
  };
  if (base.fingerprint.size() != 16 ||
      !std::all_of(base.fingerprint.begin(), base.fingerprint.end(), is_digit)) {
    metadata.refuse(key, "16 hexadecimal digits");
  }
  base.path = from_hex(metadata, "base.path", most_base_path_bytes);
  return base;
}

/// Marks the tensors that the file leaves to the base; adapters are none of them.
inline void leave_to_base(const SafetensorsReader& file, ParameterList& parameters) {
  parameters.set_outside([&](const Parameter& parameter) {
    return !is_adapter(parameter.name) && !file.tensors().contains(gpt2_name(parameter.name));
  });
}

}  // namespace OCTAVO_NAMESPACE::detail
