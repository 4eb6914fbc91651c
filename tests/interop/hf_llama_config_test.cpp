// SPDX-License-Identifier: MIT
// Fields of classes that are built like Llama: defaults, windows, what is refused.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "interop/hf_text.hpp"

using namespace octavo;
using octavo_test::read;
using octavo_test::read_text;
using octavo_test::refusal;
using octavo_test::sizes;

namespace {

using Tokens = std::vector<Token>;

/// The family's kinds in those sizes, with the epsilon, base and head of the class.
ModelConfig usual(Family family) {
  ModelConfig config = with_family(sizes, family);
  config.norm.epsilon = 1e-6;
  config.head.tied = config.norm.unit_offset;
  if (config.positions.local_base == 0) config.positions.base = 10'000;
  return config;
}

}  // namespace

TEST_CASE("missing fields have the class's defaults") {
  CHECK(read("llama").model == usual(Family::llama));
  CHECK(read("qwen2").model == usual(Family::qwen2));
  CHECK(read("qwen3").model == usual(Family::qwen3));
  CHECK(read("mistral").model == usual(Family::mistral));
  CHECK(read("gemma").model == usual(Family::gemma));
  ModelConfig gemma2 = usual(Family::gemma2);
  gemma2.attention.scale = 1.0 / 16;
  CHECK(read("gemma2").model == gemma2);
  ModelConfig gemma3 = usual(Family::gemma3);
  gemma3.attention.scale = 1.0 / 16;
  gemma3.attention.window = 4096;
  CHECK(read("gemma3_text").model == gemma3);
}

