// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/files/mapped_file.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/chat_template_file.hpp>
#include <octavo/interop/gguf_config.hpp>
#include <octavo/interop/gguf_parameters.hpp>
#include <octavo/interop/gguf_tokens.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/interop/stored_tensor.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/transformer/transformer.hpp>

// Models in llama.cpp's format.
namespace OCTAVO_NAMESPACE {
namespace detail {

/// The type of a tensor in the file, as llama.cpp's converter chooses it: vectors and the position
/// table stay F32, and rows that are not whole blocks become F16.
inline StoredType gguf_type(const GgufPart& tensor, StoredType type) {
  if (tensor.parameter->rows == 0 || tensor.name == "position_embd.weight") return StoredType::f32;
  return tensor.width() % block_of(type) == 0 ? type : StoredType::f16;
}

inline GgufEntries gguf_entries(const PretrainedConfig& config, const GgufFamily& family,
                                const TokenTable& tokens, StoredType type) {
  GgufEntries entries;
  entries.text("general.architecture", family.architecture);
  entries.whole("general.file_type", gguf_numbers_of(type).of_file);
  if (block_of(type) > 1) entries.whole("general.quantization_version", 2);
  add_gguf_config(config.model, family, entries);
  if (config.trained_length != config.model.context) {
    entries.whole("octavo.trained_length", static_cast<std::uint32_t>(config.trained_length));
  }
  add_gguf_tokens(config, tokens, entries);
  if (!config.chat_template.empty()) {
    entries.text("tokenizer.chat_template", config.chat_template);
  }
  return entries;
}

}  // namespace detail

/// A model in a GGUF file, opened for reading. The constructor checks its entries, its vocabulary,
/// and the names, types and shapes of its tensors. Of a model with a tied head "output.weight" may
/// exist if it equals the token table; a GPT-2 may have another one (llama.cpp's quantizer stores
/// the copy that its converter writes in another type), which is then the model's own head.
class GgufModel {
 public:
  /// `source` must outlive this object. FormatError if a check fails.
  explicit GgufModel(const ByteSource& source) : file_(source) {
    read_config();
    read_tokens();
    check_room();
    check_model();
    parameters_ = Transformer<float>(config_.model).parameters();
    parts_ = detail::gguf_parts(parameters_, *family_, config_.model);
    check_parameters();
  }

  const PretrainedConfig& config() const noexcept { return config_; }
  const ModelConfig& model_config() const noexcept { return config_.model; }
  /// The vocabulary; nothing if the file has none that Octavo reads.
  const std::optional<TokenTable>& tokens() const noexcept { return tokens_; }

  /// Reads all weights without storing them. FormatError if one is not finite.
  void verify() const {
    std::array<float, 2048> numbers;
    for (const detail::GgufPart& part : parts_) {
      detail::GgufTensorNumbers<float> stored(file_, part);
      for (std::size_t first = 0; first < part.count(); first += numbers.size()) {
        stored(first, std::span(numbers).first(std::min(numbers.size(), part.count() - first)));
      }
    }
  }

