// SPDX-License-Identifier: MIT
// Models of the families that GGUF can express: what is written is read again, and its tensors lie
// as llama.cpp has them. (tests/ecosystem/llama_cpp.sh runs such files in llama.cpp itself.)
#include "interop/gguf_families.hpp"

#include <doctest/doctest.h>

using namespace octavo_test;

TEST_CASE("a model of every family is read as it was written") {
  const auto check = [](Family family, const char* architecture) {
    const ModelConfig config = detail::canonical(small_model(family));
    const Back back = written_and_read(config);
    CHECK(back.architecture == std::string(architecture));
    CHECK(describe(back.config) == describe(config));
    CHECK(back.config == config);
    // Gemma's files have 1 + gain.
    CHECK(back.worst <= (config.norm.unit_offset ? 2.4e-7 : 0));
  };
  check(Family::llama, "llama");
  check(Family::llama3, "llama");
  check(Family::smollm2, "llama");
  check(Family::qwen2, "qwen2");
  check(Family::qwen3, "qwen3");
  check(Family::gemma, "gemma");
  check(Family::gemma2, "gemma2");
  check(Family::gemma3, "gemma3");
}

TEST_CASE("tensors lie as llama.cpp has them") {
  const ModelConfig config = detail::canonical(small_model(Family::llama));
  const std::vector<float> weights = random_weights(config);
  const ParameterList parameters = Transformer<float>(config).parameters();
  const auto ours = [&](const std::string& name, Index row, Index column) {
    for (const Parameter& parameter : parameters) {
      if (parameter.name != name) continue;
      return weights[static_cast<std::size_t>(parameter.offset + row * parameter.columns + column)];
    }
    return 0.f;
  };
  const std::string bytes = gguf_of(config, weights);
  const MemorySource source = gguf_source(bytes);
  const GgufReader file(source);
  const auto at = [](const std::vector<float>& numbers, Index i) {
    return numbers[static_cast<std::size_t>(i)];
  };
  const auto q = numbers_of(file, "blk.1.attn_q.weight");
  const auto k = numbers_of(file, "blk.1.attn_k.weight");
  const auto v = numbers_of(file, "blk.1.attn_v.weight");
  for (Index in = 0; in < 8; ++in) {
    // Of a head of six the pairs (0, 3), (1, 4), (2, 5) become neighbours.
    constexpr std::array<Index, 6> order{0, 3, 1, 4, 2, 5};
    for (Index row = 0; row < 6; ++row) {
      const Index column = order[static_cast<std::size_t>(row)];
      CHECK(at(q, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, column));
      CHECK(at(q, (6 + row) * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 6 + column));
      CHECK(at(k, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 12 + column));
      CHECK(at(v, row * 8 + in) == ours("blocks.1.attention.qkv.weight", in, 18 + row));
    }
  }
  const auto gate = numbers_of(file, "blk.0.ffn_gate.weight");
  const auto up = numbers_of(file, "blk.0.ffn_up.weight");
  const auto down = numbers_of(file, "blk.0.ffn_down.weight");
  CHECK(at(gate, 3 * 8 + 2) == ours("blocks.0.feed_forward.gate_up.weight", 2, 3));
  CHECK(at(up, 3 * 8 + 2) == ours("blocks.0.feed_forward.gate_up.weight", 2, 13));
  CHECK(at(down, 7 * 10 + 9) == ours("blocks.0.feed_forward.down.weight", 9, 7));
  CHECK(file.tensor("blk.0.ffn_down.weight").shape == std::vector<Index>{10, 8});
  CHECK(at(numbers_of(file, "output.weight"), 3 * 8 + 1) == ours("head.weight", 3, 1));
}

TEST_CASE(
    "gains of Gemma's norms are one more in the file, each under its name; others are equal") {
  for (const Family family : {Family::qwen3, Family::gemma2, Family::gemma3}) {
    const ModelConfig config = detail::canonical(small_model(family));
    const std::vector<float> weights = random_weights(config);
    const std::string bytes = gguf_of(config, weights);
    const MemorySource source = gguf_source(bytes);
    const GgufReader file(source);
    const bool four = family != Family::qwen3;
    const auto check = [&](const char* ours, const char* theirs) {
      CAPTURE(theirs);
      const Parameter& gain = Transformer<float>(config).parameters().find(ours);
      const std::vector<float> numbers = numbers_of(file, theirs);
      REQUIRE(std::ssize(numbers) == gain.count());
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const float weight = weights[static_cast<std::size_t>(gain.offset) + i];
        CHECK(numbers[i] == (four ? weight + 1 : weight));
      }
    };
    check("blocks.1.attention_norm.weight", "blk.1.attn_norm.weight");
    check("blocks.1.feed_forward_norm.weight", "blk.1.ffn_norm.weight");
    check("final_norm.weight", "output_norm.weight");
    if (four) {
      check("blocks.0.attention_post_norm.weight", "blk.0.post_attention_norm.weight");
      check("blocks.0.feed_forward_post_norm.weight", "blk.0.post_ffw_norm.weight");
    }
    if (family == Family::gemma2) continue;
    check("blocks.0.attention.query_norm.weight", "blk.0.attn_q_norm.weight");
    check("blocks.0.attention.key_norm.weight", "blk.0.attn_k_norm.weight");
  }
}
