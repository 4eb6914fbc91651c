// SPDX-License-Identifier: MIT
// GGUF files as they are found: what llama.cpp loads is loaded, anything else is refused by name.
// The others are in foreign_gguf_test.cpp (vocabularies), gguf_positions_test.cpp,
// gguf_bad_file_test.cpp and gguf_reader_test.cpp; docs/ecosystem.md lists all of them.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "interop/foreign_gguf.hpp"

using namespace octavo;
using octavo_test::ForeignGguf;
using octavo_test::random_weights;
using octavo_test::small_model;

namespace {

using Tokens = std::vector<Token>;

ForeignGguf of(Family family) {
  ModelConfig config = small_model(family);
  if (family == Family::gpt2) config.attention = {.heads = 2};
  return ForeignGguf(config);
}

ModelConfig model_of(const ForeignGguf& file) { return file.config().model; }

}  // namespace

// --- The file -----------------------------------------------------------------------------------

TEST_CASE("entries that Octavo does not know are skipped, of whatever type") {
  ForeignGguf file = of(Family::llama);
  const ModelConfig model = model_of(file);
  file.set_text("general.name", "A model").set_text("general.type", "model");
  file.set_text("general.license", std::string(5000, 'x'));
  file.set_list<std::string>("general.tags", {"text-generation", ""});
  file.set_list<std::string>("general.languages", {});
  file.set("general.base_model.count", std::uint32_t{1});
  file.set("llama.attention.unheard_of", 0.5).set("llama.rope.scaling.finetuned", std::int8_t{-1});
  file.set_list<float>("quantize.numbers", {1, 2}).set_list<std::int64_t>("more", {-1});
  file.set_text("tokenizer.chat_template.tool_use", "{{ x }}");
  file.set("tokenizer.ggml.padding_token_id", std::uint32_t{99});
  CHECK(file.failure() == "");
  CHECK(model_of(file) == model);
  CHECK(file.config().notes.empty());
}

TEST_CASE("versions 2 and 3, any alignment, with and without padding at the end") {
  ForeignGguf file = of(Family::qwen3);
  const std::vector<float> weights = file.weights();
  for (const std::uint32_t version : {2u, 3u}) {
    for (const std::uint32_t alignment : {8u, 16u, 32u, 64u, 4096u}) {
      for (const bool padded : {true, false}) {
        file.version = version;
        file.alignment = alignment;
        file.padded_end = padded;
        file.set("general.alignment", alignment);
        CHECK(file.failure() == "");
        CHECK(file.weights() == weights);
      }
    }
  }
}

TEST_CASE("one of several parts, and files with something else than a model, are refused by name") {
  ForeignGguf part = of(Family::llama);
  part.set("split.count", std::uint16_t{1}).set("split.no", std::uint16_t{0});
  CHECK(part.failure() == "");
  part.set("split.count", std::uint16_t{3});
  CHECK(part.failure() == "it is one of 3 parts of a model");
  part.erase("general.architecture");
  CHECK(part.failure() == "it is one of 3 parts of a model");
  ForeignGguf adapter = of(Family::llama);
  adapter.set_text("general.type", "adapter");
  CHECK(adapter.failure() == "it is a LoRA adapter, expected a model");
  ForeignGguf clip = of(Family::llama);
  clip.set_text("general.architecture", "clip");
  CHECK(clip.failure().starts_with("entry 'general.architecture': got 'clip', expected one of "));
}

// --- Sizes and kinds ----------------------------------------------------------------------------

TEST_CASE("sizes of every width, and one for each layer") {
  ForeignGguf file = of(Family::llama);
  const ModelConfig model = model_of(file);
  file.set("llama.context_length", std::uint64_t{16}).set("llama.block_count", std::int32_t{2});
  file.set("llama.embedding_length", std::uint16_t{8});
  file.set_list<std::int32_t>("llama.attention.head_count", {2, 2});
  file.set_list<std::uint32_t>("llama.attention.head_count_kv", {1, 1});
  file.set_list<std::uint64_t>("llama.feed_forward_length", {10, 10});
  CHECK(file.failure() == "");
  CHECK(model_of(file) == model);
  file.set_list<std::int32_t>("llama.attention.head_count_kv", {1, 2});
  CHECK(file.failure() ==
        "entry 'llama.attention.head_count_kv': got a list of 2, expected 2 equal numbers, 1 to 2");
  file.set_list<std::int32_t>("llama.attention.head_count_kv", {1});
  CHECK(file.failure() ==
        "entry 'llama.attention.head_count_kv': got a list of 1, expected 2 equal numbers, 1 to 2");
}