  /// Reads the weights, tensor by tensor, into weights [numbers in the model], in the order of
  /// Transformer::parameters(). After a FormatError some of them may have been written.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a GGUF file's model: numbers in the weights", std::ssize(weights),
                  parameters_.count());
    for (const Parameter& parameter : parameters_) {
      read<T>(parameter, weights.subspan(static_cast<std::size_t>(parameter.offset),
                                         static_cast<std::size_t>(parameter.count())));
    }
  }

  /// Reads one parameter, or some rows and columns of it: numbers [rows, columns].
  template <Scalar T>
  void read(const ParameterBlock& block, std::span<T> numbers) const {
    detail::check_block(block, parameters_, numbers.size());
    for (const detail::GgufPart& part : parts_) {
      if (part.parameter->index != block.parameter->index) continue;
      detail::GgufTensorNumbers<T> stored(file_, part);
      detail::read_block<T>(part, block, numbers, stored);
    }
  }

  /// The weights in the number types of the file. FormatError if a number is not finite. `mapped`:
  /// the source of this object, in which matrices then stay.
  StoredWeights<float> load_stored(std::shared_ptr<const MappedFile> mapped = {}) const {
    const std::byte* const bytes = mapped ? mapped->bytes().data() : nullptr;
    return detail::load_stored(
        parameters_,
        [this, bytes](const Parameter& parameter) { return stored_tensors(parameter, bytes); },
        [this](const ParameterBlock& block, std::span<float> numbers) { read(block, numbers); },
        std::move(mapped));
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
    detail::require_trainer_of(trainer, model_config(), "a file's");
    verify();
    read(trainer.weights());
  }

 private:
  std::vector<detail::StoredTensor> stored_tensors(const Parameter& parameter,
                                                   const std::byte* mapped) const {
    std::vector<detail::StoredTensor> tensors;
    for (const detail::GgufPart& part : parts_) {
      if (part.parameter->index != parameter.index) continue;
      const GgufTensor& tensor = file_.tensor(part.name);
      tensors.push_back({part.name, tensor.type, part,
                         mapped == nullptr ? nullptr : mapped + tensor.offset,
                         [this, &tensor](std::size_t first, std::span<std::byte> bytes) {
                           file_.read(tensor, first, bytes);
                         },
                         [this](const std::string& what) { file_.fail(what); }});
    }
    return tensors;
  }

  void read_config() {
    check_kind();
    const std::string key = "general.architecture";
    const std::string name = file_.text(key);
    family_ = detail::find_gguf_family(name);
    if (family_ == nullptr) {
      std::string known;
      for (const detail::GgufFamily& family : detail::gguf_families) {
        known += detail::concat({(known.empty() ? "'" : ", '"), family.architecture, "'"});
      }
      file_.fail(
          detail::concat({"entry '", key, "': got ", printable(name), ", expected one of ", known}),
          "Octavo has no layers of another architecture");
    }
    const std::string list = "tokenizer.ggml.tokens";
    const Index tokens = file_.has(list) ? file_.list_size(list) : 0;
    if (file_.has(list) && tokens == 0) file_.refuse(list, "a token or more");
    const GgufTensor& table = file_.tensor("token_embd.weight");
    config_ =
        detail::GgufConfigFile(file_, *family_).read(tokens > 0 ? tokens : table.shape.back());
    if (family_->family == Family::gpt2 && file_.tensors().contains(head) && !head_is_table()) {
      config_.model.head.tied = config_.model.head.bias = false;
    }
    if (file_.bytes_after() > 0) {
      config_.notes.push_back(detail::concat(
          {counted(file_.bytes_after(), "byte"), " after the last tensor: set aside"}));
    }
  }

  /// FormatError for a file with a part of a model, or with something else.
  void check_kind() const {
    const std::string parts = "split.count", kind = "general.type";
    if (file_.any_whole(parts).value_or(0) > 1) {
      file_.fail(detail::concat({"it is one of ", *file_.any_whole(parts), " parts of a model"}),
                 "join them first: llama-gguf-split --merge");
    }
    if (file_.has(kind) && file_.text(kind) == "adapter") {
      file_.fail("it is a LoRA adapter, expected a model", "name its base, and this with --lora");
    }
    if (file_.has(kind) && file_.text(kind) != "model") file_.refuse(kind, "'model'", true);
  }

  void read_tokens() {
    const std::string chat = "tokenizer.chat_template";
    if (file_.has(chat)) config_.chat_template = file_.text(chat, longest_chat_template);
    if (detail::has_gguf_tokens(file_)) {
      tokens_ = detail::GgufTokensFile(file_, config_).read();
      return;
    }
    const std::string key = "tokenizer.ggml.model";
    config_.notes.push_back(
        detail::concat({"its vocabulary is of kind ",
                        file_.has(key) ? printable(file_.text(key)) : std::string("'none'"),
                        ", which Octavo does not read: it is set aside"}));
  }

  /// FormatError if the file is too small for the configuration. Called before memory is allocated
  /// for it.
  void check_room() const {
    const ModelConfig& model = config_.model;
    const auto real = [](Index size) { return static_cast<double>(size); };
    const double width = real(model.width);
    const double weights =
        width * (real(model.vocabulary) +
                 real(model.layers) * (2 * real(model.query_width()) + 2 * real(model.kv_width()) +
                                       2 * real(model.feed_forward.d_ff)));
    if (weights > 4 * static_cast<double>(file_.bytes())) {
      file_.fail(detail::concat(
          {"its entries say ", describe(model), ", for which it has too few bytes"}));
    }
  }

  /// FormatError for a configuration from which no model can be made.
  void check_model() const {
    try {
      check_config(config_.model);
    } catch (const ConfigError& error) {
      file_.fail(detail::concat({"its entries make no model: ", error.what()}));
    }
  }

  void check_parameters() const {
    std::set<std::string> known{std::string(detail::rope_divisors)};
    for (const detail::GgufPart& part : parts_) {
      const auto sizes = part.sizes();
      if (!file_.tensors().contains(part.name)) {
        file_.fail(detail::concat(
            {"tensor ", printable(part.name), " is missing, expected ", detail::readable(sizes)}));
      }
      std::vector<Index> shape = file_.tensor(part.name).shape;
      while (shape.size() > sizes.size() && shape.back() == 1) shape.pop_back();
      if (shape != sizes) {
        file_.fail(detail::concat({"tensor ", printable(part.name), ": its shape is ",
                                   detail::readable(file_.tensor(part.name).shape), ", expected ",
                                   detail::readable(sizes)}));
      }
      known.insert(part.name);
    }
    for (const auto& [name, tensor] : file_.tensors()) {
      if (known.contains(name)) continue;
      if (name != head) {
        file_.fail(detail::concat({"tensor ", printable(name), " of shape ",
                                   detail::readable(tensor.shape),
                                   " does not belong to this model "
                                   "of architecture '",
                                   family_->architecture, "'"}));
      }
      if (head_is_table()) continue;
      file_.fail("tensor 'output.weight' is not 'token_embd.weight'",
                 "a model of this architecture has a head that is tied to the token table");
    }
  }

  /// Whether the file's head is the token table once more, byte for byte.
  bool head_is_table() const {
    const GgufTensor& own = file_.tensor(head);
    const GgufTensor& table = file_.tensor("token_embd.weight");
    bool equal = own.shape == table.shape && own.type == table.type;
    std::array<std::byte, 4096> one, other;
    for (std::size_t first = 0; equal && first < table.bytes; first += one.size()) {
      const std::size_t count = std::min(one.size(), table.bytes - first);
      file_.read(own, first, std::span(one).first(count));
      file_.read(table, first, std::span(other).first(count));
      equal = std::memcmp(one.data(), other.data(), count) == 0;
    }
    return equal;
  }

  static constexpr const char* head = "output.weight";

  GgufReader file_;
  const detail::GgufFamily* family_ = nullptr;
  std::optional<TokenTable> tokens_;
  PretrainedConfig config_;
  ParameterList parameters_;
  std::vector<detail::GgufPart> parts_;  ///< refer to parameters_
};

