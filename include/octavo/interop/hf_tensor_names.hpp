// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/parameter_tensors.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/model_config.hpp>

// Names and layouts of parameters in Hugging Face's files. GPT-2's files have Octavo's layout,
// matrices [inputs, outputs]. Those of Llama and its relatives have [outputs, inputs], and one
// tensor each for queries, keys, values, gate and up.
namespace OCTAVO_NAMESPACE::detail {

/// A tensor of a file: a parameter, or some of its columns.
struct HfTensor {
  std::string name;
  std::vector<Index> sizes;  ///< in the file
  Index first = 0;           ///< its first column in the parameter
  bool transposed = false;   ///< a row of the file is a column of the parameter
};

/// The tensors of one layer in files of Llama's relatives, side by side in the parameter.
struct HfLayerName {
  std::string_view layer;                   ///< "attention.qkv"
  std::array<std::string_view, 3> tensors;  ///< "self_attn.q_proj" and so on
};

inline constexpr HfLayerName hf_llama_names[] = {
    {"attention_norm", {"input_layernorm"}},
    {"attention.qkv", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
    {"attention.query_norm", {"self_attn.q_norm"}},
    {"attention.key_norm", {"self_attn.k_norm"}},
    {"attention.output", {"self_attn.o_proj"}},
    {"feed_forward.gate_up", {"mlp.gate_proj", "mlp.up_proj"}},
    {"feed_forward.down", {"mlp.down_proj"}},
    {"final_norm", {"norm"}},
};

/// The norms before and after a part of a block: with four norms per block, the name that others
/// have for the norm before the feed-forward part is that of the norm after the attention.
inline constexpr HfLayerName hf_two_norms[] = {{"feed_forward_norm", {"post_attention_layernorm"}}};
inline constexpr HfLayerName hf_four_norms[] = {
    {"attention_post_norm", {"post_attention_layernorm"}},
    {"feed_forward_norm", {"pre_feedforward_layernorm"}},
    {"feed_forward_post_norm", {"post_feedforward_layernorm"}}};

/// The names of a model's tensors. Files of a model without its head lack a prefix, "transformer."
/// or "model.".
class HfTensorNames {
 public:
  explicit HfTensorNames(const ModelConfig& config) : config_(config) {}

  bool is_gpt2() const noexcept { return config_.positions.kind == PositionKind::learned; }
  void leave_out_prefix() noexcept { prefixed_ = false; }
  /// The token table has the head's name: files of tied models whose program wrote one of both.
  void take_head_for_table() noexcept { table_is_head_ = true; }
  std::string_view prefix() const noexcept {
    return !prefixed_ ? "" : is_gpt2() ? "transformer." : "model.";
  }
  /// The token table, with and without the prefix.
  std::string table() const {
    if (table_is_head_) return "lm_head.weight";
    return concat({prefix(), is_gpt2() ? "wte.weight" : "embed_tokens.weight"});
  }

  /// The tensors that make a parameter.
  std::vector<HfTensor> tensors_of(const Parameter& parameter) const {
    if (parameter.name == "embedding.tokens.weight") return {{table(), sizes_of(parameter)}};
    if (is_gpt2()) return {{gpt2_name(parameter.name, prefix()), sizes_of(parameter)}};
    const NameParts parts(parameter.name);
    if (parts.layer == "head") return {{concat({"lm_head.", parts.leaf}), sizes_of(parameter)}};
    const HfLayerName* const layer = find(parts.layer);
    if (layer == nullptr) return {{parameter.name, sizes_of(parameter)}};
    const bool transposed = parameter.rows != 0 && !parts.block.empty();
    std::vector<HfTensor> tensors;
    Index first = 0;
    for (std::size_t i = 0; i < layer->tensors.size() && !layer->tensors[i].empty(); ++i) {
      const std::string_view before = parts.block.empty() ? "" : "layers.";
      const std::string_view dot = parts.block.empty() ? "" : ".";
      HfTensor tensor{
          concat({prefix(), before, parts.block, dot, layer->tensors[i], ".", parts.leaf}),
          sizes_of(parameter), first, transposed};
      const Index columns = columns_of(parts.layer, i, parameter.columns);
      if (transposed) tensor.sizes = {columns, parameter.rows};
      if (parameter.rows == 0) tensor.sizes = {columns};
      first += columns;
      tensors.push_back(std::move(tensor));
    }
    return tensors;
  }

 private:
  const HfLayerName* find(std::string_view layer) const {
    const auto in = [&](const auto& names) -> const HfLayerName* {
      for (const HfLayerName& one : names) {
        if (one.layer == layer) return &one;
      }
      return nullptr;
    };
    if (const HfLayerName* const found = in(hf_llama_names)) return found;
    return config_.arrangement == Arrangement::pre_post_norm ? in(hf_four_norms) : in(hf_two_norms);
  }

  /// The columns of the i-th tensor of a layer.
  Index columns_of(std::string_view layer, std::size_t i, Index all) const {
    if (layer == "attention.qkv") return i == 0 ? config_.query_width() : config_.kv_width();
    return layer == "feed_forward.gate_up" ? config_.feed_forward.d_ff : all;
  }

  ModelConfig config_;
  bool prefixed_ = true;
  bool table_is_head_ = false;
};

}  // namespace OCTAVO_NAMESPACE::detail
