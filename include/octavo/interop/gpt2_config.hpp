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
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/numeric/stored_type.hpp>
#include <octavo/transformer/model_description.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

inline std::string_view torch_name_of(StoredType type) noexcept {
  return type == StoredType::f32 ? "float32" : type == StoredType::f16 ? "float16" : "bfloat16";
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

/// Error of code bad_data if the model has adapters: formats of other programs hold models without
/// them.
inline void require_merged(const ModelConfig& model, const std::string& what) {
  if (model.lora.rank == 0) return;
  throw Error(ErrorCode::bad_data, detail::concat({what, ": the model has low-rank adapters"}),
              "merge them first: merge_adapters(), or convert --merge");
}

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

/// The fields of a GPT-2's config.json.
class Gpt2ConfigFile {
 public:
  explicit Gpt2ConfigFile(const JsonObject& json) : json_(json) {}

  PretrainedConfig read() {
    read_shape();
    demand_rest();
    const auto begin = tokens("bos_token_id");
    if (!begin.empty()) config_.begin_token = begin.front();
    config_.set_end_tokens(tokens("eos_token_id"));
    const Index context = config_.model.context;
    config_.trained_length =
        json_.optional_whole("octavo_trained_length", 1, context).value_or(context);
    return std::move(config_);
  }

 private:
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
    model.vocabulary = json_.whole("vocab_size", 1, most_in_config);
    model.context = size("n_positions", "max_position_embeddings", most_in_config);
    model.layers = size("n_layer", "num_hidden_layers", 10'000);
    model.attention.heads = size("n_head", "num_attention_heads", most_in_config);
    model.width = size("n_embd", "hidden_size", most_in_config / 4);
    model.feed_forward.d_ff =
        json_.optional_whole("n_inner", 1, most_in_config).value_or(4 * model.width);
    model.feed_forward.activation =
        read_activation(json_, "activation_function", Activation::gelu_tanh);
    model.head.tied = true;
    if (model.width % model.attention.heads != 0) {
      json_.refuse("n_head", concat({"a divisor of n_embd, ", model.width}));
    }
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

  /// 50256 is transformers' default.
  std::vector<Token> tokens(const char* key) {
    return read_tokens(json_, key, config_.model.vocabulary, 50256, config_.notes);
  }

  const JsonObject& json_;
  PretrainedConfig config_;
};

}  // namespace detail

/// The text of a GPT-2's config.json for transformers and llama.cpp's converter. Error of code
/// bad_data if GPT-2 cannot express the configuration.
inline std::string gpt2_config_text(const PretrainedConfig& config, StoredType type) {
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
  json["activation_function"] = detail::hf_name_of(model.feed_forward.activation);
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
  json["torch_dtype"] = detail::torch_name_of(type);
  if (config.trained_length != model.context) {
    json["octavo_trained_length"] = config.trained_length;
  }
  return json.dump(2) + '\n';
}

}  // namespace OCTAVO_NAMESPACE
