// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/checkpoint/parameter_tensors.hpp>
#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/model_description.hpp>

namespace OCTAVO_NAMESPACE {

/// Everything that generation needs: what a model file holds.
template <Scalar T>
struct LoadedModel {
  ModelConfig config;
  Index trained_length = 0;  ///< the longest sequence that training showed it
  AnyTokenizer tokenizer;
  AlignedBuffer<T> weights;  ///< in the order of Transformer::parameters()
};

namespace detail {

/// Of a checkpoint: what an optimizer remembers.
inline constexpr std::string_view optimizer_state_name = "optimizer.state";

template <Scalar T>
std::vector<TensorToWrite> weights_to_write(const ParameterList& parameters,
                                            std::span<const T> weights) {
  std::vector<TensorToWrite> tensors;
  tensors.reserve(parameters.size() + 1);
  for (const Parameter& parameter : parameters) {
    const auto first = static_cast<std::size_t>(parameter.offset);
    tensors.push_back(
        tensor_to_write<T>(gpt2_name(parameter.name), sizes_of(parameter),
                           weights.subspan(first, static_cast<std::size_t>(parameter.count()))));
  }
  return tensors;
}

template <Scalar T>
void read_weights(const SafetensorsReader& file, const ParameterList& parameters,
                  std::span<T> weights) {
  for (const Parameter& parameter : parameters) {
    read_tensor<T>(file, gpt2_name(parameter.name),
                   weights.subspan(static_cast<std::size_t>(parameter.offset),
                                   static_cast<std::size_t>(parameter.count())));
  }
}

}  // namespace detail

/// Saves the weights of a model, its shape and part, trained length and tokenizer as one
/// safetensors file, atomically: `save_model<float>(path, trainer.model(), 32, tokenizer,
/// trainer.weights())`. Tensor names are those of Transformer::parameters(). ConfigError, or Error
/// of code bad_data, for what could not be loaded: a length beyond the context, more tokens than
/// the model has, weights that are not finite.
template <Scalar T>
void save_model(const std::string& path, const ModelDescription& model, Index trained_length,
                const AnyTokenizer& tokenizer, std::span<const T> weights,
                FileSystem& files = real_file_system()) {
  require_equal("save_model: numbers in the weights", static_cast<Index>(weights.size()),
                model.parameters.count());
  detail::check_saved(model.config, trained_length, tokenizer.vocabulary_size());
  if (!detail::all_finite<T>(weights)) {
    throw Error(ErrorCode::bad_data,
                detail::concat({"cannot save ", printable(path), ": not all weights are finite"}),
                "use a model that has not diverged");
  }
  MetadataWriter metadata;
  detail::write_format(metadata, "model");
  for_each_field(model.config, detail::FieldWriter{metadata});
  detail::write_part(metadata, model.part);
  detail::write_tokenizer(metadata, tokenizer);
  metadata.whole("trained_length", trained_length);
  write_safetensors(path, detail::weights_to_write<T>(model.parameters, weights),
                    metadata.entries(), files);
}

/// A model file, or the model of a checkpoint, opened for reading. Every tensor must be there, of
/// the shape that the metadata demands, and nothing else may be. FormatError says what differs.
class ModelFile {
 public:
  /// `source` must outlive this object. `kind`: the kind of model, model_kind<Model>; a file of a
  /// model with another part is refused.
  explicit ModelFile(const ByteSource& source, ModelKind kind = standard_model) : file_(source) {
    const MetadataReader metadata(file_);
    constexpr std::array<std::string_view, 2> kinds{"model", "checkpoint"};
    constexpr std::array<std::string_view, 2> dtypes{"F32", "F64"};
    constexpr std::array others{detail::optimizer_state_name};
    const bool checkpoint = detail::read_format(metadata, kinds) == 1;
    config_ = detail::read_config(metadata);
    trained_length_ = detail::read_trained_length(metadata, config_);
    tokenizer_ = detail::read_tokenizer(metadata, config_.vocabulary);
    const ModelDescription model = kind(config_);
    detail::check_part(file_, detail::read_part(metadata), model.part);
    parameters_ = model.parameters;
    // All shapes before the first allocation: they bound it by the size of the file.
    detail::check_tensors(file_, parameters_, dtypes,
                          std::span(others).first(checkpoint ? others.size() : 0));
    check_header(checkpoint);
  }

  const ModelConfig& config() const noexcept { return config_; }
  Index trained_length() const noexcept { return trained_length_; }
  const AnyTokenizer& tokenizer() const noexcept { return *tokenizer_; }
  const ParameterList& parameters() const noexcept { return parameters_; }

  /// weights [numbers in the model], in the order of Transformer::parameters(); those of the other
  /// scalar type are converted. FormatError if one is altered or not finite: half of them may have
  /// come.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a model file: numbers in the weights", std::ssize(weights), parameters_.count());
    detail::read_weights<T>(file_, parameters_, weights);
  }

 private:
  /// Of a model another program may have changed the type of the numbers.
  void check_header(bool checkpoint) {
    if (file_.is_unaltered()) return;
    std::vector<std::string> names;
    for (const Parameter& parameter : parameters_) names.push_back(gpt2_name(parameter.name));
    if (checkpoint) names.emplace_back(detail::optimizer_state_name);
    const bool sound =
        file_.restore_sums(names) ||
        (!checkpoint && (file_.restore_sums(names, "F32") || file_.restore_sums(names, "F64")));
    if (!sound) file_.fail_altered();
  }

  SafetensorsReader file_;
  ModelConfig config_;
  Index trained_length_ = 0;
  std::optional<AnyTokenizer> tokenizer_;
  ParameterList parameters_;
};

/// Loads the model of a model file or a checkpoint: see ModelFile. A model with a part of the
/// user's: `load_model<float>(source, model_kind<MyModel>)`.
template <Scalar T>
LoadedModel<T> load_model(const ByteSource& source, ModelKind kind = standard_model) {
  const ModelFile file(source, kind);
  LoadedModel<T> model{file.config(), file.trained_length(), file.tokenizer(),
                       AlignedBuffer<T>(static_cast<std::size_t>(file.parameters().count()))};
  file.read<T>(model.weights);
  return model;
}

template <Scalar T>
LoadedModel<T> load_model(const std::string& path, ModelKind kind = standard_model,
                          FileSystem& files = real_file_system()) {
  return load_model<T>(FileSource(path, files), kind);
}

}  // namespace OCTAVO_NAMESPACE
