// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>

// The names of GPT-2's tensors in files of Hugging Face's transformers, which Octavo's model files
// and checkpoints use as well, and of llama.cpp (src/llama-arch.cpp).
namespace OCTAVO_NAMESPACE {

/// The names of one layer, whose tensors are "<layer>.weight" and "<layer>.bias"; in a block, the
/// part of the name after the block's number.
struct Gpt2LayerName {
  std::string_view layer;         ///< "attention.qkv"
  std::string_view transformers;  ///< "attn.c_attn"
  std::string_view gguf;          ///< "attn_qkv"; empty: not in GGUF files
};

inline constexpr Gpt2LayerName gpt2_layer_names[] = {
    {"embedding.tokens", "wte", "token_embd"},
    {"embedding.positions", "wpe", "position_embd"},
    {"attention_norm", "ln_1", "attn_norm"},
    {"attention.qkv", "attn.c_attn", "attn_qkv"},
    {"attention.output", "attn.c_proj", "attn_output"},
    {"feed_forward_norm", "ln_2", "ffn_norm"},
    {"feed_forward.up", "mlp.c_fc", "ffn_up"},
    {"feed_forward.down", "mlp.c_proj", "ffn_down"},
    {"final_norm", "ln_f", "output_norm"},
};

namespace detail {

/// "blocks.3.attention.qkv.weight" in pieces.
struct NameParts {
  std::string_view block;  ///< "3"; empty: not in a block
  std::string_view layer;  ///< "attention.qkv"
  std::string_view leaf;   ///< "weight"
  const Gpt2LayerName* known = nullptr;

  explicit NameParts(std::string_view name) {
    constexpr std::string_view blocks = "blocks.";
    if (name.starts_with(blocks)) {
      name.remove_prefix(blocks.size());
      block = name.substr(0, name.find('.'));
      name.remove_prefix(std::min(block.size() + 1, name.size()));
    }
    const std::size_t dot = name.rfind('.');
    if (dot == name.npos) return;
    layer = name.substr(0, dot);
    leaf = name.substr(dot + 1);
    for (const Gpt2LayerName& names : gpt2_layer_names) {
      if (names.layer == layer) known = &names;
    }
  }
};

}  // namespace detail

/// "transformer.h.3.attn.c_attn.weight" for "blocks.3.attention.qkv.weight"; `prefix` replaces
/// "transformer.". Tensors that GPT-2 does not have keep their names.
inline std::string gpt2_name(std::string_view name, std::string_view prefix = "transformer.") {
  const detail::NameParts parts(name);
  if (parts.layer == "head") return detail::concat({"lm_head.", parts.leaf});
  if (parts.known == nullptr) return std::string(name);
  const std::string_view dot = parts.block.empty() ? "" : ".";
  return detail::concat({prefix, parts.block.empty() ? "" : "h.", parts.block, dot,
                         parts.known->transformers, ".", parts.leaf});
}

/// "blk.3.attn_qkv.weight" for "blocks.3.attention.qkv.weight".
inline std::string gguf_name(std::string_view name) {
  const detail::NameParts parts(name);
  if (parts.known == nullptr) return std::string(name);
  const std::string_view dot = parts.block.empty() ? "" : ".";
  return detail::concat(
      {parts.block.empty() ? "" : "blk.", parts.block, dot, parts.known->gguf, ".", parts.leaf});
}

}  // namespace OCTAVO_NAMESPACE
