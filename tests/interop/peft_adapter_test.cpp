// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/gguf_adapter.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/peft_adapter.hpp>

#include "interop/adapters.hpp"
#include "interop/gpt2_folder.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

std::string reference(const std::string& name) { return OCTAVO_TEST_REFERENCE_FOLDER "/" + name; }

template <typename U>
std::vector<U> values(const SafetensorsReader& file, const std::string& name) {
  const TensorInFile& tensor = file.tensor(name);
  std::vector<U> result(tensor.bytes / sizeof(U));
  file.read(tensor, 0, std::as_writable_bytes(std::span(result)));
  return result;
}

/// The largest difference from the logits that PyTorch computed.
double difference(const std::string& base, const std::string& name) {
  PretrainedModel<double> model = load_pretrained<double>(reference(base));
  const ModelConfig& config = model.config.model;
  const ScaledAdapter adapter[] = {{read_lora_adapter(reference("peft/" + name), config), 1}};
  add_adapters<double>(adapter, std::span<double>(model.weights));
  const FileSource source(reference("peft/" + name + "/expected.safetensors"));
  const SafetensorsReader file(source);
  const auto expected = values<double>(file, "logits");
  const auto tokens = values<Token>(file, "tokens");
  MemoryPlan plan;
  const Transformer<double> transformer(config, plan, {1, std::ssize(tokens), 1, false});
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  std::vector<double> got(expected.size());
  transformer.logits({.run = {worker, arena, transformer.pack_buffer(arena)},
                      .rows = {1, std::ssize(tokens)},
                      .weights = model.weights.data()},
                     tokens, MatrixView<double>(got.data(), std::ssize(tokens), config.vocabulary));
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(got[i] - expected[i]));
  }
  return worst;
}

TestFolder folder_of(const LoraAdapter& adapter, StoredType type = StoredType::f32) {
  TestFolder folder;
  HastyFileSystem hasty;
  save_peft_adapter(folder.path(), adapter, "some/base", type, hasty);
  folder.take();
  return folder;
}

/// What is said about a folder, without its path; empty if it loads.
std::string refusal(const TestFolder& folder, const ModelConfig& base = adapted_llama) {
  folder.put();
  try {
    (void)read_peft_adapter(folder.path(), base);
    return {};
  } catch (const Error& error) {
    std::string message = error.what();
    for (std::size_t at; (at = message.find(folder.path() + "/")) != message.npos;) {
      message.erase(at, folder.path().size() + 1);
    }
    return message;
  }
}

const std::string model_file = "adapter_model.safetensors";
const std::string start = "cannot load 'adapter_model.safetensors': tensor '";
const std::string first = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";

}  // namespace

TEST_CASE("logits with an adapter of PEFT's are PyTorch's") {
  CHECK(difference("hf/llama", "llama") < 1e-11);
  CHECK(difference("hf/qwen3", "qwen3") < 1e-11);
  CHECK(difference("gpt2", "gpt2") < 1e-11);
}

TEST_CASE("an adapter comes back from a folder as it was") {
  for (const bool rank_stabilized : {false, true}) {
    LoraAdapter adapter = some_adapter(rank_stabilized);
    add_some(adapter, "blocks.1.feed_forward.down.weight", 0, 8, 3, 0.1);
    const TestFolder folder = folder_of(adapter);
    folder.put();
    LoraAdapter read = read_peft_adapter(folder.path(), adapted_llama);
    CHECK(read.rank_stabilized() == rank_stabilized);
    CHECK(read.maps().size() == adapter.maps().size());
    for (const LoraMap& map : adapter.maps()) {
      CHECK(std::ranges::count(read.maps(), map) == 1);
    }
    const TestFolder again = folder_of(read);
    CHECK(again.files.at(model_file) == folder.files.at(model_file));
  }
}

TEST_CASE("a fixture comes back as it was, in its own type") {
  const auto config = load_pretrained<float>(reference("hf/qwen3")).config.model;
  const LoraAdapter adapter = read_lora_adapter(reference("peft/qwen3"), config);
  const TestFolder folder = folder_of(adapter, StoredType::bf16);
  folder.put();
  CHECK(same(read_peft_adapter(folder.path(), config), adapter));
}