TEST_CASE("a config.json with nothing but its type is the class's usual model") {
  const auto plain = [](const std::string& type) {
    return read_text("{\"model_type\": \"" + type + "\"}").model;
  };
  const ModelConfig llama = plain("llama");
  CHECK(describe(llama) ==
        "vocabulary 32000, context 2048, layers 32, width 4096, norm rms, norm-epsilon 1e-06, "
        "norm-bias no, positions rotary, heads 32, attention-bias no, ff 11008, activation silu, "
        "gated yes, ff-bias no, head-bias no");
  CHECK(plain("qwen2").head_width() == 128);
  CHECK(plain("qwen3").attention.head_width == 0);  // 32 times 128 is the width
  CHECK(plain("mistral").kv_heads() == 8);
  CHECK(plain("mistral").attention.window == 4096);
  CHECK(plain("gemma").head_width() == 256);
  CHECK(plain("gemma2").width == 2304);
  CHECK(plain("gemma2").attention.cap == 50);
  CHECK(plain("gemma2").attention.scale == 0);  // 256 numbers per head
  CHECK(plain("gemma3_text").vocabulary == 262208);
  CHECK(plain("gemma3_text").positions.local_base == 10'000);
}

TEST_CASE("numbers of other types and null where transformers allows it") {
  CHECK(read("llama", R"({"head_dim": null})").model.head_width() == 4);
  CHECK(read("gemma", R"({"head_dim": null})").model.head_width() == 4);
  CHECK(read("llama", R"({"head_dim": "erase"})").model.attention.head_width == 0);
  CHECK(read("llama", R"({"num_key_value_heads": null})").model.kv_heads() == 4);
  CHECK(read("llama", R"({"num_key_value_heads": "erase"})").model.kv_heads() == 4);
  CHECK(read("llama", R"({"num_key_value_heads": 4})").model.attention.kv_heads == 0);
  CHECK(read("qwen2", R"({"num_key_value_heads": null})").model.kv_heads() == 4);
  CHECK(read("llama", R"({"hidden_size": 16.0, "rope_theta": 10000})").model ==
        usual(Family::llama));
  CHECK(read("llama", R"({"tie_word_embeddings": null})").model == usual(Family::llama));
  CHECK(read("llama", R"({"head_dim": 4})").model.attention.head_width == 0);
}

TEST_CASE("tokens that begin and end a text: defaults of the class, lists, null, beyond it") {
  CHECK(read("llama").begin_token == 1);
  CHECK(read("llama").end_tokens() == Tokens{2});
  CHECK(read("qwen2").end_tokens().empty());
  CHECK(read("gemma").begin_token == 2);
  CHECK(read("gemma").end_tokens() == Tokens{1});
  CHECK(read("mistral", R"({"eos_token_id": [3, 10, 3]})").end_tokens() == Tokens{3, 10});
  CHECK(read("llama", R"({"eos_token_id": null})").end_tokens().empty());
  CHECK(read("llama", R"({"vocab_size": 2})").end_tokens().empty());
  const PretrainedConfig beyond = read("llama", R"({"eos_token_id": [128001, 2]})");
  CHECK(beyond.end_tokens() == Tokens{2});
  CHECK(beyond.notes.size() == 1);
}

TEST_CASE("biases: by a field, or by the class") {
  const AttentionConfig llama = read("llama", R"({"attention_bias": true})").model.attention;
  CHECK(llama.bias);
  CHECK(llama.output_bias);
  CHECK(read("llama", R"({"mlp_bias": true})").model.feed_forward.bias);
  CHECK(read("qwen2").model.attention.bias);
  CHECK_FALSE(read("qwen2").model.attention.output_bias);
  CHECK(read("qwen2", R"({"attention_bias": false})").model.attention.bias);  // no such field
  CHECK(read("qwen3", R"({"attention_bias": true})").model.attention.output_bias);
  CHECK_FALSE(read("mistral").model.attention.bias);
  CHECK(refusal("llama", R"({"attention_bias": 1})") ==
        "'attention_bias': got 1, expected true or false");
}

TEST_CASE("activations") {
  const auto activation = [](const std::string& type, const std::string& changes) {
    return read(type, changes).model.feed_forward.activation;
  };
  CHECK(activation("llama", R"({"hidden_act": "relu"})") == Activation::relu);
  CHECK(activation("llama", R"({"hidden_act": null})") == Activation::silu);
  CHECK(activation("gemma2", R"({"hidden_act": "relu"})") == Activation::gelu_tanh);
  CHECK(activation("gemma2", R"({"hidden_activation": "gelu"})") == Activation::gelu);
  CHECK(activation("gemma", R"({"hidden_activation": "gelu"})") == Activation::gelu);
  CHECK(activation("gemma", R"({"hidden_act": "silu"})") == Activation::silu);
  CHECK(activation("gemma", R"({"hidden_act": "gelu"})") == Activation::gelu_tanh);
  CHECK(read("gemma", R"({"hidden_act": "gelu"})").notes.size() == 1);
  CHECK(refusal("llama", R"({"hidden_act": "quick_gelu"})")
            .starts_with("'hidden_act': got 'quick_gelu', expected one of 'gelu_new'"));
}

TEST_CASE("windows: by the class's rule, or as layer_types lists them") {
  const auto window = [](const std::string& type, const std::string& changes) {
    const AttentionConfig got = read(type, changes).model.attention;
    return std::vector<Index>{got.window, got.window_pattern};
  };
  using Pair = std::vector<Index>;
  CHECK(window("mistral", R"({"sliding_window": 5})") == Pair{5, 0});
  CHECK(window("mistral", R"({"sliding_window": null})") == Pair{0, 0});
  CHECK(window("mistral", "{}") == Pair{4096, 0});
  CHECK(window("llama", R"({"sliding_window": 5})") == Pair{0, 0});  // no such field
  CHECK(window("qwen2", R"({"sliding_window": 5})") == Pair{0, 0});
  CHECK(window("qwen2", R"({"sliding_window": 5, "use_sliding_window": true})") == Pair{0, 0});
  CHECK(window("qwen2", R"({"sliding_window": 5, "use_sliding_window": true,
                            "max_window_layers": 0})") == Pair{5, 0});
  CHECK(window("qwen3", R"({"sliding_window": 5, "use_sliding_window": true,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
                      "full_attention"]})") == Pair{5, 2});
  CHECK(window("qwen2", R"({"sliding_window": 99, "use_sliding_window": true,
                            "max_window_layers": 2})") == Pair{0, 0});  // longer than the context
  CHECK(window("gemma2", R"({"sliding_window": 3})") == Pair{3, 2});
  CHECK(window("gemma3_text", R"({"sliding_window": 3})") == Pair{3, 6});
  CHECK(window("gemma3_text", R"({"sliding_window": 3, "sliding_window_pattern": 2})") ==
        Pair{3, 2});
  CHECK(window("gemma3_text", R"({"sliding_window": 3, "layer_types": ["full_attention",
      "full_attention", "full_attention", "full_attention"]})") == Pair{0, 0});
  CHECK(refusal("qwen2", R"({"sliding_window": 5, "use_sliding_window": true,
                             "max_window_layers": 2})") ==
        "these layers with windows are not all, nor all but every n-th");
  CHECK(refusal("mistral", R"({"sliding_window": 0})") ==
        "'sliding_window': got 0, expected 1 to 2147483647");
  CHECK(refusal("qwen3", R"({"layer_types": ["full_attention"]})") ==
        "'layer_types': got [\"full_attention\"], expected a list of 4");
  const std::string three = R"("full_attention", "full_attention", "full_attention")";
  CHECK(refusal("qwen3", "{\"layer_types\": [" + three + ", \"linear_attention\"]}") ==
        "'layer_types': got 'linear_attention', expected 'full_attention' or 'sliding_attention'");
  CHECK(refusal("llama", "{\"layer_types\": [" + three + ", \"sliding_attention\"]}") ==
        "'layer_types' has other layers with windows than the class computes");
  CHECK(refusal("qwen3", "{\"layer_types\": [" + three + ", \"sliding_attention\"]}") ==
        "'layer_types' has 'sliding_attention' without a window");
  CHECK(refusal("mistral", "{\"layer_types\": [" + three + ", \"sliding_attention\"]}") ==
        "'layer_types' has other layers with windows than the class computes");
  CHECK(window("gemma3_text", R"({"sliding_window": 3, "sliding_window_pattern": 9})") ==
        Pair{3, 0});
}

