// SPDX-License-Identifier: MIT
// Folders as they are on the Hub: what transformers loads is loaded, anything else is refused by
// name. The others are in hf_llama_config_test.cpp, hf_positions_test.cpp, gpt2_config_test.cpp
// (fields), hf_tensors_test.cpp, gpt2_bad_folder_test.cpp (tensors) and tensor_files_test.cpp;
// docs/ecosystem.md lists all of them.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/model_source.hpp>

#include "interop/hf_folder.hpp"
#include "interop/hf_text.hpp"

using namespace octavo;
using octavo_test::add_tensor;
using octavo_test::gpt2_weights;
using octavo_test::of_family;
using octavo_test::read;
using octavo_test::refusal;
using octavo_test::saved;
using octavo_test::TestFolder;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

using Lines = std::vector<std::string>;
using Tokens = std::vector<Token>;

/// Writes the tensors of a folder's one file anew, after `change(tensors)`; the folder is put on
/// the disk.
template <typename Change>
void rewrite(const TestFolder& folder, const Change& change,
             const std::map<std::string, std::string>& metadata = {}) {
  auto tensors = octavo_test::tensors_of(folder.files.at("model.safetensors"));
  change(tensors);
  folder.put();
  octavo_test::HastyFileSystem hasty;
  write_safetensors(folder.path() + "/model.safetensors", tensors, metadata, hasty);
}

/// What is said about a folder on the disk, without its path; empty if it loads.
std::string said(const TestFolder& folder) {
  TestFolder again = folder;
  again.take();
  return again.failure();
}

bool has_weights(const TestFolder& folder, const std::vector<float>& expected) {
  return std::ranges::equal(load_pretrained<float>(folder.path()).weights, expected);
}

}  // namespace

// --- Fields -------------------------------------------------------------------------------------

TEST_CASE("fields that describe the file or the program change nothing") {
  for (const std::string type : {"gpt2", "llama", "qwen3", "gemma2"}) {
    CAPTURE(type);
    for (const char* fields :
         {R"({"torch_dtype": "float16"})", R"({"dtype": "bfloat16"})",
          R"({"torch_dtype": "bfloat16", "dtype": "float32"})", R"({"architectures": null})",
          R"({"architectures": []})", R"({"_name_or_path": "a/b", "transformers_version": "5.0"})",
          R"({"use_cache": false, "initializer_range": 0.04, "pretraining_tp": 2})",
          R"({"cache_implementation": "hybrid", "attention_dropout": 0.1, "pad_token_id": -1})",
          R"({"rope_interleaved": false, "is_llama_config": true, "unsloth_fixed": true})",
          R"({"_attn_implementation": "flash_attention_2", "label2id": {"A": 0}})"}) {
      CAPTURE(fields);
      const PretrainedConfig changed = read(type, fields);
      CHECK(changed.model == read(type).model);
      CHECK(changed.notes.empty());
    }
  }
}

TEST_CASE("model types of other computations are refused with the ones that are known") {
  for (const std::string type :
       {"phi", "phi3", "smollm3", "mixtral", "olmo2", "granite", "gpt_neox", "stablelm",
        "qwen3_moe", "qwen2_vl", "llama4_text", "gemma3n_text", "cohere", "LLAMA", "Llama", ""}) {
    CHECK(refusal(type, "{}").starts_with("'model_type': got '" + type + "', expected one of "));
  }
  CHECK(refusal("llama", R"({"rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 1]}})")
            .starts_with("'rope_scaling.type': got 'mrope', expected 'default', "));
}

TEST_CASE("token numbers of config.json and generation_config.json in every form") {
  const auto ends = [](const std::string& config, const std::string& generation) {
    TestFolder folder = saved(of_family(Family::llama));
    folder.replace("config.json", "\"eos_token_id\": 2", "\"eos_token_id\": " + config);
    if (!generation.empty()) folder.files["generation_config.json"] = generation;
    folder.put();
    return ModelSource(folder.path()).end_tokens();
  };
  CHECK(ends("2", R"({"eos_token_id": [5, 3, 5, 2]})") == Tokens{5, 3, 2});
  CHECK(ends("[4, 7]", R"({"eos_token_id": 9})") == Tokens{9});
  CHECK(ends("[4, 7]", R"({"eos_token_id": null})") == Tokens{4, 7});
  CHECK(ends("[4, 7]", R"({"bos_token_id": 1, "do_sample": true})") == Tokens{4, 7});
  CHECK(ends("[4, 7]", R"({"eos_token_id": []})") == Tokens{4, 7});
  CHECK(ends("null", R"({"eos_token_id": 6.0})") == Tokens{6});
  CHECK(ends("4", R"({"eos_token_id": "</s>"})") == Tokens{4});  // set aside, with a note
  CHECK(ends("[]", "") == Tokens{});
  CHECK(ends("-1", "") == Tokens{});
  CHECK(refusal("llama", R"({"eos_token_id": "</s>"})") ==
        "'eos_token_id': got '</s>' (a text), expected a token's number or a list of numbers");
  CHECK(read("llama", R"({"bos_token_id": [3, 4]})").begin_token == 3);
}