TEST_CASE("entries that are missing have llama.cpp's values, not the family's") {
  ForeignGguf file = of(Family::qwen2);
  file.erase("qwen2.rope.freq_base").erase("qwen2.rope.dimension_count");
  file.erase("qwen2.vocab_size").erase("general.file_type");
  CHECK(model_of(file).positions.base == 10'000);
  for (const auto& [family, base] : {std::pair(Family::llama3, "llama.rope.freq_base"),
                                     std::pair(Family::gemma3, "gemma3.rope.freq_base"),
                                     std::pair(Family::qwen3, "qwen3.rope.freq_base")}) {
    CHECK(model_of(of(family).erase(base)).positions.base == 10'000);
  }
  ModelConfig config = small_model(Family::llama);
  config.attention.kv_heads = 0;
  config.attention.head_width = 0;
  ForeignGguf plain{config};
  plain.erase("llama.attention.head_count_kv").erase("llama.attention.key_length");
  plain.erase("llama.attention.value_length");
  CHECK(plain.failure() == "");
  CHECK(model_of(plain).kv_heads() == 2);
  CHECK(of(Family::llama).erase("llama.attention.layer_norm_rms_epsilon").failure() ==
        "there is no entry 'llama.attention.layer_norm_rms_epsilon'");
}

TEST_CASE("experts, attention in both directions and other widths of values are refused by entry") {
  CHECK(of(Family::llama).set("llama.expert_count", std::uint32_t{0}).failure() == "");
  CHECK(of(Family::llama).set("llama.expert_count", std::uint32_t{8}).failure() ==
        "entry 'llama.expert_count': got 8, expected 0 to 0");
  CHECK(of(Family::qwen2).set_truth("qwen2.attention.causal", true).failure() == "");
  CHECK(of(Family::qwen2).set_truth("qwen2.attention.causal", false).failure() ==
        "entry 'qwen2.attention.causal': got false, expected true");
  CHECK(of(Family::qwen2).set("qwen2.attention.value_length", std::uint32_t{4}).failure() ==
        "entry 'qwen2.attention.value_length': got 4, expected 6 to 6");
  CHECK(of(Family::qwen2).set_text("qwen2.rope.scaling.type", "longrope").failure() ==
        "entry 'qwen2.rope.scaling.type': got 'longrope', expected 'none', 'linear' or 'yarn'");
}

TEST_CASE("the old name of a linear scaling") {
  ForeignGguf file = of(Family::llama);
  file.set("llama.rope.scale_linear", 4.0f);
  CHECK(model_of(file).positions.scaling == RotaryScaling::linear);
  CHECK(model_of(file).positions.factor == 4);
  file.set_text("llama.rope.scaling.type", "none");
  CHECK(model_of(file).positions.scaling == RotaryScaling::none);
}

// --- Tensors ------------------------------------------------------------------------------------

TEST_CASE("a tensor that belongs to no model is refused by name") {
  for (const std::string name : {"blk.0.attn_rot_embd", "blk.2.attn_norm.weight", "cls.weight",
                                 "blk.0.attn_q.lora_a", "blk.0.attn_sinks.weight"}) {
    CHECK(of(Family::llama).add_tensor(name, {1, 2}).failure() ==
          "tensor '" + name +
              "' of shape [2] does not belong to this model of architecture 'llama'");
  }
}

TEST_CASE("divisors of positions that are all 1 are none, others must be Llama 3's") {
  ForeignGguf file = of(Family::llama);
  file.add_tensor("rope_freqs.weight", {1, 1, 1});
  CHECK(file.failure() == "");
  CHECK(model_of(file).positions.scaling == RotaryScaling::none);
  CHECK(of(Family::llama).add_tensor("rope_freqs.weight", {1, 1}).failure() ==
        "tensor 'rope_freqs.weight': expected 3 numbers of F32");
  CHECK(of(Family::llama)
            .add_tensor("rope_freqs.weight", {1, 7, 2})
            .failure()
            .starts_with(
                "tensor 'rope_freqs.weight': number 1 is not that of Llama 3's scaling by 7"));
}

TEST_CASE("axes of one row that a writer has added change nothing") {
  ForeignGguf file = of(Family::gemma2);
  const std::vector<float> weights = file.weights();
  file.tensor("output_norm.weight").shape = {8, 1, 1, 1};
  file.tensor("blk.0.ffn_up.weight").shape = {8, 10, 1};
  CHECK(file.weights() == weights);
  file.tensor("output_norm.weight").shape = {4, 2};
  CHECK(file.failure() == "tensor 'output_norm.weight': its shape is [4, 2], expected [8]");
}

TEST_CASE("a GPT-2 whose head was stored in another type has a head of its own") {
  ForeignGguf file = of(Family::gpt2);
  const ModelConfig tied = model_of(file);
  const std::vector<float> weights = file.weights();
  const ForeignGguf::Stored table = file.tensor("token_embd.weight");
  file.tensors.push_back({"output.weight", table.shape, table.type, table.bytes});
  CHECK(model_of(file) == tied);  // llama.cpp's converter writes the table twice
  CHECK(file.weights() == weights);
  std::vector<float> numbers(table.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), table.bytes.data(), table.bytes.size());
  std::string narrow;
  for (const float number : numbers) {
    const Float16 half = to_float16(number);
    narrow.append(reinterpret_cast<const char*>(&half), sizeof(half));
  }
  file.tensors.back().type = 1;
  file.tensors.back().bytes = narrow;
  CHECK(file.failure() == "");
  const ModelConfig untied = model_of(file);
  CHECK(!untied.head.tied);
  CHECK(!untied.head.bias);
  const Parameter& head = Transformer<float>(untied).parameters().find("head.weight");
  const std::vector<float> all = file.weights();
  CHECK(all.size() == weights.size() + numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CHECK(all[static_cast<std::size_t>(head.offset) + i] == to_float(to_float16(numbers[i])));
  }
  file.tensors.back().shape = {8, 6};
  file.tensors.back().bytes.resize(96);
  CHECK(file.failure() == "tensor 'output.weight': its shape is [8, 6], expected [8, 7]");
  // Gemma's head is always the table.
  ForeignGguf gemma = of(Family::gemma);
  const ForeignGguf::Stored other = gemma.tensor("token_embd.weight");
  gemma.tensors.push_back({"output.weight", other.shape, other.type, other.bytes});
  CHECK(gemma.failure() == "");
  gemma.tensors.back().bytes[0] ^= 1;
  CHECK(gemma.failure() == "tensor 'output.weight' is not 'token_embd.weight'");
}

// --- Tokens -------------------------------------------------------------------------------------

TEST_CASE("a text ends at eos, eot and eom, each once") {
  const auto ends = [](std::uint32_t eos, std::uint32_t eot, std::uint32_t eom) {
    ForeignGguf file = of(Family::llama);
    file.set("tokenizer.ggml.eos_token_id", eos).set("tokenizer.ggml.eot_token_id", eot);
    return file.set("tokenizer.ggml.eom_token_id", eom).config().end_tokens();
  };
  CHECK(ends(2, 3, 4) == Tokens{2, 3, 4});
  CHECK(ends(2, 2, 4) == Tokens{2, 4});
  CHECK(ends(99, 3, 3) == Tokens{3});
  ModelConfig config = small_model(Family::llama);
  PretrainedConfig pretrained{config, 4, 1, 2};
  pretrained.other_end_tokens = {3, 5};
  const std::string bytes =
      octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
        save_gguf<float>(path, standard_model(config), pretrained, octavo_test::seven_tokens(),
                         random_weights(config), StoredType::f32, files);
      });
  CHECK(ForeignGguf(bytes).config().end_tokens() == Tokens{2, 3, 5});
}

