// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/parameter_tensors.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_files.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/gpt2_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// A note about one or more ignored tensors.
inline std::string set_aside(const std::vector<std::string>& names) {
  std::string text = printable(names[0]);
  if (names.size() > 1) text += concat({" to ", printable(names.back())});
  return concat({names.size(), (names.size() == 1 ? " tensor is" : " tensors are"),
                 " set aside, which the model does not need: ", text});
}

}  // namespace detail

/// A GPT-2 in a folder of Hugging Face's format, opened for reading: config.json and the tensors of
/// TensorFiles, in F32, F16, BF16 or F64, under the names of GPT2LMHeadModel or, without
/// "transformer.", of GPT2Model. The constructor compares every name and shape with the
/// configuration. In addition to the weights, files may contain masks ("attn.bias",
/// "attn.masked_bias"), which are ignored, and "lm_head.weight", which must equal the token table.
class Gpt2Folder {
 public:
  /// Error of code no_input if a file cannot be opened; FormatError, naming the file, if one is
  /// invalid.
  explicit Gpt2Folder(const std::string& path, FileSystem& files = real_file_system())
      : config_(read_gpt2_config(FileSource(detail::concat({path, "/config.json"}), files))),
        tensors_(path, files) {
    read_generation(path, files);
    prefix_ = tensors_.find("wte.weight") == nullptr ? full_prefix : std::string_view();
    check_room();
    parameters_ = Transformer<float>(config_.model).parameters();
    check_parameters();
    check_others();
    std::vector<std::string> names;
    for (const Parameter& parameter : parameters_) names.push_back(name_in_file(parameter));
    tensors_.restore_sums(names);
  }

  const Gpt2Config& config() const noexcept { return config_; }
  const ModelConfig& model_config() const noexcept { return config_.model; }
  /// The names of the tensors that were ignored.
  const std::vector<std::string>& ignored() const noexcept { return ignored_; }
  /// What was ignored, a line each.
  std::vector<std::string> notes() const {
    std::vector<std::string> lines = config_.notes;
    if (!ignored_.empty()) lines.push_back(detail::set_aside(ignored_));
    return lines;
  }

  /// Reads all weights without storing them. FormatError if one is not finite, or if it differs
  /// from a checksum in the file.
  void verify() const {
    for (const Parameter& parameter : parameters_) {
      const std::string name = name_in_file(parameter);
      detail::verify_tensor(holder(name), name);
    }
    check_head();
  }

