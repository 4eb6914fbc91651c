// SPDX-License-Identifier: MIT
// The config.json of classes that are built like Llama: spellings, defaults, what is refused.
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/hf_config.hpp>

using namespace octavo;
using Json = nlohmann::json;
using Tokens = std::vector<Token>;

namespace {

PretrainedConfig read_text(const std::string& text) {
  return read_hf_config(MemorySource("config.json", std::as_bytes(std::span(text))));
}

/// A small configuration of a class, with these fields changed; "erase" takes one out.
std::string text_with(const std::string& type, const std::string& changes = "{}") {
  Json json = {{"model_type", type},
               {"vocab_size", 11},
               {"hidden_size", 16},
               {"intermediate_size", 24},
               {"num_hidden_layers", 4},
               {"num_attention_heads", 4},
               {"num_key_value_heads", 2},
               {"max_position_embeddings", 32},
               {"head_dim", 6}};
  const Json changed = Json::parse(changes);
  for (const auto& [key, value] : changed.items()) {
    if (value == "erase") {
      json.erase(key);
    } else {
      json[key] = value;
    }
  }
  return json.dump();
}

PretrainedConfig read(const std::string& type, const std::string& changes = "{}") {
  return read_text(text_with(type, changes));
}

std::string refusal(const std::string& type, const std::string& changes) {
  try {
    read(type, changes);
  } catch (const FormatError& error) {
    std::string_view message = error.what();
    const std::string_view start = "cannot load 'config.json': ";
    REQUIRE(message.starts_with(start));
    return std::string(message.substr(start.size()));
  }
  return "";
}

const ModelConfig sizes{.vocabulary = 11,
                        .context = 32,
                        .layers = 4,
                        .width = 16,
                        .attention = {.heads = 4, .kv_heads = 2, .head_width = 6},
                        .feed_forward = {.d_ff = 24}};

/// The family's kinds in those sizes, with the epsilon, base and head of the class.
ModelConfig usual(Family family) {
  ModelConfig config = with_family(sizes, family);
  config.norm.epsilon = 1e-6;
  config.head.tied = config.norm.unit_offset;
  if (config.positions.local_base == 0) config.positions.base = 10'000;
  return config;
}

const std::string known =
    "expected one of 'gpt2', 'llama', 'qwen2', 'qwen3', 'mistral', 'gemma', 'gemma2', "
    "'gemma3_text'";

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

TEST_CASE("a type by the name of a class, and classes of other names") {
  CHECK(read("llama", R"({"model_type": "erase", "architectures": ["Qwen3ForCausalLM"]})").model ==
        usual(Family::qwen3));
  CHECK(read("llama", R"({"model_type": "erase", "architectures": ["MistralModel"]})").model ==
        usual(Family::mistral));
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

TEST_CASE("rotary positions in every spelling") {
  const auto positions = [](const std::string& type, const std::string& changes) {
    return read(type, changes).model.positions;
  };
  const auto base = [&](const std::string& changes) { return positions("llama", changes).base; };
  CHECK(base(R"({"rope_theta": 500000.0})") == 500'000);
  CHECK(base(R"({"rope_theta": null})") == 10'000);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 77.5, "rope_type": "default"}})") == 77.5);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 8}, "rope_theta": 9})") == 8);
  CHECK(base(R"({"rope_parameters": {"rope_type": "default"}, "rope_theta": 9})") == 9);
  CHECK(base(R"({"rope_parameters": {"full_attention": {"rope_theta": 7}}})") == 7);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 6}, "rope_scaling": null})") == 6);
  CHECK(base(R"({"rope_parameters": {"rope_theta": 6}, "rope_scaling": {"rope_theta": 5}})") == 5);
  CHECK(base(R"({"rope_parameters": {}, "rope_scaling": {}})") == 10'000);

  const PositionConfig old =
      positions("llama", R"({"rope_scaling": {"type": "linear", "factor": 2}})");
  CHECK(old.scaling == RotaryScaling::linear);
  CHECK(old.factor == 2);
  CHECK(positions("llama", R"({"rope_scaling": {"rope_type": "linear", "type": "x",
                                                "factor": 2}})") == old);
  CHECK(positions("llama", R"({"rope_parameters": {"rope_type": "linear", "factor": 2.0,
                                                   "rope_theta": 10000}})") == old);
  const PretrainedConfig dynamic =
      read("llama", R"({"rope_scaling": {"type": "dynamic", "factor": 4.0}})");
  CHECK(dynamic.model.context == 128);
  CHECK(dynamic.model.positions.original_context == 32);

