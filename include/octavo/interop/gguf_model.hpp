// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/gguf_parameters.hpp>
#include <octavo/interop/gpt2_config.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/transformer.hpp>

// GPT-2 in llama.cpp's format: architecture "gpt2" (src/models/gpt2.cpp), vocabulary "gpt2"
// (src/llama-vocab.cpp).
namespace OCTAVO_NAMESPACE {
namespace detail {

inline constexpr std::size_t most_gguf_tokens = std::size_t{1} << 18;

/// The type of a parameter in the file, as llama.cpp's converter chooses it: vectors and the
/// position table stay F32, and rows that are not whole blocks become F16.
inline StoredType gguf_type(const Parameter& parameter, StoredType type) {
  if (parameter.rows == 0 || parameter.name == "embedding.positions.weight") return StoredType::f32;
  const auto width = static_cast<std::size_t>(gguf_sizes(parameter)[0]);
  return width % block_of(type) == 0 ? type : StoredType::f16;
}

inline GgufEntries gguf_entries(const PretrainedConfig& config, const TokenTable& tokens,
                                StoredType type) {
  GgufEntries entries;
  const auto whole = [&](std::string_view key, Index value) {
    entries.whole(key, static_cast<std::uint32_t>(value));
  };
  const ModelConfig& model = config.model;
  entries.text("general.architecture", "gpt2");
  whole("general.file_type", gguf_numbers_of(type).of_file);
  if (block_of(type) > 1) whole("general.quantization_version", 2);
  whole("gpt2.context_length", model.context);
  whole("gpt2.embedding_length", model.width);
  whole("gpt2.block_count", model.layers);
  whole("gpt2.feed_forward_length", model.feed_forward.d_ff);
  whole("gpt2.attention.head_count", model.attention.heads);
  entries.real("gpt2.attention.layer_norm_epsilon", static_cast<float>(model.norm.epsilon));
  if (config.trained_length != model.context) whole("octavo.trained_length", config.trained_length);
  entries.text("tokenizer.ggml.model", "gpt2");
  entries.text("tokenizer.ggml.pre", "gpt-2");
  entries.texts("tokenizer.ggml.tokens", tokens.tokens);
  std::vector<std::int32_t> kinds;
  for (std::size_t i = 0; i < tokens.kinds.size(); ++i) {
    const auto rule = tokens.rules.find(static_cast<Token>(i));
    TokenKind kind = tokens.kinds[i];
    if (rule != tokens.rules.end() && rule->second.always) kind = TokenKind::user_defined;
    if (rule != tokens.rules.end() && rule->second.recognized) kind = TokenKind::control;
    kinds.push_back(static_cast<std::int32_t>(kind));
  }
  entries.numbers("tokenizer.ggml.token_type", kinds);
  entries.texts("tokenizer.ggml.merges", tokens.merges);
  whole("tokenizer.ggml.bos_token_id", *config.begin_token);
  whole("tokenizer.ggml.eos_token_id", *config.end_token);
  if (!config.other_end_tokens.empty()) {
    whole("tokenizer.ggml.eot_token_id", config.other_end_tokens.front());
  }
  const auto unknown = std::find(tokens.kinds.begin(), tokens.kinds.end(), TokenKind::unknown);
  if (unknown != tokens.kinds.end()) {
    whole("tokenizer.ggml.unknown_token_id", unknown - tokens.kinds.begin());
  }
  entries.truth("tokenizer.ggml.add_bos_token", false);
  return entries;
}

}  // namespace detail

/// A GPT-2 in a GGUF file, opened for reading. The constructor checks its entries, its vocabulary,
/// and the names, types and shapes of its tensors. "output.weight" may exist if it equals the token
/// table.
class GgufModel {
 public:
  /// `source` must outlive this object. FormatError if a check fails.
  explicit GgufModel(const ByteSource& source) : file_(source) {
    read_tokens();
    read_config();
    check_room();
    parameters_ = Transformer<float>(config_.model).parameters();
    check_parameters();
  }

  const PretrainedConfig& config() const noexcept { return config_; }
  const ModelConfig& model_config() const noexcept { return config_.model; }
  const TokenTable& tokens() const noexcept { return tokens_; }

