// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/interop/hf_config.hpp>
#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/interop/hf_tensors.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/numeric/stored_type.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/transformer/model_description.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Whether a folder needs a generation_config.json: for several tokens that end a text, which other
/// programs look for there, or because it has one of another model, which would count.
inline bool needs_generation_config(const std::string& path, const PretrainedConfig& config,
                                    FileSystem& files) {
  if (!config.other_end_tokens.empty()) return true;
  try {
    const FileSource old(path, files);
    return true;
  } catch (const IoError& error) {
    if (error.reason() != std::errc::no_such_file_or_directory) throw;
    return false;
  }
}

/// Creates a folder unless it exists.
/// Makes a folder unless it exists, and calls write(); if that fails, a folder made here goes.
template <typename Write>
void write_in_folder(const std::string& path, FileSystem& files, Write write) {
  const bool created = files.mkdir(path.c_str(), 0777) == 0;
  if (!created && errno != EEXIST) {
    throw IoError(ErrorCode::cannot_create, concat({"cannot create folder ", printable(path)}),
                  last_error(), "check that the folder above it exists and can be written");
  }
  try {
    write();
  } catch (...) {
    if (created) files.rmdir(path.c_str());
    throw;
  }
}

inline void write_text(const std::string& path, const std::string& text, FileSystem& files) {
  AtomicFile file(path, files);
  file.write(text);
  file.commit();
}

}  // namespace detail

/// Saves a model as "model.safetensors" and "config.json", and, where it is needed,
/// "generation_config.json", in a folder, which is created if it does not exist; each file appears
/// whole or not at all. Makes no second copy of the weights; those that are not in memory (see
/// WeightSource) pass through at most 16 MiB of it. `type`: not of blocks. Error of code bad_data
/// if no model class of transformers computes the model, or if `type` cannot express a weight.
template <Scalar T>
void save_pretrained(const std::string& path, const ModelDescription& model,
                     const PretrainedConfig& config,
                     const std::type_identity_t<WeightSource<T>>& weights,
                     StoredType type = StoredType::f32, FileSystem& files = real_file_system()) {
  const std::string what = detail::concat({"cannot write ", printable(path)});
  detail::require_same_model(model, config.model, what);
  const std::string config_text = hf_config_text(config, type, what);
  require(block_of(type) == 1, [&] {
    return detail::concat(
        {name_of(type), ": a folder has F32, F16 or BF16; only GGUF has ", name_of(type)});
  });
  const ParameterList& parameters = model.parameters;
  weights.require_count("save_pretrained: numbers in the weights", parameters.count());
  const detail::HfTensorNames names(config.model);
  std::vector<TensorToWrite> tensors;
  for (const Parameter& parameter : parameters) {
    for (const detail::HfTensor& tensor : names.tensors_of(parameter)) {
      tensors.push_back(detail::hf_tensor_to_write<T>(tensor, parameter, weights, type));
    }
  }
  detail::write_in_folder(path, files, [&] {
    write_safetensors(detail::concat({path, "/model.safetensors"}), tensors, {{"format", "pt"}},
                      files);
  });
  const std::string generation = detail::concat({path, "/generation_config.json"});
  if (detail::needs_generation_config(generation, config, files)) {
    detail::write_text(generation, generation_config_text(config), files);
  }
  detail::write_text(detail::concat({path, "/config.json"}), config_text, files);
  if (!config.chat_template.empty()) {
    detail::write_text(detail::concat({path, "/chat_template.jinja"}), config.chat_template, files);
  }
}

}  // namespace OCTAVO_NAMESPACE