TEST_CASE("theta of transformers 5 counts in a folder, and a missing one is the class's") {
  TestFolder folder = saved(of_family(Family::llama3));
  Json json = Json::parse(folder.files["config.json"]);
  json.erase("rope_theta");
  json.erase("rope_scaling");
  folder.files["config.json"] = json.dump();
  folder.put();
  CHECK(HuggingFaceFolder(folder.path()).model_config().positions.base == 500'000);
  json.erase("rope_parameters");
  folder.files["config.json"] = json.dump();
  folder.put();
  CHECK(HuggingFaceFolder(folder.path()).model_config().positions.base == 10'000);
}

// --- Tensors ------------------------------------------------------------------------------------

TEST_CASE("a tied model whose file has only the head is that model") {
  for (const Family family : {Family::smollm2, Family::gemma3, Family::gpt2}) {
    ModelConfig config = of_family(family);
    if (family == Family::gpt2) config.attention = {.heads = 4};
    const TestFolder folder = saved(config);
    rewrite(folder, [](auto& tensors) {
      for (TensorToWrite& tensor : tensors) {
        if (tensor.name.ends_with("embed_tokens.weight") || tensor.name.ends_with("wte.weight")) {
          tensor.name = "lm_head.weight";
        }
      }
    });
    CHECK(has_weights(folder, gpt2_weights<float>(config)));
    CHECK(HuggingFaceFolder(folder.path()).notes().empty());
    HuggingFaceFolder(folder.path()).verify();
  }
  const TestFolder untied = saved(of_family(Family::llama));
  rewrite(untied, [](auto& tensors) {
    std::erase_if(tensors, [](const auto& one) { return one.name == "model.embed_tokens.weight"; });
  });
  CHECK(said(untied) ==
        "cannot load 'model.safetensors': tensor 'model.embed_tokens.weight' is missing, expected "
        "[11, 12]");
}

TEST_CASE("a table with more or fewer rows than vocab_size is refused with both sizes") {
  for (const char* vocabulary : {"10", "12"}) {
    TestFolder folder = saved(of_family(Family::qwen2));
    folder.replace("config.json", "\"vocab_size\": 11",
                   "\"vocab_size\": " + std::string(vocabulary));
    CHECK(folder.failure() ==
          "cannot load 'model.safetensors': tensor 'model.embed_tokens.weight': its shape is "
          "[11, 12], expected [" +
              std::string(vocabulary) + ", 12]");
  }
}

TEST_CASE("weights in several types, whatever torch_dtype says") {
  const ModelConfig config = of_family(Family::qwen3);
  TestFolder folder = saved(config);
  folder.replace("config.json", "\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"float16\"");
  std::vector<float> expected = gpt2_weights<float>(config);
  const Parameter& norm =
      Transformer<float>(config).parameters().find("blocks.1.attention_norm.weight");
  std::vector<BFloat16> narrow;
  for (Index i = 0; i < norm.count(); ++i) {
    float& number = expected[static_cast<std::size_t>(norm.offset + i)];
    narrow.push_back(to_bfloat16(number));
    number = to_float(narrow.back());
  }
  rewrite(folder, [&](auto& tensors) {
    for (TensorToWrite& tensor : tensors) {
      if (tensor.name != "model.layers.1.input_layernorm.weight") continue;
      tensor.dtype = "BF16";
      tensor.bytes = std::as_bytes(std::span(narrow));
    }
  });
  CHECK(has_weights(folder, expected));
}

TEST_CASE("quantized weights are refused by type") {
  const std::string bytes(12, '\1');
  for (const char* dtype : {"I8", "F8_E4M3", "U8"}) {
    const TestFolder folder = saved(of_family(Family::llama));
    rewrite(folder, [&](auto& tensors) {
      for (TensorToWrite& tensor : tensors) {
        if (tensor.name != "model.norm.weight") continue;
        tensor.dtype = dtype;
        tensor.bytes = std::as_bytes(std::span(bytes));
      }
    });
    CHECK(
        said(folder).starts_with("cannot load 'model.safetensors': tensor 'model.norm.weight': "));
  }
}

TEST_CASE("tensors in any order, with any metadata, and buffers of any type") {
  const ModelConfig config = of_family(Family::mistral);
  const TestFolder folder = saved(config);
  for (const char* format : {"pt", "mlx", "tf", ""}) {
    rewrite(folder, [](auto& tensors) { std::reverse(tensors.begin(), tensors.end()); },
            {{"format", format}, {"total_parameters", "7"}});
    CHECK(has_weights(folder, gpt2_weights<float>(config)));
  }
  const std::string numbers(24, '\0');
  for (const char* dtype : {"I64", "F64", "BOOL", "F16"}) {
    rewrite(folder, [&](auto& tensors) {
      const Index count = dtype == std::string("BOOL") ? 24 : dtype == std::string("F16") ? 12 : 3;
      tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq",
                         dtype,
                         {count},
                         std::as_bytes(std::span(numbers))});
    });
    CHECK(HuggingFaceFolder(folder.path()).ignored().size() == 1);
    CHECK(has_weights(folder, gpt2_weights<float>(config)));
  }
}

