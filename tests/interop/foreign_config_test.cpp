// SPDX-License-Identifier: MIT
// Folders that others have written: what changes nothing is set aside, and told.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

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
    shape = source.shape();
    ends = source.end_tokens();
    for (std::string note : source.notes()) {
      const std::size_t at = note.find(folder.path() + "/");
      if (at != note.npos) note.erase(at, folder.path().size() + 1);
      notes.push_back(note);
    }
  }
  ModelShape shape;
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
  CHECK(Read(R"({"activation_function": "gelu"})").shape.activation == Activation::gelu);
  CHECK(Read(R"({"activation_function": "gelu_python"})").shape.activation == Activation::gelu);
  CHECK(Read(R"({"activation_function": "relu"})").shape.activation == Activation::relu);
}

TEST_CASE("a model with another activation goes to a folder and comes back") {
  for (const Activation activation : {Activation::relu, Activation::gelu}) {
    ModelShape shape = octavo_test::gpt2_shape;
    shape.activation = activation;
    const TestFolder folder;
    save_pretrained<float>(folder.path(), standard_model(shape), {shape, 3, 1, 2},
                           octavo_test::gpt2_weights<float>());
    CHECK(load_pretrained<float>(folder.path()).config.shape == shape);
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

TEST_CASE("tensors of other heads, masks of any dtype and double weights") {
  TestFolder folder = TestFolder::good();
  const std::string whole = folder.files.at("model.safetensors");
  const MemorySource source("x", std::as_bytes(std::span(whole)));
  const SafetensorsReader reader(source);
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<double>> doubles;
  for (const auto& [name, tensor] : reader.tensors()) {
    std::vector<float> numbers(tensor.bytes / sizeof(float));
    reader.read(tensor, 0, std::as_writable_bytes(std::span(numbers)));
    doubles.emplace_back(numbers.begin(), numbers.end());
    tensors.push_back({name, "F64", tensor.shape, std::as_bytes(std::span(doubles.back()))});
  }
  const std::string mask(25, '\1');
  for (const char* name : {"multiple_choice_head.summary.weight", "score.weight",
                           "transformer.h.0.attn.bias", "transformer.h.1.attn.masked_bias"}) {
    tensors.push_back({name, "F8_E4M3", {1, 1, 5, 5}, std::as_bytes(std::span(mask))});
  }
  octavo_test::HastyFileSystem hasty;
  folder.put();
  write_safetensors(folder.path() + "/model.safetensors", tensors, {}, hasty);
  const ModelSource model(folder.path());
  std::vector<float> weights(static_cast<std::size_t>(parameter_count(model.shape())));
  model.read(std::span(weights));
  CHECK(weights == octavo_test::gpt2_weights<float>());
  CHECK(model.notes() == Lines{"4 tensors are set aside, which the model does not need: "
                               "'transformer.h.0.attn.bias' to 'score.weight'"});
}

TEST_CASE("large headers, and metadata that is null") {
  TestFolder folder = TestFolder::good();
  std::string& file = folder.files["model.safetensors"];
  const auto data = 8 + static_cast<std::size_t>(static_cast<unsigned char>(file[0])) +
                    256 * static_cast<std::size_t>(static_cast<unsigned char>(file[1]));
  Json header = Json::parse(file.substr(8, data - 8));
  const std::string numbers = file.substr(data);
  const auto loads = [&](const std::string& text) {
    const std::uint64_t size = text.size();
    file.assign(reinterpret_cast<const char*>(&size), sizeof(size));
    file += text + numbers;
    return folder.failure();
  };
  header.erase("__metadata__");
  CHECK(loads(header.dump() + std::string(5'000'000, ' ')) == "");
  header["__metadata__"] = nullptr;
  CHECK(loads(header.dump()) == "");
  header["__metadata__"] = {{"long", std::string(3'000'000, 'x')}};
  CHECK(loads(header.dump()) == "");
  const std::string tensors = header.dump();
  CHECK(loads("{\"transformer.wpe.weight\":{}," + tensors.substr(1)) ==
        "cannot load 'model.safetensors': the header names 'transformer.wpe.weight' twice");
}
