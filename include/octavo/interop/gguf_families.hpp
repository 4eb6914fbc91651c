// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/transformer/families.hpp>

// The architectures of llama.cpp (src/llama-arch.cpp, src/models) that Octavo reads and writes.
namespace OCTAVO_NAMESPACE::detail {

/// A value of "general.architecture".
struct GgufFamily {
  std::string_view architecture;
  Family family;                 ///< its kinds of layers
  bool paired_rows = false;      ///< rows of q and k lie in the order of neighbouring pairs
  bool may_have_biases = false;  ///< of any linear map
  bool may_be_untied = true;     ///< whether there may be an output.weight of its own
};

/// In the order in which they are tried for writing. Mistral is written as llama.
inline constexpr std::array<GgufFamily, 7> gguf_families{{
    {.architecture = "gpt2", .family = Family::gpt2, .may_be_untied = false},
    {.architecture = "qwen2", .family = Family::qwen2},
    {.architecture = "llama",
     .family = Family::llama,
     .paired_rows = true,
     .may_have_biases = true},
    {.architecture = "qwen3", .family = Family::qwen3},
    {.architecture = "gemma", .family = Family::gemma, .may_be_untied = false},
    {.architecture = "gemma2", .family = Family::gemma2, .may_be_untied = false},
    {.architecture = "gemma3", .family = Family::gemma3, .may_be_untied = false},
}};

constexpr const GgufFamily* find_gguf_family(std::string_view architecture) noexcept {
  for (const GgufFamily& family : gguf_families) {
    if (family.architecture == architecture) return &family;
  }
  return nullptr;
}

/// A layer's name within a block, or outside of the blocks, here and in GGUF files. A matrix of
/// several maps has a name for each.
struct GgufLayerName {
  std::string_view layer;
  std::array<std::string_view, 3> gguf;
};
inline constexpr GgufLayerName gguf_layer_names[] = {
    {"embedding.tokens", {"token_embd"}},
    {"embedding.positions", {"position_embd"}},
    {"attention_norm", {"attn_norm"}},
    {"attention.qkv", {"attn_q", "attn_k", "attn_v"}},
    {"attention.query_norm", {"attn_q_norm"}},
    {"attention.key_norm", {"attn_k_norm"}},
    {"attention.output", {"attn_output"}},
    {"attention_post_norm", {"post_attention_norm"}},
    {"feed_forward_norm", {"ffn_norm"}},
    {"feed_forward.gate_up", {"ffn_gate", "ffn_up"}},
    {"feed_forward.up", {"ffn_up"}},
    {"feed_forward.down", {"ffn_down"}},
    {"feed_forward_post_norm", {"post_ffw_norm"}},
    {"final_norm", {"output_norm"}},
    {"head", {"output"}},
};

}  // namespace OCTAVO_NAMESPACE::detail