  /// Reads all weights without storing them. FormatError if one is not finite.
  void verify() const {
    for (const Parameter& parameter : parameters_) {
      detail::for_each_number(file_, parameter, [](auto...) {});
    }
  }

  /// Reads the weights, tensor by tensor, into weights [numbers in the model], in the order of
  /// Transformer::parameters(). After a FormatError some of them may have been written.
  template <Scalar T>
  void read(std::span<T> weights) const {
    require_equal("a GGUF file's model: numbers in the weights", std::ssize(weights),
                  parameters_.count());
    for (const Parameter& parameter : parameters_) {
      T* const numbers = weights.data() + parameter.offset;
      detail::for_each_number(file_, parameter, [&](std::size_t place, float number) {
        numbers[place] = static_cast<T>(number);
      });
    }
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
  void read_tokens() {
    demand("general.architecture", "gpt2", "Octavo reads models of GPT-2's architecture");
    demand("tokenizer.ggml.model", "gpt2", "");
    check_split();
    tokens_.tokens = file_.texts("tokenizer.ggml.tokens", detail::most_gguf_tokens);
    if (const auto twice = tokens_.twice()) {
      file_.fail(detail::concat(
          {"entry 'tokenizer.ggml.tokens': token ", printable(*twice), " occurs twice"}));
    }
    tokens_.merges = file_.texts("tokenizer.ggml.merges", detail::most_gguf_tokens);
    read_special_tokens();
    read_kinds();
  }

  void demand(const char* key, const char* value, const char* hint) const {
    const std::string got = file_.text(key);
    if (got == value) return;
    file_.fail(
        detail::concat({"entry '", key, "': got ", printable(got), ", expected '", value, "'"}),
        hint);
  }

  /// FormatError unless texts are split as GPT-2 does; llama.cpp has several names for this.
  void check_split() {
    const std::string key = "tokenizer.ggml.pre";
    const std::string name = file_.has(key) ? file_.text(key) : std::string();
    constexpr std::array<std::string_view, 6> same{"gpt-2", "phi-2", "mpt",
                                                   "olmo",  "jais",  "trillion"};
    if (std::find(same.begin(), same.end(), name) != same.end()) return;
    if (!name.empty() && name != "default") file_.refuse(key, "'gpt-2'", true);
    config_.notes.push_back(
        "'tokenizer.ggml.pre' is " + std::string(name.empty() ? "missing" : "'default'") +
        ": texts are split as GPT-2's are, with which such models were trained (llama.cpp takes a "
        "pattern of its own there, which splits digits and punctuation otherwise, and warns)");
  }

  void read_special_tokens() {
    const auto token = [&](const char* key) -> std::optional<Token> {
      if (!file_.has(key)) return std::nullopt;
      const auto value = file_.any_whole(key);
      const Index most = std::ssize(tokens_.tokens) - 1;
      if (!value) file_.refuse(key, "a token's number");
      if (*value >= 0 && *value <= most) return static_cast<Token>(*value);
      config_.notes.push_back(detail::concat(
          {"'", key, "' is ", *value, ", which no token has (0 to ", most, "): it is set aside"}));
      return std::nullopt;
    };
    config_.begin_token = token("tokenizer.ggml.bos_token_id");
    std::vector<Token> ends;
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
      const auto end = token(key);
      if (end && std::find(ends.begin(), ends.end(), *end) == ends.end()) ends.push_back(*end);
    }
    config_.set_end_tokens(ends);
    for (const char* key : {"tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token"}) {
      if (!file_.truth(key)) continue;
      config_.notes.push_back(
          detail::concat({"'", key, "' is set aside: Octavo adds no tokens to a text"}));
    }
  }

