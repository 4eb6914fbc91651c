// SPDX-License-Identifier: MIT
// Folders of classes that are built like Llama: PyTorch's logits, the way there and back, and what
// such folders have beside the weights.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/families.hpp>

#include "heap_guard/heap_guard.hpp"
#include "interop/hf_folder.hpp"

using namespace octavo;
using octavo_test::add_tensor;
using octavo_test::logits_difference;
using octavo_test::numbers_of;
using octavo_test::of_family;
using octavo_test::saved;
using octavo_test::TestFolder;
namespace fs = std::filesystem;

namespace {

std::string reference(const std::string& name) {
  return OCTAVO_TEST_REFERENCE_FOLDER "/hf/" + name;
}

/// dtype, shape and bytes of every tensor of a folder that is not set aside.
std::map<std::string, std::string> tensors_in(const std::string& path) {
  const TensorFiles files(path);
  std::map<std::string, std::string> tensors;
  for (const auto& [name, file] : files.holders()) {
    if (name.ends_with("inv_freq")) continue;
    const TensorInFile& tensor = file->tensor(name);
    std::string bytes(tensor.bytes, '\0');
    file->read(tensor, 0, std::as_writable_bytes(std::span(bytes)));
    tensors[name] = tensor.dtype + detail::readable(tensor.shape) + bytes;
  }
  return tensors;
}

StoredType type_in(const std::string& path) {
  const TensorFiles files(path);
  const auto& [name, file] = *files.holders().begin();
  const std::string& dtype = file->tensor(name).dtype;
  return dtype == "F32" ? StoredType::f32 : dtype == "F16" ? StoredType::f16 : StoredType::bf16;
}

constexpr const char* folders[] = {"llama",   "llama_biases", "llama3", "linear",
                                   "dynamic", "yarn",         "qwen2",  "qwen3",
                                   "mistral", "gemma",        "gemma2", "gemma3"};

}  // namespace

TEST_CASE("a folder's logits are PyTorch's, for every class") {
  for (const std::string name : folders) {
    INFO(name);
    CHECK(logits_difference<double, double>(reference(name)) < 1e-10);
    CHECK(logits_difference<float, double>(reference(name)) < 1e-5);
  }
}

TEST_CASE("a folder that is written again has the same tensors, and the same model") {
  for (const std::string name : folders) {
    INFO(name);
    const PretrainedModel<float> model = load_pretrained<float>(reference(name));
    TestFolder again;
    save_pretrained<float>(again.path(), standard_model(model.config.model), model.config,
                           model.weights, type_in(reference(name)));
    auto expected = tensors_in(reference(name));
    if (name == "gemma") expected.erase("lm_head.weight");  // tied
    if (name == "qwen3") {                                  // a file without the prefix
      std::map<std::string, std::string> prefixed;
      for (auto& [tensor, bytes] : expected) prefixed["model." + tensor] = bytes;
      expected = prefixed;
    }
    CHECK(tensors_in(again.path()) == expected);
    const HuggingFaceFolder back(again.path());
    CHECK(back.model_config() == model.config.model);
    CHECK(back.config().end_tokens() == model.config.end_tokens());
    CHECK(back.notes().empty());
    const PretrainedModel<float> second = load_pretrained<float>(again.path());
    CHECK(std::ranges::equal(std::as_bytes(std::span(second.weights)),
                             std::as_bytes(std::span(model.weights))));
  }
}

TEST_CASE("a folder's configuration, notes and tokens") {
  const HuggingFaceFolder llama(reference("llama"));
  CHECK(llama.ignored() ==
        std::vector<std::string>{"model.layers.0.self_attn.rotary_emb.inv_freq",
                                 "model.layers.1.self_attn.rotary_emb.inv_freq"});
  CHECK(llama.config().begin_token == 1);
  CHECK(HuggingFaceFolder(reference("llama3")).config().end_tokens() ==
        std::vector<Token>{2, 5, 7});
  CHECK(HuggingFaceFolder(reference("dynamic")).model_config().context == 16);
  CHECK(HuggingFaceFolder(reference("gemma")).model_config().head.tied);
  CHECK(HuggingFaceFolder(reference("gemma3")).model_config().attention.window_pattern == 6);
}

