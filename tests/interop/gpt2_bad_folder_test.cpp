// SPDX-License-Identifier: MIT
// Folders that are no GPT-2, each refused with its message.
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "heap_guard/heap_guard.hpp"
#include "interop/gpt2_folder.hpp"

using namespace octavo;
using octavo_test::ForgedFile;
using octavo_test::TestFolder;

namespace {

struct BadConfig {
  const char* from;
  const char* to;
  const char* message;  ///< behind "cannot load 'config.json': "
};

const BadConfig configs[] = {
    {"{", "[", "it is not a JSON object"},
    {"}", "", "it is not a JSON object"},
    {"}", "}}", "it is not a JSON object"},
    {"{", "{,", "it is not a JSON object"},
    {"gpt2", "gpt\xff", "it is not a JSON object"},
    {"\"model_type\"", "\"n_layer\"", "it names 'n_layer' twice"},
    {"\"gpt2\"", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "it nests deeper than 16"},
    {"\"gpt2\"", "\"bloom\"",
     "'model_type': got 'bloom', expected one of 'gpt2', 'llama', 'qwen2', 'qwen3', 'mistral', "
     "'gemma', 'gemma2', 'gemma3_text'"},
    {"\"gpt2\"", R"("\u001b[31m")",
     R"('model_type': got '\x1b[31m', expected one of 'gpt2', 'llama', 'qwen2', 'qwen3', 'mistral', 'gemma', 'gemma2', 'gemma3_text')"},
    {"\"gpt2\"", "2",
     "'model_type': got 2, expected one of 'gpt2', 'llama', 'qwen2', 'qwen3', 'mistral', 'gemma', "
     "'gemma2', 'gemma3_text'"},
    {"\"vocab_size\"", "\"x\"", "'vocab_size' is missing, expected 1 to 2147483647"},
    {": 11,", ": null,", "'vocab_size' is missing, expected 1 to 2147483647"},
    {": 11,", ": 0,", "'vocab_size': got 0, expected 1 to 2147483647"},
    {": 11,", ": -11,", "'vocab_size': got -11, expected 1 to 2147483647"},
    {": 11,", ": 11.5,", "'vocab_size': got 11.5, expected 1 to 2147483647"},
    {": 11,", ": 2147483648,", "'vocab_size': got 2147483648, expected 1 to 2147483647"},
    {": 11,", ": 18446744073709551615,",
     "'vocab_size': got 18446744073709551615, expected 1 to 2147483647"},
    {": 11,", ": 1e300,", "'vocab_size': got 1e+300, expected 1 to 2147483647"},
    {": 11,", ": 1e999,", "it is not a JSON object"},
    {": 11,", ": \"11\",", "'vocab_size': got '11' (a text), expected 1 to 2147483647"},
    {": 11,", ": [11],", "'vocab_size': got [11], expected 1 to 2147483647"},
    {": 11,", ": true,", "'vocab_size': got true, expected 1 to 2147483647"},
    {"\"n_positions\"", "\"x\"", "'n_positions' is missing, expected 1 to 2147483647"},
    {"\"n_embd\"", "\"x\"", "'n_embd' is missing, expected 1 to 536870911"},
    {"\"n_embd\": 4", "\"n_embd\": 536870912", "'n_embd': got 536870912, expected 1 to 536870911"},
    {"\"n_layer\"", "\"x\"", "'n_layer' is missing, expected 1 to 10000"},
    {"\"n_layer\": 2", "\"n_layer\": 10001", "'n_layer': got 10001, expected 1 to 10000"},
    {"\"n_head\"", "\"x\"", "'n_head' is missing, expected 1 to 2147483647"},
    {"\"n_head\": 2", "\"n_head\": 3", "'n_head': got 3, expected a divisor of n_embd, 4"},
    {"\"n_inner\": 6", "\"n_inner\": 0", "'n_inner': got 0, expected 1 to 2147483647"},
    {"\"n_head\": 2", "\"n_head\": \"2\"", "'n_head': got '2' (a text), expected 1 to 2147483647"},
    {"gelu_new", "quick_gelu",
     "'activation_function': got 'quick_gelu', expected one of 'gelu_new', 'gelu_pytorch_tanh', "
     "'gelu_python_tanh', 'gelu_fast', 'gelu_accurate', 'gelu', 'gelu_python', 'relu', "
     "'silu', 'swish', 'relu2'"},
    {"1e-05", "\"1e-05\"", "'layer_norm_epsilon': got '1e-05' (a text), expected a number > 0"},
    {"\"n_ctx\": 5", "\"hidden_size\": 5", "'hidden_size': got 5, expected 4, as 'n_embd' says"},
    {"\"n_ctx\": 5", "\"num_hidden_layers\": \"2\"",
     "'num_hidden_layers': got '2' (a text), expected 1 to 10000"},
    {"1e-05", "0", "'layer_norm_epsilon': got 0, expected a number > 0"},
    {"1e-05", "-1e-05", "'layer_norm_epsilon': got -1e-05, expected a number > 0"},
    {"\"scale_attn_weights\": true", "\"scale_attn_weights\": false",
     "'scale_attn_weights': got false, expected true"},
    {"\"scale_attn_weights\": true", "\"scale_attn_weights\": 1",
     "'scale_attn_weights': got 1, expected true"},
    {"\"use_cache\"", "\"scale_attn_by_inverse_layer_idx\"",
     "'scale_attn_by_inverse_layer_idx': got true, expected false"},
    {"\"use_cache\"", "\"reorder_and_upcast_attn\"",
     "'reorder_and_upcast_attn': got true, expected false"},
    {"\"use_cache\"", "\"add_cross_attention\"", "'add_cross_attention': got true, expected false"},
    {"\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false",
     "'tie_word_embeddings': got false, expected true"},
    {"\"bos_token_id\": 1", "\"bos_token_id\": \"1\"",
     "'bos_token_id': got '1' (a text), expected a token's number or a list of numbers"},
    {"\"eos_token_id\": 2", "\"eos_token_id\": [2, 1.5]",
     "'eos_token_id': got [2,1.5], expected a token's number or a list of numbers"},
    {"length\": 3", "length\": 6", "'octavo_trained_length': got 6, expected 1 to 5"},
};

struct BadTensors {
  const char* from;
  const char* to;
  const char* message;  ///< behind "cannot load 'model.safetensors': "
};

const BadTensors headers[] = {
    {"transformer.wte.weight", "transformer.wtf.weight",
     "tensor 'transformer.wte.weight' is missing, expected [11, 4]"},
    {"transformer.h.1.mlp.c_fc.bias", "transformer.h.2.mlp.c_fc.bias",
     "tensor 'transformer.h.1.mlp.c_fc.bias' is missing, expected [6]"},
    {"transformer.h.1.mlp.c_fc.bias", "h.1.mlp.c_fc.bias",
     "tensor 'transformer.h.1.mlp.c_fc.bias' is missing, expected [6]"},
    {"[11,4]", "[4,11]", "tensor 'transformer.wte.weight': its shape is [4, 11], expected [11, 4]"},
    {"[4,12]", "[12,4]",
     "tensor 'transformer.h.0.attn.c_attn.weight': its shape is [12, 4], expected [4, 12]"},
    {"[4,12]", "[48]",
     "tensor 'transformer.h.0.attn.c_attn.weight': its shape is [48], expected [4, 12]"},
    {R"("F32","shape":[11,4])", R"("I32","shape":[11,4])",
     "tensor 'transformer.wte.weight': its dtype is I32, expected F32 or F16 or BF16 or F64"},
    {R"("F32","shape":[11,4])", R"("F64","shape":[11,4])",
     "tensor 'transformer.wte.weight': has 176 bytes, expected 352 from its shape"},
    {"\"transformer.wte.weight\"",
     R"("transformer.score.weight":{"dtype":"U8","shape":[0,7],"data_offsets":[0,0]},)"
     R"("transformer.wte.weight")",
     "tensor 'transformer.score.weight' of shape [0, 7] does not belong to this GPT-2"},
    {"\"transformer.wte.weight\"",
     R"("transformer.h.2.attn.bias":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
     R"("transformer.wte.weight")",
     "tensor 'transformer.h.2.attn.bias' of shape [0] does not belong to this GPT-2"},
    {"\"transformer.wte.weight\"",
     R"("lm_head.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
     R"("transformer.wte.weight")",
     "tensor 'lm_head.weight' is not 'transformer.wte.weight', though the configuration ties them"},
};

constexpr const char* index_name = "model.safetensors.index.json";

/// The model in two files, "a.safetensors" with wte and wpe, "b.safetensors", and an index.
TestFolder sharded() {
  TestFolder folder = TestFolder::good();
  const std::string whole = folder.files.at("model.safetensors");
  const MemorySource source("x", std::as_bytes(std::span(whole)));
  const SafetensorsReader reader(source);
  std::vector<TensorToWrite> parts[2];
  nlohmann::ordered_json index;
  for (const auto& [name, tensor] : reader.tensors()) {
    const bool table = name.ends_with("e.weight");
    parts[table ? 0 : 1].push_back(
        {name, tensor.dtype, tensor.shape,
         std::as_bytes(std::span(whole)).subspan(tensor.offset, tensor.bytes)});
    index["weight_map"][name] = table ? "a.safetensors" : "b.safetensors";
  }
  octavo_test::HastyFileSystem hasty;
  write_safetensors(folder.path() + "/a.safetensors", parts[0], {}, hasty);
  write_safetensors(folder.path() + "/b.safetensors", parts[1], {}, hasty);
  folder.take();
  folder.files.erase("model.safetensors");
  folder.files[index_name] = index.dump();
  return folder;
}

}  // namespace

TEST_CASE("configurations that are no GPT-2's are refused by field") {
  const TestFolder good = TestFolder::good();
  CHECK(good.failure() == "");
  for (const BadConfig& bad : configs) {
    INFO(std::string(bad.from), " -> ", std::string(bad.to));
    TestFolder folder(good);
    folder.replace("config.json", bad.from, bad.to);
    CHECK(folder.failure() == "cannot load 'config.json': " + std::string(bad.message));
  }
  TestFolder folder(good);
  folder.files["config.json"].resize(1'500'001, ' ');
  CHECK(folder.failure() ==
        "cannot load 'config.json': it has 1500001 bytes, expected at most 1500000");
  folder.files.erase("config.json");
  CHECK(folder.failure() == "cannot open 'config.json': No such file or directory");
}

TEST_CASE("whole numbers may be written as 11.0, and null means what is usual") {
  TestFolder folder = TestFolder::good();
  folder.replace("config.json", ": 11,", ": 11.0,").replace("config.json", "\"gelu_new\"", "null");
  CHECK(folder.failure() == "");
}

TEST_CASE("configurations that their files have no room for are refused") {
  const TestFolder good = TestFolder::good();
  const auto message = [&](const char* from, const char* to) {
    TestFolder folder(good);
    folder.replace("config.json", from, to);
    return folder.failure();
  };
  CHECK(message("\"n_layer\": 2", "\"n_layer\": 3") ==
        "cannot load 'model.safetensors': config.json says 3 layers, there are 28 tensors");
  CHECK(message("\"n_layer\": 2", "\"n_layer\": 10000") ==
        "cannot load 'model.safetensors': config.json says 10000 layers, there are 28 tensors");
  CHECK(message("\"n_layer\": 2", "\"n_layer\": 1") ==
        "cannot load 'model.safetensors': tensor 'transformer.h.1.attn.c_attn.bias' of shape [12] "
        "does not belong to this GPT-2");
  CHECK(message("\"n_embd\": 4", "\"n_embd\": 536870910") ==
        "cannot load 'model.safetensors': config.json says vocabulary 11, context 5, layers "
        "2, width 536870910, heads 2, ff 6, activation gelu-tanh, tied yes, for which there are "
        "too few bytes");
  CHECK(message(": 11,", ": 12,") ==
        "cannot load 'model.safetensors': tensor 'transformer.wte.weight': its shape is [11, 4], "
        "expected [12, 4]");
  CHECK(message("\"n_inner\": 6", "\"n_inner\": null") ==
        "cannot load 'model.safetensors': tensor 'transformer.h.0.mlp.c_fc.weight': its shape is "
        "[4, 6], expected [4, 16]");
}

TEST_CASE("tensors that are missing, misshaped or more than there should be are named") {
  const TestFolder good = TestFolder::good();
  for (const BadTensors& bad : headers) {
    INFO(std::string(bad.from), " -> ", std::string(bad.to));
    TestFolder folder(good);
    folder.forge(bad.from, bad.to);
    CHECK(folder.failure() == "cannot load 'model.safetensors': " + std::string(bad.message));
  }
}

TEST_CASE("numbers that are not finite, and files that are damaged, are refused") {
  TestFolder folder = TestFolder::good();
  const auto failure = [&](const std::string& bytes) {
    folder.files["model.safetensors"] = bytes;
    return folder.failure();
  };
  const auto not_finite = [](const char* tensor, int number) {
    return "cannot load 'model.safetensors': tensor 'transformer." + std::string(tensor) +
           "': number " + std::to_string(number) + " is not finite";
  };
  const std::string good = folder.files["model.safetensors"];
  for (const float wrong : {std::nanf(""), HUGE_VALF}) {
    ForgedFile forged = ForgedFile::from(good);
    CHECK(failure(forged.put("transformer.ln_f.bias", 3, wrong).seal().bytes()) ==
          not_finite("ln_f.bias", 3));
  }
  std::string damaged = good;
  damaged.back() ^= 1;
  CHECK(failure(damaged).starts_with(
      "cannot load 'model.safetensors': tensor 'transformer.ln_f.bias': its CRC-32C is "));
  for (const StoredType type : {StoredType::f16, StoredType::bf16}) {
    const TestFolder narrow = TestFolder::good(type);
    ForgedFile forged = ForgedFile::from(narrow.files.at("model.safetensors"));
    const std::uint16_t infinite = type == StoredType::f16 ? 0xfc00 : 0xff80;
    CHECK(failure(forged.put("transformer.wpe.weight", 2, infinite).seal().bytes()) ==
          not_finite("wpe.weight", 2));
  }
  CHECK(failure(good.substr(0, good.size() - 1))
            .ends_with(
                "are not within the data, which has " +
                std::to_string(octavo_test::gpt2_weights<float>().size() * sizeof(float) - 1)));
  CHECK(failure("PK\x03\x04 and so on") ==
        "cannot load 'model.safetensors': it is a zip archive, perhaps PyTorch's, expected a "
        "safetensors file");
}

TEST_CASE("a head that is not the token table is refused, one that is is welcome") {
  TestFolder folder = TestFolder::good();
  ForgedFile forged = ForgedFile::from(folder.files.at("model.safetensors"));
  const std::string table = forged.data.substr(0, 176);
  const std::string end = std::to_string(forged.data.size());
  const std::string last = std::to_string(forged.data.size() + 176);
  forged.replace("\"transformer.wte.weight\"",
                 R"("lm_head.weight":{"dtype":"F32","shape":[11,4],"data_offsets":[)" + end + "," +
                     last + R"(]},"transformer.wte.weight")");
  forged.set("octavo.tensor_crc32c", std::string(8 * 29, '0'));
  forged.data += table;
  folder.files["model.safetensors"] = forged.seal().bytes();
  CHECK(folder.failure() == "");
  forged.put("lm_head.weight", 43, 1.f);
  folder.files["model.safetensors"] = forged.seal().bytes();
  CHECK(folder.failure() ==
        "cannot load 'model.safetensors': tensor 'lm_head.weight' is not 'transformer.wte.weight', "
        "though the configuration ties them");
}

TEST_CASE("an index and its files must agree") {
  const TestFolder good = sharded();
  CHECK(good.failure() == "");
  const auto message = [&](std::string_view from, std::string_view to) {
    TestFolder folder(good);
    folder.replace(index_name, from, to);
    return folder.failure();
  };
  const std::string start = "cannot load 'model.safetensors.index.json': ";
  constexpr std::string_view wte = R"("transformer.wte.weight":"a.safetensors")";
  CHECK(message("{", "") == start + "it is not a JSON object");
  CHECK(message("weight_map", "map") == start + "'weight_map' is not a list of tensors and files");
  CHECK(message(R"({"weight_map":)", R"({"weight_map":{},"map":)") ==
        start + "'weight_map' is not a list of tensors and files");
  CHECK(message(R"({"weight_map":)", R"({"weight_map":[1],"map":)") ==
        start + "'weight_map' is not a list of tensors and files");
  CHECK(message(wte, R"("transformer.wte.weight":1)") ==
        start + "tensor 'transformer.wte.weight': its file is not a name");
  CHECK(message(wte, R"("transformer.wte.weight":"b.safetensors")") ==
        "cannot load 'b.safetensors': tensor 'transformer.wte.weight' is missing, though the index "
        "places it here");
  CHECK(message(wte, R"("transformer.wte.weight":"a.safetensors","x":"a.safetensors")") ==
        "cannot load 'a.safetensors': tensor 'x' is missing, though the index places it here");
  CHECK(message("," + std::string(wte), "") ==
        "cannot load 'a.safetensors': tensor 'transformer.wte.weight' is not listed in the index");
  CHECK(message(wte, R"("transformer.wte.weight":"c.safetensors")") ==
        "cannot open 'c.safetensors': No such file or directory");
  for (const char* name : {"../a.safetensors", "/a.safetensors", "..\\\\a.safetensors",
                           ".a.safetensors", "a\\u0000.safetensors", "a.bin", "a/a.safetensors"}) {
    INFO(std::string(name));
    const std::string got =
        message(wte, "\"transformer.wte.weight\":\"" + std::string(name) + "\"");
    CHECK(got.starts_with(start + "file '"));
    CHECK(got.ends_with("': expected the name of a file of this folder"));
  }
  std::string many;
  for (int i = 0; i < 199; ++i) {
    const std::string number = std::to_string(i);
    many.append(",\"").append(number).append("\":\"").append(number).append(".safetensors\"");
  }
  CHECK(message(wte, std::string(wte) + many) ==
        start + "it lists 201 files, expected at most 200");
}

TEST_CASE("the one file is preferred to an index; without either both are named") {
  TestFolder folder = sharded();
  folder.files["model.safetensors"] = "{}";
  CHECK(folder.failure() == "cannot load 'model.safetensors': it is a JSON file, not a model");
  folder.files.erase("model.safetensors");
  folder.files["b.safetensors"] = folder.files["a.safetensors"];
  CHECK(folder.failure() ==
        "cannot load 'b.safetensors': tensor 'transformer.wpe.weight' is in another file as well");
  folder.files.erase(index_name);
  CHECK(folder.failure() ==
        "cannot open 'model.safetensors' nor 'model.safetensors.index.json': No such file or "
        "directory");
}

TEST_CASE("loading takes the weights' memory once, and little besides") {
  TestFolder folder;
  ModelConfig shape = octavo_test::gpt2_shape;
  shape.vocabulary = 1500;
  shape.width = 256;
  save_pretrained<float>(folder.path(), standard_model(shape), {shape, 5, {}, {}},
                         octavo_test::gpt2_weights<float>(shape));
  const auto bytes = static_cast<std::size_t>(parameter_count(shape)) * sizeof(float);
  std::size_t held = 0;
  {
    const octavo_test::HeapPeak peak;
    const auto model = load_pretrained<float>(folder.path());
    held = peak.bytes();
  }
  CHECK(held < bytes + 200'000);
  {
    const octavo_test::HeapPeak peak;
    HuggingFaceFolder(folder.path()).verify();
    held = peak.bytes();
  }
  CHECK(held < 200'000);
}
