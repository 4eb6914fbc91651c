// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/files/mapped_file.hpp>
#include <octavo/formats/tensor_files.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/chat_template_file.hpp>
#include <octavo/interop/hf_config.hpp>
#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/interop/hf_tensors.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/interop/stored_tensor.hpp>
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

/// A model in a folder of Hugging Face's format, opened for reading: config.json and the tensors of
/// TensorFiles, in F32, F16, BF16 or F64, under the names of the class for text generation or,
/// without a prefix, of the class without a head. The constructor compares every name and shape
/// with the configuration. In addition to the weights, files may contain masks, frequencies and
/// other heads, which are ignored, and "lm_head.weight" of a tied model, which must equal the token
/// table.
class HuggingFaceFolder {
 public:
  /// Error of code no_input if a file cannot be opened; FormatError, naming the file, if one is
  /// invalid.
  explicit HuggingFaceFolder(const std::string& path, FileSystem& files = real_file_system())
      : config_(read_hf_config(FileSource(detail::concat({path, "/config.json"}), files))),
        tensors_(path, files),
        names_(config_.model) {
    config_.chat_template = read_chat_template(path, config_.notes, files);
    read_generation(path, files);
    names_.leave_out_prefix();
    if (tensors_.find(names_.table()) == nullptr) names_ = detail::HfTensorNames(config_.model);
    if (config_.model.head.tied && tensors_.find(names_.table()) == nullptr &&
        tensors_.find(std::string(head)) != nullptr) {
      names_.take_head_for_table();
    }
    check_room();
    parameters_ = Transformer<float>(config_.model).parameters();
    for_each_tensor([&](const Parameter&, const detail::HfTensor& tensor) { check(tensor); });
    check_others();
    std::vector<std::string> names;
    for_each_tensor(
        [&](const Parameter&, const detail::HfTensor& tensor) { names.push_back(tensor.name); });
    tensors_.restore_sums(names);
  }

