// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/hf_families.hpp>
#include <octavo/interop/hf_positions.hpp>
#include <octavo/interop/pretrained_config.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The fields of the config.json of a class that is built like Llama. A missing field has the
/// class's default.
class HfConfigFile {
 public:
  HfConfigFile(const JsonObject& json, const HfFamily& family) : json_(json), family_(family) {
    config_.model = family.defaults;
  }

  PretrainedConfig read() {
    refuse_others();
    read_sizes();
    read_kinds();
    HfPositions(json_, family_).read(config_.model);
    read_windows();
    config_.model = canonical(config_.model);
    const auto begin = tokens("bos_token_id", family_.begin_token);
    if (!begin.empty()) config_.begin_token = begin.front();
    config_.set_end_tokens(tokens("eos_token_id", family_.end_token));
    const Index context = config_.model.context;
    config_.trained_length =
        json_.optional_whole("octavo_trained_length", 1, context).value_or(context);
    return std::move(config_);
  }

 private:
  /// FormatError for a field with which a class computes something else.
  void refuse_others() const {
    for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
      if (json_.field(key) != 0) json_.demand(key, nullptr);
    }
    for (const char* key : {"no_rope_layers", "text_config", "vision_config"}) {
      if (!json_.field(key).empty()) json_.demand(key, nullptr);
    }
    for (const char* key : {"use_bidirectional_attention", "use_qk_norm", "qk_layernorm"}) {
      json_.demand(key, false);
    }
    json_.demand("partial_rotary_factor", 1);
    if (family_.has_caps) return;
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
      json_.demand(key, nullptr);
    }
  }

  Index size(const char* key, Index usual, Index most = most_in_config) const {
    return json_.optional_whole(key, 1, most).value_or(usual);
  }

  /// As size(), but null is 0.
  Index size_or_none(const char* key, Index usual) const {
    if (!json_.has(key)) return usual;
    return json_.optional_whole(key, 1, most_in_config).value_or(0);
  }

  void read_sizes() {
    ModelConfig& model = config_.model;
    AttentionConfig& attention = model.attention;
    model.vocabulary = size("vocab_size", model.vocabulary);
    model.context = size("max_position_embeddings", model.context);
    model.layers = size("num_hidden_layers", model.layers, 10'000);
    model.width = size("hidden_size", model.width, most_in_config / 4);
    model.feed_forward.d_ff = size("intermediate_size", model.feed_forward.d_ff);
    attention.heads = size("num_attention_heads", attention.heads);
    attention.kv_heads = size_or_none("num_key_value_heads", attention.kv_heads);
    attention.head_width = size_or_none("head_dim", attention.head_width);
    if (attention.head_width == 0 && model.width % attention.heads != 0) {
      json_.refuse("num_attention_heads", concat({"a divisor of hidden_size, ", model.width}));
    }
    if (model.attention.heads % model.kv_heads() != 0) {
      json_.fail(concat({"'num_key_value_heads': got ", model.kv_heads(),
                         ", expected a divisor of num_attention_heads, ", attention.heads}));
    }
    if (model.head_width() % 2 != 0 || model.head_width() > most_rotary_width) {
      json_.fail(concat({"a head has ", model.head_width(),
                         " numbers, expected an even number, at most ", most_rotary_width}));
    }
  }

  void read_kinds() {
    ModelConfig& model = config_.model;
    AttentionConfig& attention = model.attention;
    model.norm.epsilon = json_.optional_positive("rms_norm_eps").value_or(model.norm.epsilon);
    model.head.tied = json_.truth("tie_word_embeddings", model.head.tied);
    if (family_.has_attention_bias) attention.bias = json_.truth("attention_bias", false);
    if (family_.has_mlp_bias) model.feed_forward.bias = json_.truth("mlp_bias", false);
    if (model.embedding_scale != 1) {
      model.embedding_scale = square_root(static_cast<double>(model.width));
    }
    read_activation_function();
    if (!family_.has_caps) return;
    if (const auto number = json_.optional_positive("query_pre_attn_scalar")) {
      attention.scale = 1 / std::sqrt(*number);
    }
    attention.cap = cap("attn_logit_softcapping", attention.cap);
    model.head.cap = cap("final_logit_softcapping", model.head.cap);
  }

  double cap(const char* key, double usual) const {
    if (!json_.has(key)) return usual;
    return json_.optional_positive(key).value_or(0);
  }

  void read_activation_function() {
    Activation& activation = config_.model.feed_forward.activation;
    const std::string key(family_.activation_field);
    activation = read_activation(json_, key.c_str(), activation);
    if (family_.model_type != "gemma" || !json_.field("hidden_activation").is_null()) return;
    // Files of the first Gemma say "gelu" there, and mean its tanh formula.
    const Activation old = read_activation(json_, "hidden_act", activation);
    if (old == Activation::gelu) {
      config_.notes.push_back(concat({"'hidden_act' of ", printable(json_.name()),
                                      " is 'gelu': Gemma computes gelu_pytorch_tanh"}));
    } else {
      activation = old;
    }
  }

  // --- Windows ----------------------------------------------------------------------------------

  void read_windows() {
    ModelConfig& model = config_.model;
    AttentionConfig& attention = model.attention;
    const Index usual_pattern = stated_pattern();
    attention.window = stated_window();
    const std::vector<bool> local = local_layers(attention.window, usual_pattern);
    if (std::find(local.begin(), local.end(), true) == local.end()) {
      attention.window = attention.window_pattern = 0;
      return;
    }
    if (attention.window == 0) json_.fail("'layer_types' has 'sliding_attention' without a window");
    if (set_pattern(usual_pattern, local) || set_pattern(0, local)) return;
    for (Index pattern = 2; pattern <= model.layers; ++pattern) {
      if (set_pattern(pattern, local)) return;
    }
    if (attention.window < model.context) {
      json_.fail("these layers with windows are not all, nor all but every n-th",
                 "Octavo has a window in all layers, in none, or in all but every n-th");
    }
    config_.notes.push_back(concat(
        {"the window of ", printable(json_.name()), " is set aside: it holds the whole context"}));
    attention.window = attention.window_pattern = 0;
  }

  Index stated_window() const {
    if (family_.windows == HfWindows::none) return 0;
    const Index window = size_or_none("sliding_window", family_.windows == HfWindows::switched
                                                            ? 4096
                                                            : family_.defaults.attention.window);
    const bool used =
        family_.windows != HfWindows::switched || json_.truth("use_sliding_window", false);
    return used ? window : 0;
  }

  /// The class's pattern, or that of a field, which Gemma 3 has: 0 where every layer has a window.
  Index stated_pattern() const {
    const Index usual = family_.defaults.attention.window_pattern;
    if (family_.defaults.positions.local_base == 0) return usual;
    for (const char* key : {"sliding_window_pattern", "_sliding_window_pattern"}) {
      const Index stated = size(key, usual);
      if (stated != usual) return stated > config_.model.layers ? 0 : stated;
    }
    return usual;
  }

  /// Which layers have a window: as layer_types lists them, or else by the class's rule.
  std::vector<bool> local_layers(Index window, Index pattern) const {
    const Index layers = config_.model.layers;
    const bool switched = family_.windows == HfWindows::switched;
    const auto from = json_.optional_whole("max_window_layers", 0, most_in_config);
    const Index first = switched ? from.value_or(28) : 0;
    std::vector<bool> local;
    for (Index i = 0; i < layers; ++i) {
      local.push_back(window > 0 && i >= first && (pattern == 0 || (i + 1) % pattern != 0));
    }
    const auto& types = json_.field("layer_types");
    if (types.is_null()) return local;
    const std::vector<bool> listed = listed_layers(types);
    const bool free = switched || family_.windows == HfWindows::pattern;
    if (!free && listed != local) {
      json_.fail("'layer_types' has other layers with windows than the class computes");
    }
    return listed;
  }

  std::vector<bool> listed_layers(const nlohmann::json& types) const {
    if (!types.is_array() || std::ssize(types) != config_.model.layers) {
      json_.refuse("layer_types", concat({"a list of ", config_.model.layers}));
    }
    std::vector<bool> local;
    for (const auto& type : types) {
      if (type != "full_attention" && type != "sliding_attention") {
        json_.fail(concat({"'layer_types': got ", JsonObject::shown(type),
                           ", expected 'full_attention' or 'sliding_attention'"}));
      }
      local.push_back(type == "sliding_attention");
    }
    return local;
  }

  /// Whether `pattern` gives these windows; if so, it is set.
  bool set_pattern(Index pattern, const std::vector<bool>& local) {
    AttentionConfig& attention = config_.model.attention;
    attention.window_pattern = pattern;
    for (Index i = 0; i < config_.model.layers; ++i) {
      if (attention.is_local(i) != local[static_cast<std::size_t>(i)]) return false;
    }
    return true;
  }

  std::vector<Token> tokens(const char* key, std::optional<Index> usual) {
    return read_tokens(json_, key, config_.model.vocabulary, usual, config_.notes);
  }

  const JsonObject& json_;
  const HfFamily& family_;
  PretrainedConfig config_;
};

}  // namespace OCTAVO_NAMESPACE::detail
