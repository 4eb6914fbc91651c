// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/json_object.hpp>
#include <octavo/checkpoint/stored_type.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/transformer/model_shape.hpp>

namespace OCTAVO_NAMESPACE {

/// What a GPT-2 says about itself beside its weights and its vocabulary.
struct Gpt2Config {
  ModelShape shape;
  Index trained_length = 0;  ///< the longest sequence that training showed it
  /// The tokens that stand before and behind a text, if there are such.
  std::optional<Token> begin_token, end_token;
};

/// Throws an Error of code bad_data if GPT-2 cannot express a model of that shape, saying why and
/// which options of train_full would have made it one. `what` cannot be done with it.
inline void require_gpt2(const ModelShape& shape, const std::string& what) {
  std::string reasons, options;
  const auto refuse = [&](const std::string& reason, const std::string& option) {
    (reasons += reasons.empty() ? "" : "; ") += reason;
    (options += options.empty() ? ", or " : " and ") += option;
  };
  if (shape.activation != Activation::gelu_tanh) {
    refuse(
        detail::concat({"its activation is ", name_of(shape.activation), ", GPT-2's is gelu-tanh"}),
        "with --activation gelu-tanh");
  }
  if (!shape.tied) {
    refuse(detail::concat({"its output head has a table ", (shape.bias ? "and a bias " : ""),
                           "of its own, GPT-2's shares the token table"}),
           "with --tied");
  }
  if (!shape.bias) {
    refuse("it has no biases, GPT-2 has them everywhere", "without --no-bias");
  }
  if (reasons.empty()) return;
  throw Error(ErrorCode::bad_data, detail::concat({what, ": the model is no GPT-2: ", reasons}),
              detail::concat({"train with --gpt2", options}));
}

/// The config.json of a GPT-2 in Hugging Face's format. Fields that change what is computed must be
/// there or have transformers' defaults, and must be what Octavo computes; FormatError otherwise.
/// Sizes are in range, but nothing has compared them with the weights.
inline Gpt2Config read_gpt2_config(const ByteSource& source) {
  const JsonObject json(source);
  if (json.field("model_type").is_null()) json.fail("'model_type' is missing, expected 'gpt2'");
  json.demand("model_type", "gpt2");
  constexpr Index most = (Index{1} << 31) - 1;
  Gpt2Config config;
  ModelShape& shape = config.shape;
  shape.vocabulary = json.whole("vocab_size", 1, most);
  shape.context = json.whole("n_positions", 1, most);
  shape.layers = json.whole("n_layer", 1, 10'000);
  shape.heads = json.whole("n_head", 1, most);
  shape.width = json.whole("n_embd", 1, most / 4);
  shape.d_ff = json.optional_whole("n_inner", 1, most).value_or(4 * shape.width);
  shape.activation = Activation::gelu_tanh;
  shape.bias = true;
  shape.tied = true;
  if (shape.width % shape.heads != 0) {
    json.refuse("n_head", detail::concat({"a divisor of n_embd, ", shape.width}));
  }
  json.demand("n_ctx", shape.context);
  json.demand("activation_function", "gelu_new");
  json.demand("layer_norm_epsilon", layer_norm_epsilon);
  json.demand("scale_attn_weights", true);
  json.demand("scale_attn_by_inverse_layer_idx", false);
  json.demand("reorder_and_upcast_attn", false);
  json.demand("add_cross_attention", false);
  json.demand("tie_word_embeddings", true);
  const auto token = [&](const char* key) -> std::optional<Token> {
    const auto value = json.optional_whole(key, 0, shape.vocabulary - 1);
    return value ? std::optional(static_cast<Token>(*value)) : std::nullopt;
  };
  config.begin_token = token("bos_token_id");
  config.end_token = token("eos_token_id");
  config.trained_length =
      json.optional_whole("octavo_trained_length", 1, shape.context).value_or(shape.context);
  return config;
}

/// The same, written: what transformers and llama.cpp's converter look for. Error of code bad_data
/// if GPT-2 cannot express the shape.
inline std::string gpt2_config_text(const Gpt2Config& config, StoredType type) {
  const ModelShape& shape = config.shape;
  require_gpt2(shape, "cannot write a config.json");
  // An object from the start: one that is null becomes invalid if its first entry finds no memory.
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["architectures"] = {"GPT2LMHeadModel"};
  json["model_type"] = "gpt2";
  json["vocab_size"] = shape.vocabulary;
  json["n_positions"] = shape.context;
  json["n_ctx"] = shape.context;
  json["n_embd"] = shape.width;
  json["n_layer"] = shape.layers;
  json["n_head"] = shape.heads;
  json["n_inner"] = shape.d_ff;
  if (shape.d_ff == 4 * shape.width) json["n_inner"] = nullptr;
  json["activation_function"] = "gelu_new";
  for (const char* name : {"resid_pdrop", "embd_pdrop", "attn_pdrop"}) json[name] = 0.0;
  json["layer_norm_epsilon"] = layer_norm_epsilon;
  json["initializer_range"] = 0.02;
  json["scale_attn_weights"] = true;
  json["tie_word_embeddings"] = true;
  json["use_cache"] = true;
  // Missing, these would be 50256, beyond most vocabularies.
  json["bos_token_id"] = nullptr;
  json["eos_token_id"] = nullptr;
  if (config.begin_token) json["bos_token_id"] = *config.begin_token;
  if (config.end_token) json["eos_token_id"] = *config.end_token;
  json["torch_dtype"] = type == StoredType::f32   ? "float32"
                        : type == StoredType::f16 ? "float16"
                                                  : "bfloat16";
  if (config.trained_length != shape.context) {
    json["octavo_trained_length"] = config.trained_length;
  }
  return json.dump(2) + '\n';
}

}  // namespace OCTAVO_NAMESPACE
