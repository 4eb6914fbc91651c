// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/base_metadata.hpp>
#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/checkpoint/parameter_tensors.hpp>
#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/model_description.hpp>

namespace OCTAVO_NAMESPACE {

/// The content of a model file: everything that generation needs.
template <Scalar T>
struct LoadedModel {
  ModelConfig config;
  Index trained_length = 0;  ///< the longest sequence in training
  AnyTokenizer tokenizer;
  AlignedBuffer<T> weights;  ///< in the order of Transformer::parameters()
};

namespace detail {

/// The name in a checkpoint of the tensor with the optimizer's state.
inline constexpr std::string_view optimizer_state_name = "optimizer.state";
/// With DiLoCo: the momentum of its outer steps.
inline constexpr std::string_view outer_momentum_name = "outer.momentum";

/// Error of code bad_data unless all weights for the file `path` are finite.
template <Scalar T>
void require_finite(std::span<const T> weights, const std::string& path) {
  if (all_finite<T>(weights)) return;
  throw Error(ErrorCode::bad_data,
              concat({"cannot save ", printable(path), ": not all weights are finite"}),
              "use a model that has not diverged");
}

/// The parameters, but for those outside the block, as tensors for the file `path`. The arguments
/// must outlive them.
template <Scalar T>
std::vector<TensorToWrite> weights_to_write(const ParameterList& parameters,
                                            const WeightSource<T>& weights,
                                            const std::string& path) {
  std::vector<TensorToWrite> tensors;
  tensors.reserve(parameters.size() + 1);
  for (const Parameter& parameter : parameters) {
    if (parameter.outside) continue;
    const auto count = static_cast<std::size_t>(parameter.count());
    const auto in_memory = weights.weights().subspan(
        weights.in_memory() ? static_cast<std::size_t>(parameter.offset) : 0,
        weights.in_memory() ? count : 0);
    tensors.push_back(
        tensor_to_write<T>(gpt2_name(parameter.name), sizes_of(parameter), in_memory));
    if (weights.in_memory()) continue;
    tensors.back().encoded_bytes = count * sizeof(T);
    tensors.back().encode = [&parameter, &weights, &path](const TensorToWrite&,
                                                          const ByteSink& sink) {
      for_each_row<T>({&parameter, 0, parameter.columns}, weights,
                      [&](std::size_t, std::span<const T> numbers) {
                        require_finite<T>(numbers, path);
                        sink(std::as_bytes(numbers));
                      });
    };
  }
  return tensors;
}

template <Scalar T>
void read_weights(const SafetensorsReader& file, const ParameterList& parameters,
                  std::span<T> weights) {
  for (const Parameter& parameter : parameters) {
    if (parameter.outside) continue;
    read_tensor<T>(file, gpt2_name(parameter.name),
                   weights.subspan(static_cast<std::size_t>(parameter.offset),
                                   static_cast<std::size_t>(parameter.count())));
  }
}

}  // namespace detail

namespace detail {

template <Scalar T>
void save_model(const std::string& path, const ModelDescription& model, Index trained_length,
                const AnyTokenizer& tokenizer, const WeightSource<T>& weights,
                const BaseIdentity& base, FileSystem& files) {
  weights.require_count("save_model: numbers in the weights", model.parameters.count());
  check_saved(model.config, trained_length, tokenizer.vocabulary_size());
  require_finite<T>(weights.weights(), path);
  MetadataWriter metadata;
  write_format(metadata, "model");
  for_each_field(model.config, FieldWriter{metadata});
  write_part(metadata, model.part);
  write_tokenizer(metadata, tokenizer);
  metadata.whole("trained_length", trained_length);
  write_base(metadata, base);
  write_safetensors(path, weights_to_write<T>(model.parameters, weights, path), metadata.entries(),
                    files);
}

}  // namespace detail

/// Saves a model's weights, configuration, part, trained length and tokenizer as one safetensors
/// file, atomically: `save_model<float>(path, trainer.model(), 32, tokenizer, trainer.weights())`.
/// Weights that are not in memory (see WeightSource) pass through at most 16 MiB of it. Tensor
/// names are those of Transformer::parameters(). ConfigError for a length beyond the context or a
/// tokenizer with more tokens than the model; Error of code bad_data for weights that are not
/// finite. Such a file could not be loaded.
template <Scalar T>
void save_model(const std::string& path, const ModelDescription& model, Index trained_length,
                const AnyTokenizer& tokenizer, const std::type_identity_t<WeightSource<T>>& weights,
                FileSystem& files = real_file_system()) {
  detail::save_model<T>(path, model, trained_length, tokenizer, weights, {}, files);
}

/// A model file, or the model of a checkpoint, opened for reading. The file must contain exactly
/// the tensors that its metadata demands, in their shapes; otherwise FormatError says what differs.
class ModelFile {
 public:
  /// `source` must outlive this object. `kind`: the kind of model, model_kind<Model>; FormatError
  /// if the file's model has another part.
  explicit ModelFile(const ByteSource& source, ModelKind kind = standard_model) : file_(source) {
    const MetadataReader metadata(file_);
    constexpr std::array<std::string_view, 2> kinds{"model", "checkpoint"};
    constexpr std::array<std::string_view, 2> dtypes{"F32", "F64"};
    const bool checkpoint = detail::read_format(metadata, kinds) == 1;
    config_ = detail::read_config(metadata);
    trained_length_ = detail::read_trained_length(metadata, config_);
    tokenizer_ = detail::read_tokenizer(metadata, config_.vocabulary);
    const ModelDescription model = detail::describe_model(metadata, kind, config_);
    detail::check_part(file_, detail::read_part(metadata), model.part,
                       "load it as the model that it was saved from: model_kind<Model>");
    parameters_ = model.parameters;
    base_ = detail::read_base(metadata);
    if (base_.exists()) detail::leave_to_base(file_, parameters_);
    // All shapes before the first allocation: they bound it by the size of the file.
    const std::vector<std::string> others =
        checkpoint ? tensors_of_run() : std::vector<std::string>{};
    detail::check_tensors(file_, parameters_, dtypes, others);
    check_header(checkpoint, others);
  }

