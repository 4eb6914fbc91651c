// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/gpt2_config.hpp>
#include <octavo/interop/hf_families.hpp>
#include <octavo/interop/hf_llama_config.hpp>
#include <octavo/interop/hf_positions.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/numeric/stored_type.hpp>

// The config.json of every model class that Octavo reads and writes.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// "'gpt2', 'llama', ...": the classes that are known.
inline std::string known_model_types() {
  std::string names = "'gpt2'";
  for (const HfFamily& family : hf_families) names += concat({", '", family.model_type, "'"});
  return names;
}

/// The model_type of a configuration; where it is missing, that of the class in "architectures".
inline std::string model_type_of(const JsonObject& json) {
  const auto& type = json.field("model_type");
  if (type.is_string()) return type.get<std::string>();
  if (!type.is_null()) json.refuse("model_type", concat({"one of ", known_model_types()}));
  const auto& classes = json.field("architectures");
  const bool named = classes.is_array() && !classes.empty() && classes[0].is_string();
  const std::string name = named ? classes[0].get<std::string>() : std::string();
  if (name.starts_with("GPT2")) return "gpt2";
  for (const HfFamily& family : hf_families) {
    if (name == concat({family.stem, "ForCausalLM"}) || name == concat({family.stem, "Model"})) {
      return std::string(family.model_type);
    }
  }
  json.fail(concat({"'model_type' is missing, expected one of ", known_model_types()}));
}

/// A note about a class of another name, which may compute something else.
inline void note_other_class(const JsonObject& json, std::string_view stem,
                             std::vector<std::string>& notes) {
  const auto& classes = json.field("architectures");
  if (!classes.is_array() || classes.empty() || !classes[0].is_string()) return;
  const std::string name = classes[0].get<std::string>();
  if (name.starts_with(concat({stem, "For"})) || name == concat({stem, "Model"})) return;
  notes.push_back(concat({"the class ", printable(name), " of ", printable(json.name()),
                          " is set aside: the model is read as ", stem, "ForCausalLM"}));
}

}  // namespace detail

/// Reads a config.json in Hugging Face's format. Missing fields have transformers' defaults for the
/// class. FormatError if a field asks for a computation that Octavo does not have. Sizes are in
/// range, but they are not compared with the weights.
inline PretrainedConfig read_hf_config(const ByteSource& source) {
  const JsonObject json(source, detail::config_limits);
  const std::string type = detail::model_type_of(json);
  const detail::HfFamily* const family = detail::find_hf_family(type);
  if (type != "gpt2" && family == nullptr) {
    json.fail(detail::concat({"'model_type': got ", printable(type), ", expected one of ",
                              detail::known_model_types()}),
              type == "gemma3" ? "its language model alone is of type 'gemma3_text': save that "
                                 "(Gemma3ForCausalLM)"
                               : "Octavo has no layers of another type");
  }
  if (!json.field("quantization_config").is_null()) {
    json.fail("'quantization_config': its weights are quantized, expected F32, F16 or BF16",
              "use the model from which it was made");
  }
  if (family == nullptr) return detail::Gpt2ConfigFile(json).read();
  PretrainedConfig config = detail::HfConfigFile(json, *family).read();
  detail::note_other_class(json, family->stem, config.notes);
  return config;
}