  void read_kinds() {
    const std::size_t count = tokens_.tokens.size();
    tokens_.kinds.assign(count, TokenKind::normal);
    const std::string key = "tokenizer.ggml.token_type";
    if (file_.has(key)) {
      const auto numbers = file_.wholes(key, detail::most_gguf_tokens);
      if (numbers.size() != count) file_.refuse(key, detail::concat({"one for each of ", count}));
      for (std::size_t i = 0; i < count; ++i) {
        if (numbers[i] < 0 || numbers[i] > 6) {
          file_.fail(detail::concat({"entry 'tokenizer.ggml.token_type': token ", i, " is of type ",
                                     numbers[i], ", expected 0 to 6"}));
        }
        if (numbers[i] > 0) tokens_.kinds[i] = static_cast<TokenKind>(numbers[i]);
      }
    }
    const std::vector<bool> text = detail::which_are_text(tokens_);
    for (std::size_t i = 0; i < count; ++i) set_kind(i, text[i]);
  }

  /// Sets a token's kind as llama.cpp treats it: a token that the merges make is text, whatever its
  /// stated kind; any other token occurs in a text only if its name is found.
  void set_kind(std::size_t i, bool text) {
    const std::string& name = tokens_.tokens[i];
    TokenKind& kind = tokens_.kinds[i];
    if (text && kind != TokenKind::normal) {
      if (has_name(kind) && bytes_of_letters(name) != name) return;
      if (kind == TokenKind::user_defined) tokens_.rules[static_cast<Token>(i)].always = true;
      if (kind == TokenKind::control) tokens_.rules[static_cast<Token>(i)].recognized = true;
      kind = TokenKind::normal;
    } else if (!text && kind == TokenKind::normal) {
      const bool special = (name.starts_with("<|") && name.ends_with("|>")) ||
                           config_.begin_token == static_cast<Token>(i) ||
                           config_.end_token == static_cast<Token>(i);
      const bool unknown = name == "<unk>" || file_.any_whole("tokenizer.ggml.unknown_token_id") ==
                                                  static_cast<Index>(i);
      kind = unknown ? TokenKind::unknown : special ? TokenKind::control : TokenKind::unused;
    }
  }

  void read_config() {
    constexpr Index most = (Index{1} << 31) - 1;
    ModelConfig& model = config_.model;
    model.vocabulary = std::ssize(tokens_.tokens);
    if (model.vocabulary == 0) file_.refuse("tokenizer.ggml.tokens", "a token or more");
    model.context = file_.whole("gpt2.context_length", 1, most);
    model.width = file_.whole("gpt2.embedding_length", 1, most);
    // A block has twelve tensors.
    model.layers =
        file_.whole("gpt2.block_count", 1, std::max<Index>(1, std::ssize(file_.tensors()) / 12));
    model.feed_forward.d_ff = file_.whole("gpt2.feed_forward_length", 1, most);
    model.attention.heads = file_.whole("gpt2.attention.head_count", 1, most);
    model.feed_forward.activation = Activation::gelu_tanh;
    model.head.tied = true;
    if (model.width % model.attention.heads != 0) {
      file_.refuse("gpt2.attention.head_count",
                   detail::concat({"a divisor of the embedding length, ", model.width}));
    }
    file_.optional_whole("gpt2.attention.head_count_kv", model.attention.heads,
                         model.attention.heads);
    const std::string epsilon = "gpt2.attention.layer_norm_epsilon";
    const float read = file_.real(epsilon);
    if (!(read > 0) || !std::isfinite(read)) file_.refuse(epsilon, "a number > 0");
    if (read != static_cast<float>(model.norm.epsilon))
      model.norm.epsilon = static_cast<double>(read);
    config_.trained_length =
        file_.optional_whole("octavo.trained_length", 1, model.context).value_or(model.context);
  }

  /// FormatError if the file is too small for the configuration. Called before memory is allocated
  /// for it.
  void check_room() const {
    const ModelConfig& model = config_.model;
    const auto real = [](Index size) { return static_cast<double>(size); };
    const double weights =
        real(model.width) *
        (real(model.vocabulary) + real(model.context) +
         real(model.layers) * (4 * real(model.width) + 2 * real(model.feed_forward.d_ff)));
    if (weights > static_cast<double>(file_.bytes())) {
      file_.fail(detail::concat(
          {"its entries say ", describe(model), ", for which it has too few bytes"}));
    }
  }