TEST_CASE("a text also ends at control tokens of llama.cpp's names, but not at such a text") {
  ForeignGguf file = of(Family::llama);
  const std::vector<std::string> names{"<unk>", "<s>", "</s>", "<|im_end|>", "<eos>", "a", "b"};
  file.set_list("tokenizer.ggml.tokens", names);
  file.set_list("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 3, 1, 1, 1});
  file.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  CHECK(file.config().end_tokens() == Tokens{2, 3});
}

TEST_CASE("token numbers of every width, flags that are none, and tokens without a name") {
  ForeignGguf file = of(Family::llama);
  file.set("tokenizer.ggml.bos_token_id", std::int32_t{3});
  file.set("tokenizer.ggml.eos_token_id", std::uint64_t{4});
  CHECK(file.config().begin_token == 3);
  CHECK(file.config().end_token == 4);
  file.set("tokenizer.ggml.bos_token_id", std::int32_t{-1});
  CHECK(!file.config().begin_token);
  file.set("tokenizer.ggml.bos_token_id", 3.0f);
  CHECK(file.failure() ==
        "entry 'tokenizer.ggml.bos_token_id': got 3.000000, expected a token's number");
  ForeignGguf flag = of(Family::llama);
  flag.set("tokenizer.ggml.add_bos_token", std::uint8_t{1});
  CHECK(flag.failure() == "entry 'tokenizer.ggml.add_bos_token': got 1, expected true or false");
  ForeignGguf nameless = of(Family::llama);
  nameless.set_list<std::string>("tokenizer.ggml.tokens", {"<unk>", "a", "b", "", "c", "", "d"});
  CHECK(nameless.failure() == "");
  CHECK(nameless.table().tokens[3] == "[EMPTY_3]");
  CHECK(nameless.table().tokens[5] == "[EMPTY_5]");
}

TEST_CASE("a vocabulary without scores or merges is refused, one of no kind set aside") {
  CHECK(of(Family::llama).erase("tokenizer.ggml.merges").failure() ==
        "there is no entry 'tokenizer.ggml.merges'");
  ForeignGguf pieces = of(Family::llama);
  pieces.set_text("tokenizer.ggml.model", "llama").erase("tokenizer.ggml.merges");
  CHECK(pieces.failure() == "there is no entry 'tokenizer.ggml.scores'");
  pieces.set_list<float>("tokenizer.ggml.scores", {1, 2});
  CHECK(pieces.failure() ==
        "entry 'tokenizer.ggml.scores': got a list of 2, expected a list of 7 floats");
  pieces.set_list<float>("tokenizer.ggml.scores", std::vector<float>(7, 0.0f));
  CHECK(pieces.failure() == "");
  CHECK(pieces.table().frame.before == Tokens{});
  CHECK(pieces.erase("tokenizer.ggml.add_bos_token").table().frame.before == Tokens{1});
  for (const char* kind : {"bert", "t5", "rwkv", "none", "no_vocab", "gemma4"}) {
    ForeignGguf other = of(Family::llama);
    other.set_text("tokenizer.ggml.model", kind);
    CHECK(other.failure() == "");
    CHECK(other.config().notes.size() == 1);
  }
  ForeignGguf bare = of(Family::llama);
  for (const char* key : {"model", "tokens", "token_type", "merges", "pre"}) {
    bare.erase("tokenizer.ggml." + std::string(key));
  }
  CHECK(bare.failure() == "");
  CHECK(model_of(bare).vocabulary == 7);
}

TEST_CASE("more names of tokens than rows of the table, and fewer, are refused with both") {
  for (const std::size_t count : {6u, 8u}) {
    std::vector<std::string> names(count);
    ForeignGguf file = of(Family::llama);
    file.set_list<std::string>("tokenizer.ggml.tokens", names).erase("tokenizer.ggml.token_type");
    file.erase("tokenizer.ggml.bos_token_id").erase("tokenizer.ggml.eos_token_id");
    CHECK(file.failure() == "tensor 'token_embd.weight': its shape is [8, 7], expected [8, " +
                                std::to_string(count) + "]");
  }
}
