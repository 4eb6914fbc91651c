// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/formats/stored_type.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/transformer/model_description.hpp>

namespace OCTAVO_NAMESPACE {

/// The configuration of a GPT-2, and what else its files say apart from weights and vocabulary.
struct Gpt2Config {
  ModelConfig model;
  Index trained_length = 0;  ///< the longest sequence in training
  /// The tokens before and after a text, if any.
  std::optional<Token> begin_token, end_token;
  std::vector<Token> other_end_tokens{};  ///< further tokens that end a text
  std::vector<std::string> notes{};       ///< what was ignored in reading, a line each

  /// All tokens that end a text, in order.
  std::vector<Token> end_tokens() const {
    std::vector<Token> all;
    if (end_token) all.push_back(*end_token);
    all.insert(all.end(), other_end_tokens.begin(), other_end_tokens.end());
    return all;
  }
  void set_end_tokens(std::span<const Token> tokens) {
    end_token.reset();
    if (!tokens.empty()) end_token = tokens.front();
    other_end_tokens.assign(tokens.begin() + (tokens.empty() ? 0 : 1), tokens.end());
  }
};

namespace detail {

/// The names of activations in config.json (transformers, activations.py). Octavo writes the first
/// name of each function. gelu_fast, gelu_accurate and the names with "tanh" are other names of
/// gelu_new.
inline constexpr std::pair<std::string_view, Activation> gpt2_activations[] = {
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_python_tanh", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_accurate", Activation::gelu_tanh},
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"relu2", Activation::relu_squared}};

inline std::string_view gpt2_name_of(Activation activation) noexcept {
  for (const auto& [name, one] : gpt2_activations) {
    if (one == activation) return name;
  }
  return {};
}

/// "norm rms, gated yes": the kinds of layers that a GPT-2 does not have.
inline std::string kinds_besides_gpt2(ModelConfig model) {
  if (model.kv_heads() == model.attention.heads) model.attention.kv_heads = 0;
  if (model.head_width() * model.attention.heads == model.width) model.attention.head_width = 0;
  // Sizes, and fields that have a check of their own.
  constexpr std::string_view of_gpt2[] = {
      "vocabulary", "context",      "layers",         "width",   "heads", "d_ff",     "activation",
      "norm_bias",  "norm_epsilon", "attention_bias", "ff_bias", "tied",  "head_bias"};
  return tell_fields(model, [&](const Field& field, bool, bool differs) {
    return differs &&
           std::find(std::begin(of_gpt2), std::end(of_gpt2), field.name) == std::end(of_gpt2);
  });
}

}  // namespace detail

/// The activations that a format of GPT-2 can express: config.json all of Octavo's, GGUF only one.
enum class Gpt2Activations { any, gelu_tanh };

/// Throws an Error of code bad_data, with the reasons, if GPT-2 cannot express the model; the hint
/// says what a model must have. `what`: the operation, for the message.
inline void require_gpt2(const ModelConfig& model, const std::string& what,
                         Gpt2Activations activations) {
  std::string reasons, needs;
  const auto refuse = [&](const std::string& reason, const std::string& need) {
    (reasons += reasons.empty() ? "" : "; ") += reason;
    (needs += needs.empty() ? "" : " and ") += need;
  };
  if (activations == Gpt2Activations::gelu_tanh &&
      model.feed_forward.activation != Activation::gelu_tanh) {
    refuse(detail::concat({"its activation is ", name_of(model.feed_forward.activation),
                           ", GPT-2's in GGUF is gelu-tanh"}),
           "activation gelu-tanh");
  }
  if (!model.head.tied) {
    refuse(detail::concat({"its output head has a table ", (model.head.bias ? "and a bias " : ""),
                           "of its own, GPT-2's shares the token table"}),
           "a tied output head");
  }
  if (!model.norm.bias || !model.attention.bias || !model.feed_forward.bias) {
    refuse("it lacks biases, GPT-2 has them everywhere", "biases");
  }
  const std::string kinds = detail::kinds_besides_gpt2(model);
  if (!kinds.empty()) {
    refuse(detail::concat({"it has layers that GPT-2 does not have: ", kinds}), "GPT-2's layers");
  }
  if (reasons.empty()) return;
  throw Error(ErrorCode::bad_data,
              detail::concat({what, ": the model is not compatible with GPT-2: ", reasons}),
              detail::concat({"train a model with ", needs}));
}