  /// Reads the weights, tensor by tensor, into weights [numbers in the model], in the order of
  /// Transformer::parameters(). After a FormatError some of them may have been written.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a folder's model: numbers in the weights", std::ssize(weights),
                  parameters_.count());
    for (const Parameter& parameter : parameters_) {
      const std::string name = name_in_file(parameter);
      detail::read_tensor<T>(holder(name), name,
                             weights.subspan(static_cast<std::size_t>(parameter.offset),
                                             static_cast<std::size_t>(parameter.count())));
    }
    check_head();
  }

  /// Sets a trainer of the same configuration to these weights. All of them are verified before the
  /// trainer is changed.
  template <typename Trainer>
  void load(Trainer& trainer) const {
    detail::require_gpt2_trainer(trainer, model_config(), "a folder's");
    verify();
    read(trainer.weights());
  }

 private:
  static constexpr std::string_view full_prefix = "transformer.";
  static constexpr std::string_view head = "lm_head.weight";

  void read_generation(const std::string& path, FileSystem& files) {
    try {
      const FileSource source(detail::concat({path, "/generation_config.json"}), files);
      read_generation_config(source, config_);
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
    }
  }

  std::string name_in_file(const Parameter& parameter) const {
    return gpt2_name(parameter.name, prefix_);
  }

  const SafetensorsReader& holder(const std::string& name) const { return *tensors_.find(name); }

  /// FormatError if the files are too small for the configuration. Called before memory is
  /// allocated for it. (A block has twelve tensors.)
  void check_room() const {
    const ModelConfig& model = config_.model;
    if (model.layers > std::ssize(tensors_.holders()) / 12) {
      tensors_.fail(detail::concat({"config.json says ", model.layers, " layers, there are ",
                                    tensors_.holders().size(), " tensors"}));
    }
    const auto real = [](Index size) { return static_cast<double>(size); };
    const double weights =
        real(model.width) *
        (real(model.vocabulary) + real(model.context) +
         real(model.layers) * (4 * real(model.width) + 2 * real(model.feed_forward.d_ff)));
    if (weights * sizeof(Float16) > static_cast<double>(tensors_.bytes())) {
      tensors_.fail(detail::concat(
          {"config.json says ", describe(model), ", for which there are too few bytes"}));
    }
  }

  void check_parameters() const {
    constexpr std::array<std::string_view, 4> dtypes{"F32", "F16", "BF16", "F64"};
    for (const Parameter& parameter : parameters_) {
      const std::string name = name_in_file(parameter);
      const auto sizes = detail::sizes_of(parameter);
      if (tensors_.find(name) == nullptr) {
        tensors_.fail(detail::concat(
            {"tensor ", printable(name), " is missing, expected ", detail::readable(sizes)}));
      }
      detail::check_tensor(holder(name), name, sizes, dtypes);
    }
  }

  /// Whether a tensor belongs to a class with another head in addition to, or instead of, that of
  /// GPT2LMHeadModel.
  static bool is_other_head(std::string_view name) {
    constexpr std::array<std::string_view, 4> heads{"multiple_choice_head.", "score.",
                                                    "classifier.", "qa_outputs."};
    return std::any_of(heads.begin(), heads.end(),
                       [&](std::string_view one) { return name.starts_with(one); });
  }

  /// FormatError for a tensor that is neither a weight nor known.
  void check_others() {
    std::set<std::string> known;
    for (const Parameter& parameter : parameters_) known.insert(name_in_file(parameter));
    for (Index layer = 0; layer < config_.model.layers; ++layer) {
      for (const char* mask : {".attn.bias", ".attn.masked_bias"}) {
        std::string name(prefix_);
        ((name += "h.") += std::to_string(layer)) += mask;
        if (tensors_.find(name) != nullptr) ignored_.push_back(name);
      }
    }
    for (const auto& holder : tensors_.holders()) {
      if (is_other_head(holder.first)) ignored_.push_back(holder.first);
    }
    known.insert(ignored_.begin(), ignored_.end());
    for (const auto& [name, file] : tensors_.holders()) {
      if (name == head || known.contains(name)) continue;
      file->fail(detail::concat({"tensor ", printable(name), " of shape ",
                                 detail::readable(file->tensor(name).shape),
                                 " does not belong to this GPT-2"}));
    }
  }

  /// FormatError if the file has a head that does not equal the token table, bit for bit.
  void check_head() const {
    const std::string name(head);
    const SafetensorsReader* const file = tensors_.find(name);
    if (file == nullptr) return;
    const std::string table_name = detail::concat({prefix_, "wte.weight"});
    const SafetensorsReader& table_file = holder(table_name);
    const TensorInFile& tensor = file->tensor(name);
    const TensorInFile& table = table_file.tensor(table_name);
    bool equal = tensor.shape == table.shape && tensor.dtype == table.dtype;
    std::array<std::byte, 4096> piece, expected;
    for (std::size_t first = 0; equal && first < table.bytes; first += piece.size()) {
      const std::size_t count = std::min(piece.size(), table.bytes - first);
      file->read(tensor, first, std::span(piece).first(count));
      table_file.read(table, first, std::span(expected).first(count));
      equal = std::equal(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count),
                         expected.begin());
    }
    if (equal) return;
    file->fail(detail::concat({"tensor 'lm_head.weight' is not ", printable(table_name),
                               ", though the configuration ties them"}),
               "Octavo reads a GPT-2 only if its head is tied to the token table");
  }

  Gpt2Config config_;
  TensorFiles tensors_;
  std::string_view prefix_;
  ParameterList parameters_;
  std::vector<std::string> ignored_;
};