TEST_CASE("caps and scales of Gemma 2 and 3") {
  const ModelConfig gemma2 =
      read("gemma2", R"({"attn_logit_softcapping": null, "final_logit_softcapping": 12.5,
                         "query_pre_attn_scalar": 9})")
          .model;
  CHECK(gemma2.attention.cap == 0);
  CHECK(gemma2.head.cap == 12.5);
  CHECK(gemma2.attention.scale == 1.0 / 3);
  CHECK(read("gemma2", R"({"query_pre_attn_scalar": 6})").model.attention.scale == 0);
  CHECK(read("gemma3_text", R"({"final_logit_softcapping": 30.0})").model.head.cap == 30);
  CHECK(refusal("gemma", R"({"final_logit_softcapping": 30.0})") ==
        "'final_logit_softcapping': got 30.0, expected null");
}

TEST_CASE("what other computations need is refused by name") {
  const auto refused = [](const std::string& field, const std::string& message) {
    CHECK(refusal("llama", "{" + field + "}") == message);
  };
  refused(R"("quantization_config": {"a": {"b": {"c": {"d": {"e": 1}}}}})",
          "'quantization_config': its weights are quantized, expected F32, F16 or BF16");
  refused(R"("num_experts": 8)", "'num_experts': got 8, expected null");
  refused(R"("num_local_experts": 2)", "'num_local_experts': got 2, expected null");
  refused(R"("no_rope_layers": [1, 1, 1, 0])", "'no_rope_layers': got [1,1,1,0], expected null");
  refused(R"("text_config": {"a": 1})", "'text_config': got {\"a\":1}, expected null");
  refused(R"("vision_config": {"a": 1})", "'vision_config': got {\"a\":1}, expected null");
  refused(R"("use_bidirectional_attention": true)",
          "'use_bidirectional_attention': got true, expected false");
  refused(R"("attn_logit_softcapping": 50.0)", "'attn_logit_softcapping': got 50.0, expected null");
  refused(R"("use_qk_norm": true)", "'use_qk_norm': got true, expected false");
  CHECK(refusal("llama", R"({"num_experts": 0, "no_rope_layers": [], "text_config": null,
                             "use_bidirectional_attention": null, "quantization_config": null})") ==
        "");
  CHECK(refusal("gpt2", R"({"quantization_config": {"bits": 4}})")
            .starts_with("'quantization_config'"));
}

TEST_CASE("sizes that do not fit each other") {
  CHECK(refusal("llama", R"({"num_key_value_heads": 3})") ==
        "'num_key_value_heads': got 3, expected a divisor of num_attention_heads, 4");
  CHECK(refusal("mistral", R"({"num_key_value_heads": "erase"})") ==
        "'num_key_value_heads': got 8, expected a divisor of num_attention_heads, 4");
  CHECK(refusal("llama", R"({"num_attention_heads": 3, "num_key_value_heads": 3,
                             "head_dim": null})") ==
        "'num_attention_heads': got 3, expected a divisor of hidden_size, 16");
  CHECK(refusal("llama", R"({"num_attention_heads": 3, "num_key_value_heads": 3})") == "");
  CHECK(refusal("llama", R"({"head_dim": 5})") ==
        "a head has 5 numbers, expected an even number, at most 1024");
  CHECK(refusal("llama", R"({"head_dim": 2048})") ==
        "a head has 2048 numbers, expected an even number, at most 1024");
  CHECK(refusal("llama", R"({"hidden_size": -1})") ==
        "'hidden_size': got -1, expected 1 to 536870911");
  CHECK(refusal("llama", R"({"num_hidden_layers": 20000})") ==
        "'num_hidden_layers': got 20000, expected 1 to 10000");
  CHECK(refusal("llama", R"({"rms_norm_eps": 0})") ==
        "'rms_norm_eps': got 0, expected a number > 0");
  CHECK(refusal("llama", R"({"max_position_embeddings": "2048"})") ==
        "'max_position_embeddings': got '2048' (a text), expected 1 to 2147483647");
  CHECK(refusal("llama", R"({"octavo_trained_length": 33})") ==
        "'octavo_trained_length': got 33, expected 1 to 32");
}
