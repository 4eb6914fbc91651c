// SPDX-License-Identifier: MIT
// The config.json of a GPT-2: what others write, what Octavo writes, what is no GPT-2's.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/gpt2_config.hpp>
#include <octavo/interop/hf_config.hpp>
#include <octavo/interop/model_source.hpp>

#include "interop/gpt2_folder.hpp"

using namespace octavo;
using octavo_test::TestFolder;
using Json = nlohmann::json;

namespace {

using Lines = std::vector<std::string>;
using Tokens = std::vector<Token>;

/// What a folder with these fields of config.json says; null takes one out.
struct Read {
  explicit Read(const std::string& changes, const std::string& generation = "") {
    TestFolder folder = TestFolder::good();
    Json json = Json::parse(folder.files["config.json"]);
    const Json changed = Json::parse(changes);
    for (const auto& [key, value] : changed.items()) {
      if (value == "erase") {
        json.erase(key);
      } else {
        json[key] = value;
      }
    }
    folder.files["config.json"] = json.dump();
    if (!generation.empty()) folder.files["generation_config.json"] = generation;
    folder.put();
    const ModelSource source(folder.path());
    shape = source.config();
    ends = source.end_tokens();
    for (std::string note : source.notes()) {
      const std::size_t at = note.find(folder.path() + "/");
      if (at != note.npos) note.erase(at, folder.path().size() + 1);
      notes.push_back(note);
    }
  }
  ModelConfig shape;
  Tokens ends;
  Lines notes;
};

}  // namespace

TEST_CASE("tokens that begin and end a text may be lists, missing or beyond the vocabulary") {
  CHECK(Read("{}").ends == Tokens{2});
  CHECK(Read("{}").notes.empty());
  CHECK(Read(R"({"eos_token_id": [10, 2, 10]})").ends == Tokens{10, 2});
  CHECK(Read(R"({"eos_token_id": null})").ends.empty());
  CHECK(Read(R"({"eos_token_id": "erase", "bos_token_id": "erase"})").ends.empty());
  CHECK(Read(R"({"eos_token_id": [], "pad_token_id": 99, "sep_token_id": -1})").notes.empty());
  const Read beyond(R"({"eos_token_id": 50256, "bos_token_id": -1})");
  CHECK(beyond.ends.empty());
  CHECK(
      beyond.notes ==
      Lines{"'bos_token_id' of 'config.json' is -1, which no token has (0 to 10): it is set aside",
            "'eos_token_id' of 'config.json' is 50256, which no token has (0 to 10): it is set "
            "aside"});
  CHECK(Read(R"({"eos_token_id": [50256, 3.0]})").ends == Tokens{3});
}

TEST_CASE("a generation_config.json goes before config.json") {
  CHECK(Read("{}", R"({"eos_token_id": [5, 6], "max_length": 20})").ends == Tokens{5, 6});
  CHECK(Read("{}", R"({"max_length": 20})").ends == Tokens{2});
  CHECK(Read("{}", R"({"eos_token_id": 11})").ends == Tokens{2});
  CHECK(Read("{}", R"({"eos_token_id": 11})").notes.size() == 1);
  const Read spoiled("{}", "{");
  CHECK(spoiled.ends == Tokens{2});
  CHECK(spoiled.notes.size() == 1);
}

TEST_CASE("transformers' names of activations that Octavo has") {
  for (const char* name :
       {"gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"}) {
    CAPTURE(name);
    CHECK(Read(Json{{"activation_function", name}}.dump()).shape == octavo_test::gpt2_shape);
  }
  CHECK(Read(R"({"activation_function": "gelu"})").shape.feed_forward.activation ==
        Activation::gelu);
  CHECK(Read(R"({"activation_function": "gelu_python"})").shape.feed_forward.activation ==
        Activation::gelu);
  CHECK(Read(R"({"activation_function": "relu"})").shape.feed_forward.activation ==
        Activation::relu);
}

TEST_CASE("a model with another activation goes to a folder and comes back") {
  for (const Activation activation :
       {Activation::relu, Activation::gelu, Activation::silu, Activation::relu_squared}) {
    ModelConfig shape = octavo_test::gpt2_shape;
    shape.feed_forward.activation = activation;
    const TestFolder folder;
    save_pretrained<float>(folder.path(), standard_model(shape), {shape, 3, 1, 2},
                           octavo_test::gpt2_weights<float>());
    CHECK(load_pretrained<float>(folder.path()).config.model == shape);
  }
}