namespace detail {

/// ConfigError if the model's configuration is not `config`; Error of code bad_data if it has a
/// part that GPT-2 does not have. `what`: the operation, for the message.
inline void require_gpt2_model(const ModelDescription& model, const ModelConfig& config,
                               const std::string& what) {
  require(model.config == config, [&] {
    const auto [got, expected] = describe_differences(config, model.config);
    return concat(
        {what, ": the configuration is of another model: got ", got, ", expected ", expected});
  });
  if (model.part.empty()) return;
  throw Error(ErrorCode::bad_data,
              concat({what, ": the model has the part ", printable(model.part),
                      ", which GPT-2 does not have"}),
              "save it with save_model()");
}

/// Error where a trainer cannot begin with the weights of `what`, "a folder's", which are of that
/// configuration: ConfigError for another configuration, code bad_data for a part of the user's.
template <typename Trainer>
void require_gpt2_trainer(const Trainer& trainer, const ModelConfig& config, const char* what) {
  const ModelDescription model(trainer.model());
  if (!model.part.empty()) {
    throw Error(ErrorCode::bad_data,
                concat({what, " model must be the trainer's: the trainer's has the part ",
                        printable(model.part), ", which GPT-2 does not have"}),
                "load it into a trainer without that part");
  }
  if (model.config == config) return;
  const auto [got, expected] = describe_differences(config, model.config);
  throw ConfigError(
      concat({what, " configuration must be the trainer's: got ", got, ", expected ", expected}));
}

/// The fields of a GPT-2's config.json.
class Gpt2ConfigFile {
 public:
  explicit Gpt2ConfigFile(const ByteSource& source) : json_(source) {}

  Gpt2Config read() {
    check_kind();
    read_shape();
    demand_rest();
    const auto begin = read_tokens(json_, "bos_token_id");
    if (!begin.empty()) config_.begin_token = begin.front();
    config_.set_end_tokens(read_tokens(json_, "eos_token_id"));
    const Index context = config_.model.context;
    config_.trained_length =
        json_.optional_whole("octavo_trained_length", 1, context).value_or(context);
    return std::move(config_);
  }

  /// The tokens of a field, which is a number or a list of numbers. A number outside the vocabulary
  /// is ignored, with a note. A missing field means transformers' default, 50256.
  static std::vector<Token> tokens_of(const JsonObject& json, const char* key, Index vocabulary,
                                      std::vector<std::string>& notes) {
    const auto& field = json.field(key);
    std::vector<Token> tokens;
    const auto take = [&](const nlohmann::json& value) {
      const auto number = JsonObject::whole_value(value);
      if (!number) json.refuse(key, "a token's number or a list of numbers");
      if (*number < 0 || *number >= vocabulary) {
        notes.push_back(
            concat({"'", key, "' of ", printable(json.name()), " is ", *number,
                    ", which no token has (0 to ", vocabulary - 1, "): it is set aside"}));
        return;
      }
      const auto token = static_cast<Token>(*number);
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    };
    if (!json.json().contains(key)) {
      if (vocabulary > 50256) tokens.push_back(50256);
    } else if (field.is_array()) {
      for (const auto& value : field) take(value);
    } else if (!field.is_null()) {
      take(field);
    }
    return tokens;
  }

 private:
  static constexpr Index most = (Index{1} << 31) - 1;

  /// FormatError unless the file is of a GPT-2. Old files name only the class.
  void check_kind() const {
    const auto& classes = json_.field("architectures");
    const bool named = classes.is_array() && !classes.empty() && classes[0].is_string() &&
                       classes[0].get<std::string>().starts_with("GPT2");
    if (json_.field("model_type").is_null() && !named) {
      json_.fail("'model_type' is missing, expected 'gpt2'");
    }
    const auto& type = json_.field("model_type");
    if (type.is_null() || type == "gpt2") return;
    json_.fail(concat({"'model_type': got ", JsonObject::shown(type), ", expected 'gpt2'"}),
               "Octavo reads models of GPT-2's architecture");
  }

  /// A size under the name `key` or `alias`, transformers' general name.
  Index size(const char* key, const char* alias, Index largest) const {
    const auto second = json_.optional_whole(alias, 1, largest);
    if (!second) return json_.whole(key, 1, largest);
    if (const auto first = json_.optional_whole(key, 1, largest); first && *first != *second) {
      json_.refuse(alias, concat({*first, ", as '", key, "' says"}));
    }
    return *second;
  }