  const PositionConfig yarn = positions("qwen2", R"({"rope_scaling": {"type": "yarn", "factor": 4.0,
      "original_max_position_embeddings": 8}})");
  CHECK(yarn.original_context == 8);
  CHECK(yarn.beta_fast == 32);
  CHECK(yarn.attention_factor == 0);
  CHECK(
      positions("qwen2", R"({"rope_scaling": {"type": "yarn", "factor": 4.0}})").original_context ==
      32);
  CHECK(positions("llama", R"({"rope_scaling": {"type": "yarn", "factor": 4.0},
                               "original_max_position_embeddings": 9})")
            .original_context == 9);
  const PositionConfig scales =
      positions("llama", R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0,
                   "mscale_all_dim": 1.0, "truncate": true, "beta_fast": 16}})");
  CHECK(scales.attention_factor == 1);
  CHECK(scales.beta_fast == 16);

  const PositionConfig gemma3 = positions("gemma3_text", R"({"rope_parameters": {
      "full_attention": {"rope_theta": 5000, "rope_type": "linear", "factor": 8.0},
      "sliding_attention": {"rope_theta": 400, "rope_type": "default"}}})");
  CHECK(gemma3.base == 5000);
  CHECK(gemma3.local_base == 400);
  CHECK(gemma3.factor == 8);
  CHECK(positions("gemma3_text", R"({"rope_theta": 5000, "rope_local_base_freq": 400,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0}})") == gemma3);
}

TEST_CASE("rotary positions that Octavo does not have") {
  const auto scaling = [](const std::string& fields) {
    return refusal("llama", "{\"rope_scaling\": {" + fields + "}}");
  };
  const std::string kinds = ", expected 'default', 'linear', 'dynamic', 'llama3' or 'yarn'";
  CHECK(scaling(R"("rope_type": "longrope", "short_factor": [1], "long_factor": [1])") ==
        "'rope_scaling.rope_type': got 'longrope'" + kinds);
  CHECK(scaling(R"("type": "su")") == "'rope_scaling.type': got 'su'" + kinds);
  CHECK(scaling(R"("type": "none", "factor": 2)") == "'rope_scaling.type': got 'none'" + kinds);
  CHECK(scaling(R"("type": 3)") == "'rope_scaling.type': got 3, expected a text");
  CHECK(scaling(R"("type": "linear")") == "'rope_scaling.factor': got null, expected a number > 0");
  CHECK(scaling(R"("type": "linear", "factor": 0.5)") ==
        "'rope_scaling.factor': got 0.5, expected a number, 1 or more");
  CHECK(scaling(R"("type": "linear", "factor": "2")") ==
        "'rope_scaling.factor': got '2' (a text), expected a number > 0");
  CHECK(scaling(R"("type": "yarn", "factor": 2, "truncate": false)") ==
        "'rope_scaling.truncate': got false, expected true");
  CHECK(scaling(R"("type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 4)") ==
        "'rope_scaling.original_max_position_embeddings': got null, expected 1 to 2147483647");
  CHECK(scaling(R"("type": "llama3", "factor": 2, "low_freq_factor": 4, "high_freq_factor": 4,
                   "original_max_position_embeddings": 8)") ==
        "'rope_scaling.high_freq_factor': got 4, expected a number above low_freq_factor");
  CHECK(scaling(R"("type": "dynamic", "factor": 1e9)") ==
        "'max_position_embeddings': got 32, expected at most 2147483647 / factor");
  CHECK(refusal("llama", R"({"rope_scaling": [1]})") ==
        "'rope_scaling': got [1], expected an object");
  CHECK(refusal("llama", R"({"rope_parameters": {"rope_type": "proportional"}})") ==
        "'rope_parameters.rope_type': got 'proportional'" + kinds);
  CHECK(refusal("llama", R"({"partial_rotary_factor": 0.5})") ==
        "'partial_rotary_factor': got 0.5, expected 1");
  CHECK(refusal("llama", R"({"rope_parameters": {"partial_rotary_factor": 0.5}})") ==
        "'rope_parameters.partial_rotary_factor': got 0.5, expected 1");
  CHECK(refusal("qwen2", R"({"rope_parameters": {"full_attention": {"rope_theta": 1},
                                                 "sliding_attention": {"rope_theta": 2}}})")
            .ends_with("expected the same for layers of every kind"));
  CHECK(refusal("gemma3_text", R"({"rope_parameters": {"rope_theta": 5}})")
            .ends_with("expected 'full_attention' and 'sliding_attention' in it"));
  CHECK(refusal("gemma3_text",
                R"({"rope_parameters": {"sliding_attention": {"rope_type": "linear"}}})")
            .ends_with("layers with a window have scaled positions, expected 'default'"));
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