/// Saves a model as a GGUF file for llama.cpp, in a type that Octavo writes (f32 to q5_1); vectors
/// and the position table stay F32, and rows that are not whole blocks become F16. Makes no
/// second copy of the weights; those that are not in memory (see WeightSource) pass through at most
/// 16 MiB of it. ConfigError if the vocabulary is not the model's, or if the begin or
/// end token is not set (llama.cpp would take token 11); Error of code bad_data if no
/// architecture has the model, or if `type` cannot express a weight.
template <Scalar T>
void save_gguf(const std::string& path, const ModelDescription& model,
               const PretrainedConfig& config, const TokenTable& tokens,
               const std::type_identity_t<WeightSource<T>>& weights,
               StoredType type = StoredType::f32, FileSystem& files = real_file_system()) {
  const std::string what = detail::concat({"cannot write ", printable(path)});
  detail::require_same_model(model, config.model, what);
  const detail::GgufFamily& family = detail::gguf_family_of(config.model, what);
  require_equal("save_gguf: tokens", std::ssize(tokens.tokens), model.config.vocabulary);
  require_equal("save_gguf: kinds of tokens", std::ssize(tokens.kinds), model.config.vocabulary);
  require(tokens.tokens.size() <= detail::most_gguf_tokens &&
              tokens.merges.size() <= detail::most_gguf_tokens && !tokens.twice(),
          "save_gguf: expected at most 2^18 tokens and merges, and no token twice");
  require(config.begin_token && config.end_token,
          "save_gguf: begin_token and end_token are needed");
  require(detail::is_written(type), [&] {
    return detail::concat({"save_gguf: Octavo reads ", name_of(type), ", but does not write it"});
  });
  const ParameterList& parameters = model.parameters;
  weights.require_count("save_gguf: numbers in the weights", parameters.count());
  const std::vector<detail::GgufPart> parts = detail::gguf_parts(parameters, family, config.model);
  std::vector<float> divisors;
  std::vector<GgufTensorToWrite> tensors;
  if (config.model.positions.scaling == RotaryScaling::llama3) {
    divisors = detail::llama3_divisors(config.model);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(divisors));
    tensors.push_back({std::string(detail::rope_divisors),
                       StoredType::f32,
                       {std::ssize(divisors)},
                       bytes.size(),
                       [bytes](const ByteSink& sink) { sink(bytes); }});
  }
  for (const detail::GgufPart& part : parts) {
    const StoredType stored = detail::gguf_type(part, type);
    tensors.push_back({part.name, stored, part.sizes(), detail::stored_bytes(stored, part.count()),
                       [&part, &weights, stored](const ByteSink& sink) {
                         detail::emit_gguf<T>(part, weights, stored, sink);
                       }});
  }
  write_gguf(path, detail::gguf_entries(config, family, tokens, type), tensors, files);
}

}  // namespace OCTAVO_NAMESPACE