  const PretrainedConfig& config() const noexcept { return config_; }
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
    for_each_tensor([&](const Parameter&, const detail::HfTensor& tensor) {
      detail::verify_tensor(holder(tensor.name), tensor.name);
    });
    check_head();
  }

  /// Reads the weights, tensor by tensor, into weights [numbers in the model], in the order of
  /// Transformer::parameters(). After a FormatError some of them may have been written.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a folder's model: numbers in the weights", std::ssize(weights),
                  parameters_.count());
    for (const Parameter& parameter : parameters_) {
      read<T>(parameter, weights.subspan(static_cast<std::size_t>(parameter.offset),
                                         static_cast<std::size_t>(parameter.count())));
    }
    check_head();
  }

  /// Reads one parameter, or some rows and columns of it: numbers [rows, columns]. Checksums of a
  /// tensor are compared only if the block has all of it: see check_sums().
  template <Scalar T>
  void read(const ParameterBlock& block, std::span<T> numbers) const {
    detail::check_block(block, parameters_, numbers.size());
    for (const detail::HfTensor& tensor : names_.tensors_of(*block.parameter)) {
      detail::read_tensor_block<T>(holder(tensor.name), tensor.name,
                                   detail::layout_of(tensor, *block.parameter), block, numbers);
    }
  }

  /// FormatError if a tensor differs from a checksum in the file, or a tied model's head from the
  /// token table.
  void check_sums() const {
    for_each_tensor([&](const Parameter&, const detail::HfTensor& tensor) {
      detail::check_sum(holder(tensor.name), tensor.name);
    });
    check_head();
  }

  /// The weights in the number types of the files (F64 as F32). FormatError if a number is not
  /// finite.
  StoredWeights<float> load_stored() const { return load_with({}); }

  /// The same, but matrices that lie in the files as products read them, all but GPT-2's and those
  /// in F64, stay there, in mapped memory.
  StoredWeights<float> map_stored(FileSystem& files = real_file_system()) const {
    auto mapping = std::make_shared<Mapping>();
    for (const auto& [tensor, reader] : tensors_.holders()) {
      if (mapping->contains(reader->name())) continue;
      const MappedFile& file =
          mapping->try_emplace(reader->name(), reader->name(), files).first->second;
      if (SafetensorsReader(file).tensors() != reader->tensors()) {
        reader->fail("it has changed since it was opened");
      }
      file.expect_all();
    }
    return load_with(std::move(mapping));
  }

  /// Bytes of load_stored().
  std::size_t stored_bytes() const {
    return detail::stored_plan(
               parameters_,
               [this](const Parameter& parameter) { return stored_tensors(parameter, nullptr); })
        .template bytes<float>();
  }

  /// Sets a trainer of the same configuration to these weights. All of them are verified before the
  /// trainer is changed.
  template <typename Trainer>
  void load(Trainer& trainer) const {
    detail::require_trainer_of(trainer, model_config(), "a folder's");
    verify();
    read(trainer.weights());
  }

 private:
  static constexpr std::string_view head = "lm_head.weight";

  using Mapping = std::map<std::string, MappedFile>;

  StoredWeights<float> load_with(std::shared_ptr<const Mapping> mapping) const {
    check_sums();
    const Mapping* const mapped = mapping.get();
    return detail::load_stored(
        parameters_,
        [this, mapped](const Parameter& parameter) { return stored_tensors(parameter, mapped); },
        [this](const ParameterBlock& block, std::span<float> numbers) { read(block, numbers); },
        std::move(mapping));
  }

  std::vector<detail::StoredTensor> stored_tensors(const Parameter& parameter,
                                                   const Mapping* mapped) const {
    std::vector<detail::StoredTensor> tensors;
    for (const detail::HfTensor& tensor : names_.tensors_of(parameter)) {
      const SafetensorsReader& reader = holder(tensor.name);
      const std::string& dtype = reader.tensor(tensor.name).dtype;
      const std::byte* bytes = nullptr;
      if (mapped != nullptr && dtype != "F64") {
        bytes = mapped->at(reader.name()).bytes().data() + reader.tensor(tensor.name).offset;
      }
      const StoredType type = dtype == "F16"    ? StoredType::f16
                              : dtype == "BF16" ? StoredType::bf16
                                                : StoredType::f32;
      tensors.push_back({tensor.name,
                         type,
                         detail::layout_of(tensor, parameter),
                         bytes,
                         {},
                         [&reader](const std::string& what) { reader.fail(what); }});
    }
    return tensors;
  }

  void read_generation(const std::string& path, FileSystem& files) {
    try {
      const FileSource source(detail::concat({path, "/generation_config.json"}), files);
      read_generation_config(source, config_);
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
    }
  }

  /// Calls body(parameter, tensor) for every tensor of the files that the model needs.
  template <typename Body>
  void for_each_tensor(Body body) const {
    for (const Parameter& parameter : parameters_) {
      for (const detail::HfTensor& tensor : names_.tensors_of(parameter)) body(parameter, tensor);
    }
  }

  const SafetensorsReader& holder(const std::string& name) const { return *tensors_.find(name); }

  /// FormatError if the files are too small for the configuration. Called before memory is
  /// allocated for it. (A block of GPT-2 has twelve tensors, others have nine or more.)
  void check_room() const {
    const ModelConfig& model = config_.model;
    if (model.layers > std::ssize(tensors_.holders()) / (names_.is_gpt2() ? 12 : 9)) {
      tensors_.fail(detail::concat({"config.json says ", model.layers, " layers, there are ",
                                    tensors_.holders().size(), " tensors"}));
    }
    const auto real = [](Index size) { return static_cast<double>(size); };
    const double of_block = 2 * (real(model.query_width()) + real(model.kv_width())) +
                            (names_.is_gpt2() ? 2 : 3) * real(model.feed_forward.d_ff);
    const double weights =
        real(model.width) * (real(model.vocabulary) + (names_.is_gpt2() ? real(model.context) : 0) +
                             real(model.layers) * of_block);
    if (weights * sizeof(Float16) > static_cast<double>(tensors_.bytes())) {
      tensors_.fail(detail::concat(
          {"config.json says ", describe(model), ", for which there are too few bytes"}));
    }
  }

  void check(const detail::HfTensor& tensor) const {
    constexpr std::array<std::string_view, 4> dtypes{"F32", "F16", "BF16", "F64"};
    if (tensors_.find(tensor.name) == nullptr) {
      tensors_.fail(detail::concat({"tensor ", printable(tensor.name), " is missing, expected ",
                                    detail::readable(tensor.sizes)}),
                    tensor.name == head
                        ? "if the head is the token table, 'tie_word_embeddings' must be true"
                        : "");
    }
    detail::check_tensor(holder(tensor.name), tensor.name, tensor.sizes, dtypes);
  }

  /// Whether a tensor belongs to a class with another head in addition to, or instead of, that of
  /// GPT2LMHeadModel.
  static bool is_other_head(std::string_view name) {
    constexpr std::array<std::string_view, 4> heads{"multiple_choice_head.", "score.",
                                                    "classifier.", "qa_outputs."};
    return std::any_of(heads.begin(), heads.end(),
                       [&](std::string_view one) { return name.starts_with(one); });
  }

  /// The names of masks of GPT-2's attention, which old files have beside the weights.
  std::set<std::string> masks() const {
    std::set<std::string> names;
    for (Index layer = 0; names_.is_gpt2() && layer < config_.model.layers; ++layer) {
      for (const char* mask : {".attn.bias", ".attn.masked_bias"}) {
        names.insert(detail::concat({names_.prefix(), "h.", layer, mask}));
      }
    }
    return names;
  }

  /// FormatError for a tensor that is neither a weight nor known.
  void check_others() {
    std::set<std::string> known;
    for_each_tensor(
        [&](const Parameter&, const detail::HfTensor& tensor) { known.insert(tensor.name); });
    const std::set<std::string> of_gpt2 = masks();
    for (const auto& [name, file] : tensors_.holders()) {
      if (known.contains(name) || (name == head && config_.model.head.tied)) continue;
      const bool constant =
          of_gpt2.contains(name) || (!names_.is_gpt2() && name.ends_with("rotary_emb.inv_freq"));
      if (!constant && !is_other_head(name)) {
        file->fail(detail::concat(
            {"tensor ", printable(name), " of shape ", detail::readable(file->tensor(name).shape),
             " does not belong to this ", (names_.is_gpt2() ? "GPT-2" : "model")}));
      }
      ignored_.push_back(name);
    }
  }

  /// FormatError if the file has a head that does not equal the token table, bit for bit.
  void check_head() const {
    const std::string name(head);
    const SafetensorsReader* const file = tensors_.find(name);
    if (file == nullptr || !config_.model.head.tied) return;
    const std::string table_name = names_.table();
    const SafetensorsReader& table_file = holder(table_name);
    const TensorInFile& tensor = file->tensor(name);
    const TensorInFile& table = table_file.tensor(table_name);
    bool equal = tensor.shape == table.shape && tensor.dtype == table.dtype;
    std::vector<std::byte> piece(std::min(table.bytes, std::size_t{1} << 16)), expected(piece);
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
               names_.is_gpt2()
                   ? "Octavo reads a GPT-2 only if its head is tied to the token table"
                   : "if the head is a table of its own, 'tie_word_embeddings' must be false");
  }

  PretrainedConfig config_;
  TensorFiles tensors_;
  detail::HfTensorNames names_;
  ParameterList parameters_;
  std::vector<std::string> ignored_;
};

/// A loaded model.
template <Scalar T>
struct PretrainedModel {
  PretrainedConfig config;
  AlignedBuffer<T> weights;          ///< in the order of Transformer::parameters()
  std::vector<std::string> ignored;  ///< names of ignored tensors
  std::vector<std::string> notes;    ///< what was ignored, a line each
};

/// Loads the model of a folder in Hugging Face's format. See read_tokenizer_folder() for its
/// tokenizer.
template <Scalar T>
PretrainedModel<T> load_pretrained(const std::string& path,
                                   FileSystem& files = real_file_system()) {
  const HuggingFaceFolder folder(path, files);
  const auto count = static_cast<std::size_t>(parameter_count(folder.model_config()));
  PretrainedModel<T> model{folder.config(), AlignedBuffer<T>(count), folder.ignored(),
                           folder.notes()};
  folder.read<T>(model.weights);
  return model;
}

}  // namespace OCTAVO_NAMESPACE
