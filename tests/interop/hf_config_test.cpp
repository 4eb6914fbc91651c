// SPDX-License-Identifier: MIT
// The config.json of all classes: what is written comes back, what no class has is refused.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "interop/hf_text.hpp"

using namespace octavo;
using octavo_test::Json;
using octavo_test::read;
using octavo_test::read_text;
using octavo_test::refusal;
using octavo_test::sizes;
using octavo_test::text_with;

namespace {

using Tokens = std::vector<Token>;

const std::string known =
    "expected one of 'gpt2', 'llama', 'qwen2', 'qwen3', 'mistral', 'gemma', 'gemma2', "
    "'gemma3_text'";

}  // namespace

TEST_CASE("published models") {
  const auto said = [](const std::string& text) { return read_text(text).model; };
  CHECK(said(R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 0,
      "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041,
      "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192,
      "mlp_bias": false, "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30,
      "num_key_value_heads": 3, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
      "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
      "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.40.1",
      "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}, "use_cache": true,
      "vocab_size": 49152})") == families::smollm2_135m);
  CHECK(said(R"({"architectures": ["LlamaForCausalLM"], "head_dim": 64, "hidden_act": "silu",
      "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072,
      "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
      "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
      "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
      "original_max_position_embeddings": 8192, "rope_type": "llama3"},
      "tie_word_embeddings": true, "vocab_size": 128256})") == families::llama_3_2_1b);
  CHECK(said(R"({"hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768,
      "max_window_layers": 21, "model_type": "qwen2", "num_attention_heads": 14,
      "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
      "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true,
      "use_sliding_window": false, "vocab_size": 151936})") == families::qwen2_5_0_5b);
  CHECK(said(R"({"attention_bias": false, "head_dim": 128, "hidden_size": 1024,
      "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28,
      "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28,
      "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_theta": 1000000,
      "sliding_window": null, "tie_word_embeddings": true, "vocab_size": 151936})") ==
        families::qwen3_0_6b);
  CHECK(said(R"({"head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 640,
      "_sliding_window_pattern": 6, "attn_logit_softcapping": null, "intermediate_size": 2048,
      "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4,
      "num_hidden_layers": 18, "num_key_value_heads": 1, "query_pre_attn_scalar": 256,
      "rope_local_base_freq": 10000.0, "rope_scaling": null, "rope_theta": 1000000.0,
      "sliding_window": 512, "use_bidirectional_attention": false, "vocab_size": 262144})") ==
        families::gemma_3_270m);
}

TEST_CASE("every published model and every small one is written and comes back") {
  std::vector<ModelConfig> models{families::stories15m,   families::tinyllama_1_1b,
                                  families::llama_3_2_1b, families::smollm2_135m,
                                  families::qwen2_5_0_5b, families::qwen3_0_6b,
                                  families::gemma_3_270m};
  for (std::size_t i = 1; i < choice_names(Family{}).size(); ++i) {
    models.push_back(with_family(sizes, static_cast<Family>(i)));
  }
  for (const RotaryScaling scaling : {RotaryScaling::linear, RotaryScaling::dynamic,
                                      RotaryScaling::llama3, RotaryScaling::yarn}) {
    ModelConfig config = with_family(sizes, Family::qwen3);
    config.positions.scaling = scaling;
    config.positions.factor = 2;
    config.positions.original_context = scaling == RotaryScaling::linear ? 0 : 12;
    if (scaling == RotaryScaling::yarn) config.positions.attention_factor = 1.25;
    models.push_back(config);
  }
  ModelConfig windows = with_family(sizes, Family::qwen2);
  windows.attention.window = 5;
  models.push_back(windows);
  windows.attention.window_pattern = 3;
  models.push_back(windows);
  windows = with_family(sizes, Family::gemma3);
  for (const Index layers : {4, 5, 7}) {
    for (const Index pattern : {0, 3, 6}) {
      windows.layers = layers;
      windows.attention.window_pattern = pattern;
      models.push_back(windows);
    }
  }
  windows = with_family(sizes, Family::gemma2);
  windows.attention.window = 0;
  windows.attention.window_pattern = 0;
  windows.attention.scale = 1 / std::sqrt(7.0);
  windows.attention.cap = 0;
  models.push_back(windows);
  for (const ModelConfig& model : models) {
    INFO(describe(model));
    const PretrainedConfig config{model, 7, 1, 2, {3, 4}, {}};
    const std::string text = hf_config_text(config, StoredType::bf16);
    const PretrainedConfig back = read_text(text);
    CHECK(describe(back.model) == describe(model));
    CHECK(back.model == model);
    CHECK(back.trained_length == 7);
    CHECK(back.begin_token == 1);
    CHECK(back.end_tokens() == Tokens{2, 3, 4});
    CHECK(back.notes.empty());
    CHECK(Json::parse(text).at("torch_dtype") == "bfloat16");
    CHECK(Json::parse(text).at("dtype") == "bfloat16");
    // Each of the two spellings of rotary positions is enough.
    for (const std::vector<std::string>& keys :
         {std::vector<std::string>{"rope_parameters"},
          std::vector<std::string>{"rope_theta", "rope_scaling", "rope_local_base_freq"}}) {
      Json one = Json::parse(text);
      for (const std::string& key : keys) one.erase(key);
      CHECK(read_text(one.dump()).model == model);
    }
  }
}