TEST_CASE("what adapter_config.json says") {
  const TestFolder folder = folder_of(some_adapter());
  const auto json = nlohmann::json::parse(folder.files.at("adapter_config.json"));
  CHECK(json["peft_type"] == "LORA");
  CHECK(json["base_model_name_or_path"] == "some/base");
  CHECK(json["r"] == 2);
  CHECK(json["lora_alpha"].is_number_integer());
  CHECK(json["lora_alpha"] == 4);
  CHECK(json["fan_in_fan_out"] == false);
  CHECK(json["rank_pattern"].empty());
  // Queries are adapted in both layers, the others in one.
  CHECK(json["target_modules"] ==
        nlohmann::json::array({"embed_tokens", "lm_head", "model.layers.0.mlp.down_proj",
                               "model.layers.1.mlp.gate_proj", "model.layers.1.self_attn.k_proj",
                               "model.layers.1.self_attn.v_proj", "q_proj"}));
  LoraAdapter of_gpt2(gpt2_shape);
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    add_some(of_gpt2, block + "attention.qkv.weight", 4, 4, 1, 2);
    add_some(of_gpt2, block + "attention.qkv.weight", 8, 4, 1, 2);
    add_some(of_gpt2, block + "attention.output.weight", 0, 4, 3, 2);
  }
  const TestFolder other = folder_of(of_gpt2);
  const auto text = nlohmann::json::parse(other.files.at("adapter_config.json"));
  CHECK(text["fan_in_fan_out"] == true);
  CHECK(text["target_modules"] == nlohmann::json::array({"attn.c_proj", "c_attn"}));
  CHECK(text["r"] == 2);
  CHECK(text["rank_pattern"]["transformer.h.1.attn.c_proj"] == 3);
  other.put();
  CHECK(distance(read_peft_adapter(other.path(), gpt2_shape), of_gpt2) < 1e-12);
}

TEST_CASE("what does not fit the base is refused") {
  const TestFolder good = folder_of(some_adapter());
  CHECK(refusal(good) == "");
  ModelConfig wide = adapted_llama;
  wide.width = 16;
  CHECK(refusal(good, wide) ==
        start +
            "base_model.model.model.embed_tokens.lora_embedding_B': its shape is [8, 2], "
            "expected [16, 2]");
  ModelConfig few = adapted_llama;
  few.layers = 1;
  CHECK(refusal(good, few).find("layers.1.mlp.gate_proj.lora_A.weight' of shape [2, 8] does not "
                                "belong to a LoRA adapter of this model, ") != std::string::npos);
  ModelConfig tied = adapted_llama;
  tied.head.tied = true;
  CHECK(refusal(good, tied) ==
        start +
            "base_model.model.model.embed_tokens.lora_embedding_A' adapts the token table, "
            "which is the head as well in this model");
  CHECK(refusal(good, gpt2_shape).find("does not belong to") != std::string::npos);
  TestFolder folder = good;
  CHECK(refusal(folder.forge(first, first.substr(0, first.size() - 6) + "magnit", model_file)) ==
        start + first + "' is missing, expected [2, 8]");
  folder = good;
  folder.replace("adapter_config.json", "\"r\": 2", "\"r\": 3");
  CHECK(refusal(folder).find("its shape is [2, 7], expected [3, 7]") != std::string::npos);
  folder = good;
  folder.files.erase("adapter_config.json");
  CHECK(refusal(folder).find("adapter_config.json") != std::string::npos);
  folder = good;
  folder.files.erase(model_file);
  CHECK(refusal(folder).find("adapter_model.safetensors") != std::string::npos);
}

TEST_CASE("a shared table cannot be adapted in files") {
  ModelConfig tied = adapted_llama;
  tied.head.tied = true;
  LoraAdapter adapter(tied);
  add_some(adapter, "embedding.tokens.weight", 0, 8, 2, 4);
  TestFolder folder;
  CHECK_THROWS_AS(save_peft_adapter(folder.path(), adapter), Error);
  CHECK_THROWS_AS(save_peft_adapter(folder.path(), LoraAdapter(tied)), ConfigError);
}

TEST_CASE("a truncated file, or one with another byte, is refused or is an adapter") {
  LoraAdapter adapter(adapted_llama);
  add_some(adapter, "blocks.0.attention.qkv.weight", 0, 16, 1, 4);
  TestFolder folder = folder_of(adapter);
  for (const std::string& name : {model_file, std::string("adapter_config.json")}) {
    const std::string whole = folder.files.at(name);
    std::size_t refused = 0;
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
      folder.files[name] = whole.substr(0, size);
      if (!refusal(folder).empty()) ++refused;
    }
    CHECK(refused == whole.size() - 1);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      folder.files[name] = whole;
      folder.files[name][at] = static_cast<char>(whole[at] ^ (1 << at % 7));
      (void)refusal(folder);  // whatever is no Error goes on to doctest
    }
    folder.files[name] = whole;
  }
}