namespace detail {

/// query_pre_attn_scalar, of which the scale is the inverse root; the nearest number where there is
/// none.
inline double scalar_of_scale(double scale) {
  const double near = 1 / (scale * scale);
  if (1 / std::sqrt(std::round(near)) == scale) return std::round(near);
  double number = near;
  for (int i = 0; i < 4; ++i) number = std::nextafter(number, 0.0);
  for (int i = 0; i < 8; ++i, number = std::nextafter(number, HUGE_VAL)) {
    if (1 / std::sqrt(number) == scale) return number;
  }
  return near;
}

inline void write_windows(const ModelConfig& model, const HfFamily& family,
                          nlohmann::ordered_json& json) {
  const AttentionConfig& attention = model.attention;
  if (family.windows == HfWindows::none) return;
  const bool any = attention.local_layers(model.layers) > 0;
  json["sliding_window"] = nullptr;
  // Versions of transformers before layer_types expect a number in classes with a pattern.
  if (any || family.windows == HfWindows::pattern) {
    json["sliding_window"] = any ? attention.window : model.context;
  }
  if (family.windows == HfWindows::all) return;
  if (family.windows == HfWindows::switched) {
    json["use_sliding_window"] = any;
    json["max_window_layers"] = any ? 0 : model.layers;
  } else if (const Index usual = family.defaults.attention.window_pattern;
             family.defaults.positions.local_base != 0 && attention.window_pattern != usual) {
    Index pattern = attention.window_pattern;
    if (pattern == 0) pattern = model.layers + (model.layers + 1 == usual ? 2 : 1);  // no layer
    json["sliding_window_pattern"] = pattern;
  }
  json["layer_types"] = nlohmann::ordered_json::array();
  for (Index i = 0; i < model.layers; ++i) {
    json["layer_types"].push_back(attention.is_local(i) ? "sliding_attention" : "full_attention");
  }
}

/// The fields of a class for a model; what the class does not have is left out.
inline std::string hf_family_text(const PretrainedConfig& config, const HfFamily& family,
                                  StoredType type) {
  const ModelConfig& model = config.model;
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["architectures"] = {concat({family.stem, "ForCausalLM"})};
  json["model_type"] = family.model_type;
  json["vocab_size"] = model.vocabulary;
  json["hidden_size"] = model.width;
  json["intermediate_size"] = model.feed_forward.d_ff;
  json["num_hidden_layers"] = model.layers;
  json["num_attention_heads"] = model.attention.heads;
  json["num_key_value_heads"] = model.kv_heads();
  json["head_dim"] = model.head_width();
  const std::string_view name = model.feed_forward.activation == Activation::gelu_tanh
                                    ? "gelu_pytorch_tanh"
                                    : hf_name_of(model.feed_forward.activation);
  json["hidden_act"] = name;
  json[std::string(family.activation_field)] = name;
  json["rms_norm_eps"] = model.norm.epsilon;
  json["initializer_range"] = 0.02;
  if (family.has_attention_bias) json["attention_bias"] = model.attention.bias;
  if (family.has_mlp_bias) json["mlp_bias"] = model.feed_forward.bias;
  json["attention_dropout"] = 0.0;
  write_hf_positions(model, family, json);
  write_windows(model, family, json);
  if (family.has_caps) {
    const double scale = model.attention.scale;
    json["query_pre_attn_scalar"] = model.head_width();
    if (scale != 0) json["query_pre_attn_scalar"] = scalar_of_scale(scale);
    for (const auto& [key, cap] : {std::pair("attn_logit_softcapping", model.attention.cap),
                                   std::pair("final_logit_softcapping", model.head.cap)}) {
      json[key] = nullptr;
      if (cap != 0) json[key] = cap;
    }
  }
  json["tie_word_embeddings"] = model.head.tied;
  json["use_cache"] = true;
  json["bos_token_id"] = nullptr;
  json["eos_token_id"] = nullptr;
  if (config.begin_token) json["bos_token_id"] = *config.begin_token;
  if (config.end_token) json["eos_token_id"] = *config.end_token;
  if (!config.other_end_tokens.empty()) json["eos_token_id"] = config.end_tokens();
  for (const char* key : {"torch_dtype", "dtype"}) json[key] = torch_name_of(type);
  if (config.trained_length != model.context) {
    json["octavo_trained_length"] = config.trained_length;
  }
  return json.dump(2) + '\n';
}

/// In what the class's model differs from the model: nothing if it does not, or why it cannot be
/// described at all.
struct HfDifference {
  std::string ours, theirs;
  Index count = 0;
};

inline HfDifference hf_difference(const ModelConfig& model, const std::string& text) {
  try {
    const ModelConfig read =
        read_hf_config(MemorySource("config.json", std::as_bytes(std::span(text)))).model;
    const auto [ours, theirs] = describe_differences(canonical(model), read);
    const Index count = ours.empty() ? 0 : 1 + std::count(ours.begin(), ours.end(), ',');
    return {ours, theirs, count};
  } catch (const FormatError&) {
    return {describe(model), "", 1000};
  }
}

}  // namespace detail

/// The text of a config.json for transformers 4 and 5, of the first class whose model it is: what
/// is written, read again, gives the same ModelConfig. Error of code bad_data, with the reasons, if
/// there is none. `what`: the operation, for the message.
inline std::string hf_config_text(const PretrainedConfig& config, StoredType type,
                                  const std::string& what = "cannot write a config.json") {
  require_merged(config.model, what);
  if (config.model.positions.kind == PositionKind::learned) {
    require_gpt2(config.model, what, Gpt2Activations::any);
    return gpt2_config_text(config, type);
  }
  const detail::HfFamily* nearest = nullptr;
  detail::HfDifference least;
  for (const detail::HfFamily& family : detail::hf_families) {
    std::string text = detail::hf_family_text(config, family, type);
    const detail::HfDifference difference = detail::hf_difference(config.model, text);
    if (difference.count == 0) return text;
    if (nearest == nullptr || difference.count < least.count) {
      nearest = &family;
      least = difference;
    }
  }
  throw Error(ErrorCode::bad_data,
              detail::concat({what,
                              ": no model class of transformers computes this model: the "
                              "nearest, ",
                              nearest->stem, ", has ", least.theirs, ", not ", least.ours}),
              "train a model of one family");
}

}  // namespace OCTAVO_NAMESPACE