TEST_CASE("a model that no class has is refused, with what the nearest has instead") {
  const auto refused = [](const ModelConfig& model) {
    try {
      hf_config_text({model, 4, {}, {}, {}, {}}, StoredType::f32);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_data);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string start =
      "cannot write a config.json: no model class of transformers computes this model: the "
      "nearest, ";
  ModelConfig config = with_family(sizes, Family::llama);
  config.positions.rotary_width = 4;
  CHECK(refused(config) == start + "Llama, has rope-width 0, not rope-width 4");
  config = with_family(sizes, Family::smollm2);
  config.attention.window = 9;
  config.attention.window_pattern = 2;
  CHECK(refused(config) == start + "Qwen3, has qk-norm yes, not qk-norm no");
  config = with_family(sizes, Family::gemma);
  config.embedding_scale = 2;
  CHECK(refused(config) == start + "Gemma, has embedding-scale 4, not embedding-scale 2");
  config = with_family(sizes, Family::llama);
  config.arrangement = Arrangement::parallel;
  CHECK(refused(config) == start + "Llama, has arrangement pre-norm, not arrangement parallel");
  config = with_family(sizes, Family::llama);
  config.positions.pairing = RotaryPairing::neighbours;
  CHECK(refused(config) == start + "Llama, has rope-pairing halves, not rope-pairing neighbours");
  config = sizes;
  config.attention = {.heads = 4};
  CHECK(refused(config).find("is not compatible with GPT-2") != std::string::npos);
}

TEST_CASE("a type by the name of a class, and classes of other names") {
  CHECK(read("llama", R"({"model_type": "erase", "architectures": ["Qwen3ForCausalLM"]})").model ==
        read("qwen3").model);
  CHECK(read("llama", R"({"model_type": "erase", "architectures": ["MistralModel"]})").model ==
        read("mistral").model);
  CHECK(refusal("llama", R"({"model_type": "erase"})") == "'model_type' is missing, " + known);
  CHECK(refusal("llama", R"({"model_type": "erase", "architectures": ["LlamaBiModel"]})") ==
        "'model_type' is missing, " + known);
  CHECK(read("llama", R"({"architectures": ["LlamaForSequenceClassification"]})").notes.empty());
  CHECK(
      read("llama", R"({"architectures": ["LlamaBiModel"]})").notes ==
      std::vector<std::string>{"the class 'LlamaBiModel' of 'config.json' is set aside: the model "
                               "is read as LlamaForCausalLM"});
  CHECK(refusal("mixtral", "{}") == "'model_type': got 'mixtral', " + known);
  CHECK(refusal("gemma3", "{}") == "'model_type': got 'gemma3', " + known);
}

TEST_CASE("every truncation and many changes of a config.json are errors or models") {
  std::vector<std::string> texts{text_with("gpt2")};
  for (const Family family :
       {Family::llama3, Family::qwen2, Family::mistral, Family::gemma2, Family::gemma3}) {
    ModelConfig config = with_family(sizes, family);
    config.positions.scaling = RotaryScaling::llama3;
    config.positions.factor = 2;
    config.positions.original_context = 16;
    const std::string text = hf_config_text({config, 9, 1, 2, {3}, {}}, StoredType::f16);
    texts.push_back(Json::parse(text).dump());
  }
  int models = 0, errors = 0;
  const auto attempt = [&](const std::string& text) {
    try {
      const PretrainedConfig config = read_text(text);
      check_config(config.model);
      const std::string again = hf_config_text(config, StoredType::f32);
      CHECK(read_text(again).model == config.model);
      ++models;
    } catch (const FormatError&) {
      ++errors;
    }
  };
  for (const std::string& text : texts) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      INFO(i, " of ", text);
      attempt(text.substr(0, i));
      std::string changed = text;
      for (const char other : std::string_view("0 9\"{[}],:-.entx\xff")) {
        changed[i] = other;
        attempt(changed);
      }
      changed = text;
      changed.erase(i, 1);
      attempt(changed);
    }
  }
  CHECK(models > 2000);
  CHECK(errors > 20'000);
}