TEST_CASE("other names, and what says nothing of the model") {
  const Read old(R"({"n_ctx": 512})");
  CHECK(old.shape.context == 5);
  CHECK(old.notes ==
        Lines{"'n_ctx' of 'config.json' is 512: the context is 5, as 'n_positions' says"});
  const Read general(
      R"({"hidden_size": 4, "n_embd": "erase", "num_hidden_layers": 2, "n_layer": "erase",
          "num_attention_heads": 2, "n_head": "erase", "max_position_embeddings": 5,
          "n_positions": "erase"})");
  CHECK(general.shape == octavo_test::gpt2_shape);
  CHECK(Read(R"({"model_type": "erase"})").shape == octavo_test::gpt2_shape);
  const Read rest(
      R"({"task_specific_params": {"text-generation": {"do_sample": true}}, "dtype": "float32",
          "summary_type": "cls_index", "summary_use_proj": true, "resid_pdrop": 0.1, "n_ctx": null,
          "use_cache": false, "layer_norm_epsilon": 1.0e-5, "transformers_version": "4.40.0"})");
  CHECK(rest.shape == octavo_test::gpt2_shape);
  CHECK(rest.notes.empty());
}

TEST_CASE("a configuration that was written comes back") {
  const std::vector<PretrainedConfig> all = {{octavo_test::gpt2_shape, 3, 1, 2, {}, {}},
                                             {octavo_test::gpt2_shape, 5, {}, {}, {}, {}},
                                             {octavo_test::gpt2_shape, 5, 0, 10, {2, 3}, {}}};
  for (const PretrainedConfig& config : all) {
    const std::string text = gpt2_config_text(config, StoredType::bf16);
    const PretrainedConfig back = read_hf_config(MemorySource("x", std::as_bytes(std::span(text))));
    CHECK(back.model == config.model);
    CHECK(back.trained_length == config.trained_length);
    CHECK(back.begin_token == config.begin_token);
    CHECK(back.end_tokens() == config.end_tokens());
    CHECK(back.notes.empty());
    CHECK(Json::parse(text).at("torch_dtype") == "bfloat16");
  }
}

TEST_CASE("any epsilon that is a number > 0 goes in and out") {
  PretrainedConfig config{octavo_test::gpt2_shape, 3, 1, 2, {}, {}};
  config.model.norm.epsilon = 1e-6;
  const std::string text = gpt2_config_text(config, StoredType::f32);
  CHECK(Json::parse(text).at("layer_norm_epsilon") == 1e-6);
  const MemorySource source("x", std::as_bytes(std::span(text)));
  CHECK(read_hf_config(source).model == config.model);
}

TEST_CASE("what GPT-2 does not have is told, with what a model must have instead") {
  ModelConfig shape = octavo_test::gpt2_shape;
  const auto said = [&](Gpt2Activations activations) {
    try {
      require_gpt2(shape, "cannot", activations);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_data);
      return std::string(error.what()) + " / " + error.hint();
    }
    return std::string();
  };
  CHECK(said(Gpt2Activations::gelu_tanh) == "");
  shape.feed_forward.activation = Activation::relu;
  CHECK(said(Gpt2Activations::any) == "");
  CHECK(said(Gpt2Activations::gelu_tanh).ends_with("train a model with activation gelu-tanh"));
  shape.norm.kind = NormKind::rms;
  CHECK(said(Gpt2Activations::any) ==
        "cannot: the model is not compatible with GPT-2: it has layers that GPT-2 does not have: "
        "norm rms / train a model with GPT-2's layers");
  shape.norm.kind = NormKind::layer;
  shape.feed_forward.gated = true;
  CHECK(said(Gpt2Activations::any).ends_with("gated yes / train a model with GPT-2's layers"));
  shape.feed_forward.gated = false;
  shape.conv_taps = 4;
  CHECK(said(Gpt2Activations::any).ends_with("conv-taps 4 / train a model with GPT-2's layers"));
  shape.conv_taps = 0;
  shape.attention.kv_heads = shape.attention.heads;
  CHECK(said(Gpt2Activations::any) == "");
  shape.positions.kind = PositionKind::rotary;
  CHECK(said(Gpt2Activations::any).ends_with("rotary / train a model with GPT-2's layers"));
  shape.positions = {};
  shape.head.tied = false;
  CHECK(said(Gpt2Activations::any).ends_with("train a model with a tied output head"));
  shape = without_biases(shape);
  CHECK(
      said(Gpt2Activations::gelu_tanh)
          .ends_with("train a model with activation gelu-tanh and a tied output head and biases"));
}
