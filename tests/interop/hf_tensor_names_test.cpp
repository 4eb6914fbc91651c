// SPDX-License-Identifier: MIT
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/transformer.hpp>

using namespace octavo;
using octavo::detail::HfTensor;
using octavo::detail::HfTensorNames;

namespace {

constexpr ModelConfig sizes{.vocabulary = 11,
                            .context = 5,
                            .layers = 2,
                            .width = 12,
                            .attention = {.heads = 4, .kv_heads = 2, .head_width = 6},
                            .feed_forward = {.d_ff = 20}};

/// "name first [sizes] transposed" of all tensors of a parameter.
std::vector<std::string> told(const ModelConfig& config, const std::string& parameter,
                              bool prefixed = true) {
  HfTensorNames names(config);
  if (!prefixed) names.leave_out_prefix();
  std::vector<std::string> lines;
  for (const HfTensor& tensor :
       names.tensors_of(Transformer<float>(config).parameters().find(parameter))) {
    lines.push_back(
        detail::concat({tensor.name, " ", tensor.first, " ", detail::readable(tensor.sizes),
                        (tensor.transposed ? " transposed" : "")}));
  }
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("one parameter may be several tensors, side by side") {
  const ModelConfig qwen2 = with_family(sizes, Family::qwen2);
  CHECK(told(qwen2, "blocks.1.attention.qkv.weight") ==
        Lines{"model.layers.1.self_attn.q_proj.weight 0 [24, 12] transposed",
              "model.layers.1.self_attn.k_proj.weight 24 [12, 12] transposed",
              "model.layers.1.self_attn.v_proj.weight 36 [12, 12] transposed"});
  CHECK(told(qwen2, "blocks.0.attention.qkv.bias", false) ==
        Lines{"layers.0.self_attn.q_proj.bias 0 [24]", "layers.0.self_attn.k_proj.bias 24 [12]",
              "layers.0.self_attn.v_proj.bias 36 [12]"});
  CHECK(told(qwen2, "blocks.0.attention.output.weight") ==
        Lines{"model.layers.0.self_attn.o_proj.weight 0 [12, 24] transposed"});
  CHECK(told(qwen2, "blocks.0.feed_forward.gate_up.weight") ==
        Lines{"model.layers.0.mlp.gate_proj.weight 0 [20, 12] transposed",
              "model.layers.0.mlp.up_proj.weight 20 [20, 12] transposed"});
  CHECK(told(qwen2, "blocks.0.feed_forward.down.weight") ==
        Lines{"model.layers.0.mlp.down_proj.weight 0 [12, 20] transposed"});
  CHECK(told(qwen2, "embedding.tokens.weight") == Lines{"model.embed_tokens.weight 0 [11, 12]"});
  CHECK(told(with_family(sizes, Family::llama), "head.weight", false) ==
        Lines{"lm_head.weight 0 [11, 12]"});
}

TEST_CASE("the norm after the attention, or before the feed-forward part, by the class") {
  const ModelConfig llama = with_family(sizes, Family::llama);
  const ModelConfig gemma = with_family(sizes, Family::gemma3);
  CHECK(told(llama, "blocks.0.feed_forward_norm.weight") ==
        Lines{"model.layers.0.post_attention_layernorm.weight 0 [12]"});
  CHECK(told(gemma, "blocks.0.attention_post_norm.weight") ==
        Lines{"model.layers.0.post_attention_layernorm.weight 0 [12]"});
  CHECK(told(gemma, "blocks.0.feed_forward_norm.weight") ==
        Lines{"model.layers.0.pre_feedforward_layernorm.weight 0 [12]"});
  CHECK(told(gemma, "blocks.0.feed_forward_post_norm.weight") ==
        Lines{"model.layers.0.post_feedforward_layernorm.weight 0 [12]"});
  CHECK(told(gemma, "blocks.0.attention.key_norm.weight") ==
        Lines{"model.layers.0.self_attn.k_norm.weight 0 [6]"});
  CHECK(told(gemma, "final_norm.weight") == Lines{"model.norm.weight 0 [12]"});
}

TEST_CASE("GPT-2's names and layouts are Octavo's") {
  ModelConfig gpt2 = with_family(sizes, Family::gpt2);
  gpt2.attention = {.heads = 4};
  CHECK(told(gpt2, "blocks.1.attention.qkv.weight") ==
        Lines{"transformer.h.1.attn.c_attn.weight 0 [12, 36]"});
  CHECK(told(gpt2, "embedding.positions.weight", false) == Lines{"wpe.weight 0 [5, 12]"});
}

TEST_CASE("all tensors of a family have names of their own, none of Octavo's") {
  for (std::size_t i = 1; i < choice_names(Family{}).size(); ++i) {
    const ModelConfig config = with_family(sizes, static_cast<Family>(i));
    const HfTensorNames names(config);
    std::set<std::string> all;
    std::size_t count = 0;
    Index numbers = 0;
    for (const Parameter& parameter : Transformer<float>(config).parameters()) {
      for (const HfTensor& tensor : names.tensors_of(parameter)) {
        all.insert(tensor.name);
        ++count;
        Index size = 1;
        for (const Index one : tensor.sizes) size *= one;
        numbers += size;
        CHECK(tensor.name.find("blocks") == std::string::npos);
      }
    }
    CHECK(all.size() == count);
    CHECK(numbers == parameter_count(config));
  }
}
