// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/transformer/families.hpp>

// The model classes of Hugging Face's transformers that are built like Llama.
namespace OCTAVO_NAMESPACE::detail {

/// Which layers of a class see only a window of keys.
enum class HfWindows {
  none,      ///< none of them
  all,       ///< all of them, if sliding_window is a number
  switched,  ///< those from max_window_layers on, if use_sliding_window is true
  pattern,   ///< all but every n-th
};

/// A model class. Its name is a stem and a purpose: "LlamaForCausalLM".
struct HfFamily {
  std::string_view model_type;
  std::string_view stem;
  /// The values of fields that config.json lacks (configuration_<model_type>.py): sizes as well as
  /// kinds of layers. An embedding scale other than 1 stands for the root of the width.
  ModelConfig defaults;
  std::optional<Index> begin_token, end_token;
  HfWindows windows = HfWindows::none;
  bool has_attention_bias = false;    ///< whether the class reads attention_bias
  bool has_mlp_bias = false;          ///< ... and mlp_bias
  std::string_view activation_field;  ///< "hidden_act"
  bool has_caps = false;              ///< ... and the soft caps and query_pre_attn_scalar
};

/// A class's defaults: the kinds of a family, with the numbers that the class has instead.
constexpr ModelConfig hf_defaults(ModelConfig sizes, Family family) {
  ModelConfig config = with_family(sizes, family);
  config.norm.epsilon = 1e-6;
  config.head.tied = config.norm.unit_offset;  // Gemma
  if (config.positions.local_base == 0) config.positions.base = 10'000;
  if (config.attention.window > 0) config.attention.window = 4096;
  if (config.arrangement == Arrangement::pre_post_norm) config.attention.scale = 1.0 / 16;
  return config;
}

/// In the order in which they are tried for writing.
inline constexpr std::array<HfFamily, 7> hf_families{{
    {.model_type = "llama",
     .stem = "Llama",
     .defaults = hf_defaults({.vocabulary = 32000,
                              .context = 2048,
                              .layers = 32,
                              .width = 4096,
                              .attention = {.heads = 32},
                              .feed_forward = {.d_ff = 11008}},
                             Family::llama),
     .begin_token = 1,
     .end_token = 2,
     .has_attention_bias = true,
     .has_mlp_bias = true,
     .activation_field = "hidden_act"},
    {.model_type = "qwen2",
     .stem = "Qwen2",
     .defaults = hf_defaults({.vocabulary = 151936,
                              .context = 32768,
                              .layers = 32,
                              .width = 4096,
                              .attention = {.heads = 32, .kv_heads = 32},
                              .feed_forward = {.d_ff = 22016}},
                             Family::qwen2),
     .begin_token = {},
     .end_token = {},
     .windows = HfWindows::switched,
     .activation_field = "hidden_act"},
    {.model_type = "qwen3",
     .stem = "Qwen3",
     .defaults = hf_defaults({.vocabulary = 151936,
                              .context = 32768,
                              .layers = 32,
                              .width = 4096,
                              .attention = {.heads = 32, .kv_heads = 32, .head_width = 128},
                              .feed_forward = {.d_ff = 22016}},
                             Family::qwen3),
     .begin_token = {},
     .end_token = {},
     .windows = HfWindows::switched,
     .has_attention_bias = true,
     .activation_field = "hidden_act"},
    {.model_type = "mistral",
     .stem = "Mistral",
     .defaults = hf_defaults({.vocabulary = 32000,
                              .context = 131072,
                              .layers = 32,
                              .width = 4096,
                              .attention = {.heads = 32, .kv_heads = 8},
                              .feed_forward = {.d_ff = 14336}},
                             Family::mistral),
     .begin_token = 1,
     .end_token = 2,
     .windows = HfWindows::all,
     .activation_field = "hidden_act"},
    {.model_type = "gemma",
     .stem = "Gemma",
     .defaults = hf_defaults({.vocabulary = 256000,
                              .context = 8192,
                              .layers = 28,
                              .width = 3072,
                              .attention = {.heads = 16, .kv_heads = 16, .head_width = 256},
                              .feed_forward = {.d_ff = 24576}},
                             Family::gemma),
     .begin_token = 2,
     .end_token = 1,
     .has_attention_bias = true,
     .activation_field = "hidden_activation"},
    {.model_type = "gemma2",
     .stem = "Gemma2",
     .defaults = hf_defaults({.vocabulary = 256000,
                              .context = 8192,
                              .layers = 26,
                              .width = 2304,
                              .attention = {.heads = 8, .kv_heads = 4, .head_width = 256},
                              .feed_forward = {.d_ff = 9216}},
                             Family::gemma2),
     .begin_token = 2,
     .end_token = 1,
     .windows = HfWindows::pattern,
     .has_attention_bias = true,
     .activation_field = "hidden_activation",
     .has_caps = true},
    {.model_type = "gemma3_text",
     .stem = "Gemma3",
     .defaults = hf_defaults({.vocabulary = 262208,
                              .context = 131072,
                              .layers = 26,
                              .width = 2304,
                              .attention = {.heads = 8, .kv_heads = 4, .head_width = 256},
                              .feed_forward = {.d_ff = 9216}},
                             Family::gemma3),
     .begin_token = 2,
     .end_token = 1,
     .windows = HfWindows::pattern,
     .has_attention_bias = true,
     .activation_field = "hidden_activation",
     .has_caps = true},
}};

/// The class of this model_type; null if it is not built like Llama, or unknown.
constexpr const HfFamily* find_hf_family(std::string_view model_type) noexcept {
  for (const HfFamily& family : hf_families) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

/// The configuration with 0 wherever a number is what 0 stands for, so that equal models have equal
/// configurations.
inline ModelConfig canonical(ModelConfig config) {
  AttentionConfig& attention = config.attention;
  const Index head_width = config.head_width();
  if (attention.kv_heads == attention.heads) attention.kv_heads = 0;
  if (head_width * attention.heads == config.width) attention.head_width = 0;
  if (attention.scale == 1 / std::sqrt(static_cast<double>(head_width))) attention.scale = 0;
  if (!attention.bias) attention.output_bias = true;
  if (attention.window_pattern == 1) attention.window = 0;
  if (attention.window == 0) attention.window_pattern = 0;
  if (config.head.tied) config.head.bias = false;
  PositionConfig& positions = config.positions;
  const bool plain = positions.scaling == RotaryScaling::none;
  if (positions.rotary_width == head_width) positions.rotary_width = 0;
  if (attention.window == 0 || (plain && positions.local_base == positions.base)) {
    positions.local_base = 0;
  }
  const PositionConfig usual;
  if (plain) positions.factor = usual.factor;
  if (plain || positions.scaling == RotaryScaling::linear) {
    positions.original_context = usual.original_context;
  }
  if (positions.scaling != RotaryScaling::llama3) {
    positions.low_factor = usual.low_factor;
    positions.high_factor = usual.high_factor;
  }
  if (positions.scaling != RotaryScaling::yarn) {
    positions.beta_fast = usual.beta_fast;
    positions.beta_slow = usual.beta_slow;
    positions.attention_factor = usual.attention_factor;
  }
  return config;
}

}  // namespace OCTAVO_NAMESPACE::detail