/// A loaded GPT-2.
template <Scalar T>
struct PretrainedModel {
  Gpt2Config config;
  AlignedBuffer<T> weights;          ///< in the order of Transformer::parameters()
  std::vector<std::string> ignored;  ///< names of ignored tensors
  std::vector<std::string> notes;    ///< what was ignored, a line each
};

/// Loads the model of a folder in Hugging Face's format. See read_tokenizer_folder() for its
/// tokenizer.
template <Scalar T>
PretrainedModel<T> load_pretrained(const std::string& path,
                                   FileSystem& files = real_file_system()) {
  const Gpt2Folder folder(path, files);
  const auto count = static_cast<std::size_t>(parameter_count(folder.model_config()));
  PretrainedModel<T> model{folder.config(), AlignedBuffer<T>(count), folder.ignored(),
                           folder.notes()};
  folder.read<T>(model.weights);
  return model;
}

namespace detail {

template <Scalar T, StoredType type>
void emit_as(const TensorToWrite& tensor, const ByteSink& sink) {
  const std::span numbers(reinterpret_cast<const T*>(tensor.bytes.data()),
                          tensor.bytes.size() / sizeof(T));
  for_each_encoded_piece<T>(type, numbers, tensor.name, sink);
}

template <Scalar T>
constexpr auto emitter(StoredType type) {
  return type == StoredType::f32   ? emit_as<T, StoredType::f32>
         : type == StoredType::f16 ? emit_as<T, StoredType::f16>
                                   : emit_as<T, StoredType::bf16>;
}

}  // namespace detail

/// Saves the weights of a GPT-2 as "model.safetensors" and "config.json" in a folder, which is
/// created if it does not exist; each of the two files appears whole or not at all. Makes no second
/// copy of the weights. `type` must not be Q8_0. Error of code bad_data if GPT-2 cannot express the
/// model, or if `type` cannot express a weight.
template <Scalar T>
void save_pretrained(const std::string& path, const ModelDescription& model,
                     const Gpt2Config& config, std::span<const T> weights,
                     StoredType type = StoredType::f32, FileSystem& files = real_file_system()) {
  detail::require_gpt2_model(model, config.model,
                             detail::concat({"cannot write ", printable(path)}));
  require_gpt2(config.model, detail::concat({"cannot write ", printable(path)}),
               Gpt2Activations::any);
  require(type != StoredType::q8_0, "Q8_0: a folder has F32, F16 or BF16; only GGUF has Q8_0");
  const ParameterList& parameters = model.parameters;
  require_equal("save_pretrained: numbers in the weights", std::ssize(weights), parameters.count());
  std::vector<TensorToWrite> tensors;
  for (const Parameter& parameter : parameters) {
    const auto count = static_cast<std::size_t>(parameter.count());
    const auto numbers = weights.subspan(static_cast<std::size_t>(parameter.offset), count);
    tensors.push_back({gpt2_name(parameter.name), name_of(type), detail::sizes_of(parameter),
                       std::as_bytes(numbers), detail::emitter<T>(type),
                       detail::stored_bytes(type, count)});
  }
  const std::string config_text = gpt2_config_text(config, type);
  if (files.mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw IoError(ErrorCode::cannot_create,
                  detail::concat({"cannot create folder ", printable(path)}), detail::last_error(),
                  "check that the folder above it exists and can be written");
  }
  write_safetensors(detail::concat({path, "/model.safetensors"}), tensors, {{"format", "pt"}},
                    files);
  AtomicFile config_file(detail::concat({path, "/config.json"}), files);
  config_file.write(config_text);
  config_file.commit();
}

}  // namespace OCTAVO_NAMESPACE