TEST_CASE("every family goes to a folder and back, in every type") {
  for (std::size_t i = 0; i < choice_names(Family{}).size(); ++i) {
    ModelConfig config = of_family(static_cast<Family>(i));
    if (i == 0) config.attention = {.heads = 4};
    INFO(describe(config));
    const TestFolder folder = saved(config);
    folder.put();
    const auto model = load_pretrained<float>(folder.path());
    CHECK(model.config.model == config);
    CHECK(model.config.trained_length == 3);
    CHECK(std::ranges::equal(model.weights, octavo_test::gpt2_weights<float>(config)));
    HuggingFaceFolder(folder.path()).verify();
    for (const StoredType type : {StoredType::f16, StoredType::bf16}) {
      const TestFolder narrow = saved(config, type);
      narrow.put();
      const auto rounded = load_pretrained<double>(narrow.path());
      TestFolder again;
      save_pretrained<double>(again.path(), standard_model(config), rounded.config, rounded.weights,
                              type);
      again.take();
      CHECK(again.files == narrow.files);
    }
  }
}

TEST_CASE("large matrices are transposed as small ones") {
  ModelConfig config = of_family(Family::qwen2);
  config.width = 70;
  config.feed_forward.d_ff = 67;
  config.attention = with_family(config, Family::qwen2).attention;
  config.attention.head_width = 34;
  const TestFolder folder = saved(config);
  folder.put();
  CHECK(std::ranges::equal(load_pretrained<float>(folder.path()).weights,
                           octavo_test::gpt2_weights<float>(config)));
  const Transformer<float> model(config);
  const TensorFiles files(folder.path());
  const std::vector<float> weights = octavo_test::gpt2_weights<float>(config);
  const std::string name = "model.layers.1.self_attn.v_proj.weight";
  REQUIRE(files.find(name) != nullptr);
  const auto values = numbers_of<float>(*files.find(name), name);
  const Parameter& qkv = model.parameters().find("blocks.1.attention.qkv.weight");
  for (Index row = 0; row < config.kv_width(); ++row) {
    for (Index column = 0; column < config.width; ++column) {
      const Index place = column * qkv.columns + config.query_width() + config.kv_width() + row;
      REQUIRE(values[static_cast<std::size_t>(row * config.width + column)] ==
              weights[static_cast<std::size_t>(qkv.offset + place)]);
    }
  }
}

TEST_CASE("a head beside a tied table: equal is accepted, different refused") {
  const TestFolder folder = saved(of_family(Family::smollm2));
  const std::vector<float> weights = octavo_test::gpt2_weights<float>(of_family(Family::smollm2));
  std::vector<float> table(weights.begin(), weights.begin() + 11 * 12);
  folder.put();
  add_tensor(folder, "lm_head.weight", {11, 12}, table);
  CHECK(load_pretrained<float>(folder.path()).notes.empty());
  table[5] += 1;
  folder.put();
  add_tensor(folder, "lm_head.weight", {11, 12}, table);
  CHECK_THROWS_WITH_AS(load_pretrained<float>(folder.path()),
                       doctest::Contains("tensor 'lm_head.weight' is not "
                                         "'model.embed_tokens.weight', though the configuration "
                                         "ties them"),
                       FormatError);
}

TEST_CASE("whether the head is tied: by the field, else by the class") {
  TestFolder untied = saved(of_family(Family::llama));
  CHECK(untied.failure() == "");
  untied.replace("config.json", "  \"tie_word_embeddings\": false,\n", "");
  CHECK(untied.failure() == "");
  untied.replace("config.json", "\"use_cache\": true", "\"tie_word_embeddings\": true");
  CHECK(untied.failure().find("'lm_head.weight' is not 'model.embed_tokens.weight'") !=
        std::string::npos);
  TestFolder tied = saved(of_family(Family::smollm2));
  tied.replace("config.json", "  \"tie_word_embeddings\": true,\n", "");
  CHECK(tied.failure() ==
        "cannot load 'model.safetensors': tensor 'lm_head.weight' is missing, expected [11, 12]");
  TestFolder gemma = saved(of_family(Family::gemma));
  gemma.replace("config.json", "  \"tie_word_embeddings\": true,\n", "");
  CHECK(gemma.failure() == "");
}