  void read_shape() {
    ModelConfig& model = config_.model;
    model.vocabulary = json_.whole("vocab_size", 1, most);
    model.context = size("n_positions", "max_position_embeddings", most);
    model.layers = size("n_layer", "num_hidden_layers", 10'000);
    model.attention.heads = size("n_head", "num_attention_heads", most);
    model.width = size("n_embd", "hidden_size", most / 4);
    model.feed_forward.d_ff = json_.optional_whole("n_inner", 1, most).value_or(4 * model.width);
    model.feed_forward.activation = read_activation();
    model.head.tied = true;
    if (model.width % model.attention.heads != 0) {
      json_.refuse("n_head", concat({"a divisor of n_embd, ", model.width}));
    }
  }

  Activation read_activation() const {
    const auto& field = json_.field("activation_function");
    if (field.is_null()) return Activation::gelu_tanh;
    std::string names;
    for (const auto& [name, activation] : gpt2_activations) {
      if (field == name) return activation;
      names += concat({(names.empty() ? "'" : ", '"), name, "'"});
    }
    json_.refuse("activation_function", concat({"one of ", names}), true);
  }

  void demand_rest() {
    const auto& old_context = json_.field("n_ctx");  // not read by transformers since 2019
    if (!old_context.is_null() && old_context != config_.model.context) {
      config_.notes.push_back(
          concat({"'n_ctx' of ", printable(json_.name()), " is ", JsonObject::shown(old_context),
                  ": the context is ", config_.model.context, ", as 'n_positions' says"}));
    }
    config_.model.norm.epsilon =
        json_.optional_positive("layer_norm_epsilon").value_or(config_.model.norm.epsilon);
    json_.demand("scale_attn_weights", true);
    json_.demand("scale_attn_by_inverse_layer_idx", false);
    json_.demand("reorder_and_upcast_attn", false);
    json_.demand("add_cross_attention", false);
    json_.demand("tie_word_embeddings", true);
  }

  std::vector<Token> read_tokens(const JsonObject& json, const char* key) {
    return tokens_of(json, key, config_.model.vocabulary, config_.notes);
  }

  JsonObject json_;
  Gpt2Config config_;
};

}  // namespace detail

/// The config.json of a GPT-2 in Hugging Face's format. Missing fields have transformers' defaults.
/// FormatError if a field asks for a computation that Octavo does not have. Sizes are in range, but
/// they are not compared with the weights.
inline Gpt2Config read_gpt2_config(const ByteSource& source) {
  return detail::Gpt2ConfigFile(source).read();
}

/// Takes the tokens that end a text from a generation_config.json, if it names any. They replace
/// those of config.json, as in transformers.
inline void read_generation_config(const ByteSource& source, Gpt2Config& config) {
  try {
    const JsonObject json(source);
    if (json.field("eos_token_id").is_null()) return;
    std::vector<std::string> notes;
    const auto tokens =
        detail::Gpt2ConfigFile::tokens_of(json, "eos_token_id", config.model.vocabulary, notes);
    if (!tokens.empty()) config.set_end_tokens(tokens);
    config.notes.insert(config.notes.end(), notes.begin(), notes.end());
  } catch (const FormatError& error) {
    config.notes.push_back(
        detail::concat({printable(source.name()), " is set aside: ", error.what()}));
  }
}

/// The text of a config.json for transformers and llama.cpp's converter. Error of code bad_data if
/// GPT-2 cannot express the configuration.
inline std::string gpt2_config_text(const Gpt2Config& config, StoredType type) {
  const ModelConfig& model = config.model;
  require_gpt2(model, "cannot write a config.json", Gpt2Activations::any);
  // Created as an object: a null value would become invalid if memory runs out at its first entry.
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["architectures"] = {"GPT2LMHeadModel"};
  json["model_type"] = "gpt2";
  json["vocab_size"] = model.vocabulary;
  json["n_positions"] = model.context;
  json["n_ctx"] = model.context;
  json["n_embd"] = model.width;
  json["n_layer"] = model.layers;
  json["n_head"] = model.attention.heads;
  json["n_inner"] = model.feed_forward.d_ff;
  if (model.feed_forward.d_ff == 4 * model.width) json["n_inner"] = nullptr;
  json["activation_function"] = detail::gpt2_name_of(model.feed_forward.activation);
  for (const char* name : {"resid_pdrop", "embd_pdrop", "attn_pdrop"}) json[name] = 0.0;
  json["layer_norm_epsilon"] = model.norm.epsilon;
  json["initializer_range"] = 0.02;
  json["scale_attn_weights"] = true;
  json["tie_word_embeddings"] = true;
  json["use_cache"] = true;
  // If these were missing, they would mean 50256, which is beyond most vocabularies.
  json["bos_token_id"] = nullptr;
  json["eos_token_id"] = nullptr;
  if (config.begin_token) json["bos_token_id"] = *config.begin_token;
  if (config.end_token) json["eos_token_id"] = *config.end_token;
  if (!config.other_end_tokens.empty()) json["eos_token_id"] = config.end_tokens();
  json["torch_dtype"] = type == StoredType::f32   ? "float32"
                        : type == StoredType::f16 ? "float16"
                                                  : "bfloat16";
  if (config.trained_length != model.context) {
    json["octavo_trained_length"] = config.trained_length;
  }
  return json.dump(2) + '\n';
}

}  // namespace OCTAVO_NAMESPACE
