// SPDX-License-Identifier: MIT
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/transformer.hpp>

using namespace octavo;

TEST_CASE("GPT-2's names in files") {
  CHECK(gpt2_name("embedding.tokens.weight") == "transformer.wte.weight");
  CHECK(gpt2_name("embedding.positions.weight", "") == "wpe.weight");
  CHECK(gpt2_name("blocks.11.attention.qkv.bias") == "transformer.h.11.attn.c_attn.bias");
  CHECK(gpt2_name("blocks.0.feed_forward.down.weight", "") == "h.0.mlp.c_proj.weight");
  CHECK(gpt2_name("final_norm.bias") == "transformer.ln_f.bias");
  CHECK(gpt2_name("head.weight", "") == "lm_head.weight");
  CHECK(gguf_name("embedding.tokens.weight") == "token_embd.weight");
  CHECK(gguf_name("blocks.3.attention.output.weight") == "blk.3.attn_output.weight");
  CHECK(gguf_name("blocks.3.feed_forward_norm.bias") == "blk.3.ffn_norm.bias");
}

TEST_CASE("tensors that GPT-2 does not have keep their names") {
  for (const char* name : {"blocks.0.feed_forward.left", "blocks.0.gain", "blocks.0", "gain", "",
                           "blocks.", "blocks.0.attention.weight"}) {
    CHECK(gpt2_name(name) == name);
    CHECK(gguf_name(name) == name);
  }
}

TEST_CASE("no two tensors of a model have the same name in a file") {
  const ModelConfig config{.vocabulary = 5,
                           .context = 4,
                           .layers = 12,
                           .width = 4,
                           .attention = {.heads = 2},
                           .feed_forward = {.d_ff = 3}};
  const ParameterList list = Transformer<float>(config).parameters();
  std::set<std::string> gpt2, gguf;
  for (const Parameter& parameter : list) {
    gpt2.insert(gpt2_name(parameter.name));
    gguf.insert(gguf_name(parameter.name));
  }
  CHECK(gpt2.size() == list.size());
  CHECK(gguf.size() == list.size());
}