  const ModelConfig& config() const noexcept { return config_; }
  Index trained_length() const noexcept { return trained_length_; }
  const AnyTokenizer& tokenizer() const noexcept { return *tokenizer_; }
  /// Without a base all are in the file; otherwise those outside the block are the base's.
  const ParameterList& parameters() const noexcept { return parameters_; }
  /// The base of a file that has adapters and what else trained alone; see ModelSource, which opens
  /// both.
  const BaseIdentity& base() const noexcept { return base_; }

  /// Reads the weights into weights [parameters().count()], in the order of
  /// Transformer::parameters(), and converts the other scalar type to T. FormatError if a tensor is
  /// altered or a weight is not finite; some of `weights` may then have been written.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a model file: numbers in the weights", std::ssize(weights), parameters_.count());
    detail::read_weights<T>(file_, parameters_, weights);
  }

  /// Reads one parameter, or some rows and columns of it: numbers [rows, columns]. The checksum is
  /// compared only if the block is the whole parameter: see check_sums().
  template <Scalar T>
  void read(const ParameterBlock& block, std::span<T> numbers) const {
    detail::check_block(block, parameters_, numbers.size());
    const Parameter& parameter = *block.parameter;
    detail::read_tensor_block<T>(file_, gpt2_name(parameter.name),
                                 {&parameter, 0, parameter.columns}, block, numbers);
  }

  /// FormatError if a tensor of the model is altered.
  void check_sums() const {
    for (const Parameter& parameter : parameters_) {
      if (parameter.outside) continue;
      detail::check_sum(file_, gpt2_name(parameter.name));
    }
  }

 private:
  /// The tensors of a checkpoint that are not the model's. What the model's tensors are the
  /// averages of is not needed here.
  std::vector<std::string> tensors_of_run() const {
    std::vector<std::string> names{std::string(detail::optimizer_state_name)};
    std::string outer(detail::outer_momentum_name);
    if (file_.tensors().contains(outer)) names.push_back(std::move(outer));
    for (const Parameter& parameter : parameters_) {
      std::string name = detail::training_name(parameter);
      if (file_.tensors().contains(name)) names.push_back(std::move(name));
    }
    return names;
  }

  /// FormatError if the header is altered, unless another program has only rewritten it or, in a
  /// model file, converted all numbers between F32 and F64.
  void check_header(bool checkpoint, std::span<const std::string> others) {
    if (file_.is_unaltered()) return;
    std::vector<std::string> names;
    for (const Parameter& parameter : parameters_) {
      if (!parameter.outside) names.push_back(gpt2_name(parameter.name));
    }
    names.insert(names.end(), others.begin(), others.end());
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
  BaseIdentity base_;
};

/// Loads the model of a model file or a checkpoint: see ModelFile. For a model with a part of the
/// user's own: `load_model<float>(source, model_kind<MyModel>)`.
template <Scalar T>
LoadedModel<T> load_model(const ByteSource& source, ModelKind kind = standard_model) {
  const ModelFile file(source, kind);
  if (file.base().exists()) {
    throw FormatError(detail::concat({"cannot load ", printable(source.name()),
                                      ": it has the adapters of a model alone, whose base is ",
                                      printable(file.base().path)}),
                      "open it as a ModelSource, which reads both");
  }
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