  void check_parameters() const {
    std::set<std::string> known;
    for (const Parameter& parameter : parameters_) {
      const std::string name = detail::gguf_parameter(parameter).name;
      const auto sizes = detail::gguf_sizes(parameter);
      if (!file_.tensors().contains(name)) {
        file_.fail(detail::concat(
            {"tensor ", printable(name), " is missing, expected ", detail::readable(sizes)}));
      }
      if (file_.tensor(name).shape != sizes) {
        file_.fail(detail::concat({"tensor ", printable(name), ": its shape is ",
                                   detail::readable(file_.tensor(name).shape), ", expected ",
                                   detail::readable(sizes)}));
      }
      known.insert(name);
    }
    for (const auto& [name, tensor] : file_.tensors()) {
      if (name == "output.weight") {
        check_head(tensor);
      } else if (!known.contains(name)) {
        file_.fail(
            detail::concat({"tensor ", printable(name), " of shape ",
                            detail::readable(tensor.shape), " does not belong to this GPT-2"}));
      }
    }
  }

  void check_head(const GgufTensor& head) const {
    const GgufTensor& table = file_.tensor("token_embd.weight");
    bool equal = head.shape == table.shape && head.type == table.type;
    std::array<std::byte, 4096> one, other;
    for (std::size_t first = 0; equal && first < table.bytes; first += one.size()) {
      const std::size_t count = std::min(one.size(), table.bytes - first);
      file_.read(head, first, std::span(one).first(count));
      file_.read(table, first, std::span(other).first(count));
      equal = std::memcmp(one.data(), other.data(), count) == 0;
    }
    if (equal) return;
    file_.fail("tensor 'output.weight' is not 'token_embd.weight'",
               "Octavo reads a GPT-2 only if its head is tied to the token table");
  }

  GgufReader file_;
  TokenTable tokens_;
  PretrainedConfig config_;
  ParameterList parameters_;
};

/// Saves a GPT-2 as a GGUF file for llama.cpp, in a type that Octavo writes (f32 to q5_1); vectors
/// and the position table stay F32, and rows that are not whole blocks become F16. Makes no
/// second copy of the weights. ConfigError if the vocabulary is not the model's, or if the begin or
/// end token is not set (llama.cpp would take token 11); Error of code bad_data if GPT-2 cannot
/// express the model, or if `type` cannot express a weight.
template <Scalar T>
void save_gguf(const std::string& path, const ModelDescription& model,
               const PretrainedConfig& config, const TokenTable& tokens, std::span<const T> weights,
               StoredType type = StoredType::f32, FileSystem& files = real_file_system()) {
  const std::string what = detail::concat({"cannot write ", printable(path)});
  detail::require_same_model(model, config.model, what);
  require_gpt2(config.model, what, Gpt2Activations::gelu_tanh);
  require_equal("save_gguf: tokens", std::ssize(tokens.tokens), model.config.vocabulary);
  require_equal("save_gguf: kinds of tokens", std::ssize(tokens.kinds), model.config.vocabulary);
  require(tokens.tokens.size() <= detail::most_gguf_tokens &&
              tokens.merges.size() <= detail::most_gguf_tokens && !tokens.twice(),
          "save_gguf: expected at most 2^18 tokens and merges, and no token twice");
  require(config.begin_token && config.end_token,
          "save_gguf: begin_token and end_token are needed");
  require(detail::is_written(type),
          detail::concat({"save_gguf: Octavo reads ", name_of(type), ", but does not write it"}));
  const ParameterList& parameters = model.parameters;
  require_equal("save_gguf: numbers in the weights", std::ssize(weights), parameters.count());
  std::vector<GgufTensorToWrite> tensors;
  for (const Parameter& parameter : parameters) {
    const auto count = static_cast<std::size_t>(parameter.count());
    const auto numbers = weights.subspan(static_cast<std::size_t>(parameter.offset), count);
    const StoredType stored = detail::gguf_type(parameter, type);
    tensors.push_back({detail::gguf_parameter(parameter).name, stored,
                       detail::gguf_sizes(parameter), detail::stored_bytes(stored, count),
                       [&parameter, numbers, stored](const ByteSink& sink) {
                         detail::emit_gguf<T>(parameter, numbers, stored, sink);
                       }});
  }
  write_gguf(path, detail::gguf_entries(config, tokens, type), tensors, files);
}

}  // namespace OCTAVO_NAMESPACE
