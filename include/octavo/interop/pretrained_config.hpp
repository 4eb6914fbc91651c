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
#include <octavo/tokenizers/chat_format.hpp>
#include <octavo/transformer/model_description.hpp>

// What the files of other programs say about a model, apart from its weights and its vocabulary.
namespace OCTAVO_NAMESPACE {

/// What the files of another program say of a model.
struct PretrainedConfig {
  ModelConfig model;
  Index trained_length = 0;  ///< the longest sequence in training
  /// The tokens before and after a text, if any.
  std::optional<Token> begin_token, end_token;
  std::vector<Token> other_end_tokens{};  ///< further tokens that end a text
  std::vector<std::string> notes{};       ///< what was ignored in reading, a line each
  std::string chat_template{};            ///< a program in Jinja; empty: none

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

/// The chat format of a model's files. A begin token that is also the end token is part of it only
/// with a template: without one it is what Octavo writes for every model.
inline ChatFormat chat_format_of(const PretrainedConfig& config) {
  if (config.chat_template.empty() && config.begin_token == config.end_token) return {};
  return {config.chat_template, config.begin_token};
}

namespace detail {

/// The limits of a config.json: some quantization_configs nest deeply, and are refused by name.
inline constexpr JsonLimits config_limits{.nested = 16};

/// The largest size in a config.json.
inline constexpr Index most_in_config = (Index{1} << 31) - 1;

/// The names of activations in config.json (transformers, activations.py). Octavo writes the first
/// name of each function. gelu_fast, gelu_accurate and the names with "tanh" are other names of
/// gelu_new.
inline constexpr std::pair<std::string_view, Activation> hf_activations[] = {
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

inline std::string_view hf_name_of(Activation activation) noexcept {
  for (const auto& [name, one] : hf_activations) {
    if (one == activation) return name;
  }
  return {};
}

/// The activation in a field; `usual` if it is missing or null.
inline Activation read_activation(const JsonObject& json, const char* key, Activation usual) {
  const auto& field = json.field(key);
  if (field.is_null()) return usual;
  std::string names;
  for (const auto& [name, activation] : hf_activations) {
    if (field == name) return activation;
    names += concat({(names.empty() ? "'" : ", '"), name, "'"});
  }
  json.refuse(key, concat({"one of ", names}), true);
}

/// The tokens of a field, which is a number or a list of numbers. A number outside the vocabulary
/// is ignored, with a note. `usual`: transformers' default for a missing field, if any.
inline std::vector<Token> read_tokens(const JsonObject& json, const char* key, Index vocabulary,
                                      std::optional<Index> usual, std::vector<std::string>& notes) {
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
  if (!json.has(key)) {
    if (usual && *usual < vocabulary) tokens.push_back(static_cast<Token>(*usual));
  } else if (field.is_array()) {
    for (const auto& value : field) take(value);
  } else if (!field.is_null()) {
    take(field);
  }
  return tokens;
}

/// ConfigError if the model's configuration is not `config`; Error of code bad_data if it has a
/// part of the user's own. `what`: the operation, for the message.
inline void require_same_model(const ModelDescription& model, const ModelConfig& config,
                               const std::string& what) {
  require(model.config == config, [&] {
    const auto [got, expected] = describe_differences(config, model.config);
    return concat(
        {what, ": the configuration is of another model: got ", got, ", expected ", expected});
  });
  if (model.part.empty()) return;
  throw Error(ErrorCode::bad_data,
              concat({what, ": the model has the part ", printable(model.part),
                      ", which only Octavo's own files can hold"}),
              "save it with save_model()");
}

/// Error where a trainer cannot begin with the weights of `what`, "a folder's", which are of that
/// configuration: ConfigError for another configuration, code bad_data for a part of the user's.
template <typename Trainer>
void require_trainer_of(const Trainer& trainer, const ModelConfig& config, const char* what) {
  const ModelDescription model(trainer.model());
  if (!model.part.empty()) {
    throw Error(ErrorCode::bad_data,
                concat({what, " model must be the trainer's: the trainer's has the part ",
                        printable(model.part), ", which only Octavo's own files can hold"}),
                "load it into a trainer without that part");
  }
  if (model.config == config) return;
  const auto [got, expected] = describe_differences(config, model.config);
  throw ConfigError(
      concat({what, " configuration must be the trainer's: got ", got, ", expected ", expected}));
}

}  // namespace detail

/// Takes the tokens that end a text from a generation_config.json, if it names any. They replace
/// those of config.json, as in transformers.
inline void read_generation_config(const ByteSource& source, PretrainedConfig& config) {
  try {
    const JsonObject json(source, detail::config_limits);
    if (json.field("eos_token_id").is_null()) return;
    std::vector<std::string> notes;
    const auto tokens =
        detail::read_tokens(json, "eos_token_id", config.model.vocabulary, std::nullopt, notes);
    if (!tokens.empty()) config.set_end_tokens(tokens);
    config.notes.insert(config.notes.end(), notes.begin(), notes.end());
  } catch (const FormatError& error) {
    config.notes.push_back(
        detail::concat({printable(source.name()), " is set aside: ", error.what()}));
  }
}

/// The text of a generation_config.json with the tokens of a configuration.
inline std::string generation_config_text(const PretrainedConfig& config) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["bos_token_id"] = nullptr;
  json["eos_token_id"] = nullptr;
  if (config.begin_token) json["bos_token_id"] = *config.begin_token;
  if (config.end_token) json["eos_token_id"] = *config.end_token;
  if (!config.other_end_tokens.empty()) json["eos_token_id"] = config.end_tokens();
  return json.dump(2) + '\n';
}

}  // namespace OCTAVO_NAMESPACE