TEST_CASE("stray and missing tensors are set aside or named") {
  const TestFolder folder = saved(of_family(Family::llama));
  const auto with = [&](const std::string& name) {
    folder.put();
    add_tensor(folder, name, {2}, {1, 2});
    try {
      const HuggingFaceFolder opened(folder.path());
      return opened.notes().empty() ? std::string("nothing") : opened.notes()[0];
    } catch (const FormatError& error) {
      return std::string(error.what()).substr(15 + folder.path().size());
    }
  };
  for (const std::string name : {"model.layers.0.self_attn.rotary_emb.inv_freq",
                                 "model.rotary_emb.inv_freq", "score.weight"}) {
    CHECK(with(name) == "1 tensor is set aside, which the model does not need: '" + name + "'");
  }
  const std::string end = " of shape [2] does not belong to this model";
  for (const std::string name :
       {"model.layers.0.self_attn.q_proj.bias", "model.layers.2.input_layernorm.weight",
        "model.layers.0.self_attn.q_norm.weight", "transformer.wte.weight"}) {
    INFO(name);
    CHECK(with(name).ends_with("tensor '" + name + "'" + end));
  }
  TestFolder missing = folder;
  missing.forge("model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.up_praj.weight");
  CHECK(missing.failure() ==
        "cannot load 'model.safetensors': tensor 'model.layers.1.mlp.up_proj.weight' is missing, "
        "expected [20, 12]");
  TestFolder turned = folder;
  turned.forge("[20,12]", "[12,20]");
  CHECK(turned.failure() ==
        "cannot load 'model.safetensors': tensor 'model.layers.0.mlp.gate_proj.weight': its shape "
        "is [12, 20], expected [20, 12]");
  TestFolder layers = folder;
  layers.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
  CHECK(layers.failure() ==
        "cannot load 'model.safetensors': config.json says 3 layers, there are 21 tensors");
  TestFolder qwen = folder;  // whose biases no field announces
  qwen.replace("config.json", "\"model_type\": \"llama\"", "\"model_type\": \"qwen2\"");
  CHECK(
      qwen.failure() ==
      "cannot load 'model.safetensors': tensor 'model.layers.0.self_attn.q_proj.bias' is missing, "
      "expected [24]");
}

TEST_CASE("a model with more tokens than its tokenizer has the rest in reserve") {
  const ModelConfig config = of_family(Family::qwen2);
  const TestFolder folder = saved(config);
  folder.put();
  save_tokenizer_folder(folder.path(), token_table_of(CharacterTokenizer("abc")));
  const ModelSource source(folder.path());
  REQUIRE(source.tokenizer().has_value());
  CHECK(source.tokenizer()->vocabulary_size() == config.vocabulary);
  CHECK(source.config() == config);
}

TEST_CASE("a damaged number is found before a trainer changes") {
  const ModelConfig config = of_family(Family::gemma3);
  ThreadPool threads(1);
  TrainingOptions options;
  options.sequence = 3;
  Trainer<float> trainer(config, options, threads);
  TestFolder folder = saved(config);
  folder.put();
  HuggingFaceFolder(folder.path()).load(trainer);
  CHECK(std::ranges::equal(trainer.weights(), octavo_test::gpt2_weights<float>(config)));
  std::vector<float> before(trainer.weights().begin(), trainer.weights().end());
  before[3] = 8;
  trainer.weights()[3] = 8;
  folder.files["model.safetensors"].back() ^= 1;
  folder.put();
  CHECK_THROWS_AS(HuggingFaceFolder(folder.path()).load(trainer), FormatError);
  CHECK(std::ranges::equal(trainer.weights(), before));
}

TEST_CASE("a folder of the Hub's cache, whose files are links") {
  const TestFolder folder = saved(of_family(Family::qwen3));
  folder.put();
  const fs::path cache = folder.path() + "/models--x--y";
  fs::create_directories(cache / "blobs");
  fs::create_directories(cache / "snapshots/0a1b");
  int number = 0;
  for (const auto& [name, bytes] : folder.files) {
    const std::string blob = "b" + std::to_string(number++);
    fs::rename(folder.path() + "/" + name, cache / "blobs" / blob);
    fs::create_symlink("../../blobs/" + blob, cache / "snapshots/0a1b" / name);
  }
  const ModelSource source((cache / "snapshots/0a1b").string());
  CHECK(source.config() == of_family(Family::qwen3));
}

TEST_CASE("loading a transposed model takes the weights' memory once, and little besides") {
  ModelConfig config = of_family(Family::llama);
  config.width = 256;
  config.feed_forward.d_ff = 250;
  const TestFolder folder = saved(config);
  folder.put();
  const auto bytes = static_cast<std::size_t>(parameter_count(config)) * sizeof(float);
  const octavo_test::HeapPeak peak;
  const auto model = load_pretrained<float>(folder.path());
  CHECK(peak.bytes() < bytes + 200'000);
}