TEST_CASE("tensors of adapters, of quantizers and of other layers are named") {
  const TestFolder folder = saved(of_family(Family::llama));
  for (const std::string name :
       {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        "model.layers.0.mlp.gate_proj.qweight", "model.layers.0.mlp.gate_proj.weight_scale",
        "model.layers.0.block_sparse_moe.gate.weight", "model.layers.0.self_attn.sinks",
        "model.layers.9.mlp.up_proj.weight", "vision_tower.patch.weight"}) {
    folder.put();
    add_tensor(folder, name, {2}, {1, 2});
    CHECK(said(folder) == "cannot load 'model.safetensors': tensor '" + name +
                              "' of shape [2] does not belong to this model");
  }
}

TEST_CASE("names of old programs and wrappers are not guessed") {
  TestFolder gamma = TestFolder::good();  // TensorFlow's names
  gamma.forge("transformer.h.0.ln_1.weight", "transformer.h.0.ln_1.gammas");
  CHECK(gamma.failure() ==
        "cannot load 'model.safetensors': tensor 'transformer.h.0.ln_1.weight' is missing, "
        "expected [4]");
  const TestFolder compiled = saved(of_family(Family::qwen2));
  rewrite(compiled, [](auto& tensors) {
    for (TensorToWrite& tensor : tensors) tensor.name = "_orig_mod." + tensor.name;
  });
  CHECK(said(compiled).find("tensor 'model.embed_tokens.weight' is missing") != std::string::npos);
}

// --- Files --------------------------------------------------------------------------------------

TEST_CASE("an index without a size, whose shards are of any name") {
  const ModelConfig config = of_family(Family::gemma2);
  TestFolder folder = saved(config);
  folder.files["weights-b.safetensors"] = folder.files.at("model.safetensors");
  folder.files.erase("model.safetensors");
  Json map = Json::object();
  for (const auto& tensor : octavo_test::tensors_of(folder.files["weights-b.safetensors"])) {
    map[tensor.name] = "weights-b.safetensors";
  }
  folder.files["model.safetensors.index.json"] = Json{{"weight_map", map}}.dump();
  CHECK(folder.failure() == "");
  CHECK(has_weights(folder, gpt2_weights<float>(config)));
  map["model.norm.weight"] = "model-00002-of-00002.safetensors";
  folder.files["model.safetensors.index.json"] = Json{{"weight_map", map}}.dump();
  CHECK(folder.failure().starts_with("cannot open 'model-00002-of-00002.safetensors'"));
}

TEST_CASE("weights that are only in PyTorch's own format, and links that lead nowhere") {
  TestFolder folder = saved(of_family(Family::llama));
  folder.files["pytorch_model.bin"] = "PK\3\4";
  folder.files.erase("model.safetensors");
  CHECK(folder.failure().starts_with(
      "cannot open 'model.safetensors' nor 'model.safetensors.index.json'"));
  folder.put();
  fs::create_symlink("../../blobs/none", folder.path() + "/model.safetensors");
  CHECK_THROWS_AS(HuggingFaceFolder(folder.path()), IoError);
}

TEST_CASE("files of other purposes beside a model are not read") {
  TestFolder folder = saved(of_family(Family::llama));
  for (const char* name : {"README.md", "training_args.bin", "adapter_config.json", "optimizer.pt",
                           "model.safetensors.lock", "tokenizer.model.v3", "params.json",
                           "preprocessor_config.json", "special_tokens_map.json"}) {
    folder.files[name] = "{";
  }
  CHECK(folder.failure() == "");
  folder.put();
  CHECK(ModelSource(folder.path()).notes().empty());
}
