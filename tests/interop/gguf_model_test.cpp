// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "interop/gguf_file.hpp"

using namespace octavo;
using octavo_test::character_tokens;
using octavo_test::gguf_bytes;
using octavo_test::gpt2_shape;
using octavo_test::gpt2_weights;
using octavo_test::source_of;

namespace {

const PretrainedConfig config{gpt2_shape, 3, 1, 10};

/// Sizes that Q8_0 has blocks for.
constexpr ModelConfig wide_shape = [] {
  ModelConfig shape = gpt2_shape;
  shape.width = 64;
  shape.feed_forward.d_ff = 96;
  return shape;
}();

template <Scalar T>
std::vector<T> weights_of(const GgufModel& model) {
  std::vector<T> weights(static_cast<std::size_t>(parameter_count(model.model_config())));
  model.read<T>(weights);
  return weights;
}

float number_at(const std::string& bytes, const GgufTensor& tensor, std::size_t index) {
  float number = 0;
  std::memcpy(&number, bytes.data() + tensor.offset + index * sizeof(number), sizeof(number));
  return number;
}

}  // namespace

TEST_CASE("texts and numbers that lie across the pieces in which a file is read come whole") {
  std::string bytes(3 * 4096, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 % 251);
  const std::uint64_t length = 5000;
  std::memcpy(bytes.data() + 90, &length, sizeof(length));
  const auto source = source_of(bytes);
  detail::GgufCursor cursor(source);
  CHECK(cursor.number<std::uint16_t>() == 7 * 256);
  CHECK(cursor.skip(88));
  CHECK(cursor.text(5000) == bytes.substr(98, 5000));
  CHECK(cursor.position() == 5098);
  CHECK(cursor.skip(3090));
  std::uint64_t expected = 0;
  std::memcpy(&expected, bytes.data() + 8188, sizeof(expected));  // the second piece's end
  CHECK(cursor.number<std::uint64_t>() == expected);
}

TEST_CASE("a model comes back from GGUF bit for bit") {
  for (const TokenTable& tokens : {character_tokens(), octavo_test::pair_tokens()}) {
    const std::vector<float> weights = gpt2_weights<float>();
    const std::string bytes = gguf_bytes<float>(config, tokens, weights);
    const auto source = source_of(bytes);
    const GgufModel model(source);
    CHECK(model.model_config() == gpt2_shape);
    CHECK(model.config().trained_length == 3);
    CHECK(model.config().begin_token == 1);
    CHECK(model.config().end_token == 10);
    CHECK(model.tokens() == tokens);
    CHECK(weights_of<float>(model) == weights);
    CHECK(weights_of<double>(model)[7] == static_cast<double>(weights[7]));
    CHECK(gguf_bytes<float>(model.config(), *model.tokens(), weights_of<float>(model)) == bytes);
    CHECK(bytes.size() % 32 == 0);
  }
}

TEST_CASE("matrices but the tables lie transposed, rows of outputs") {
  const std::vector<float> weights = gpt2_weights<float>();
  const std::string bytes = gguf_bytes<float>(config, character_tokens(), weights);
  const auto source = source_of(bytes);
  const GgufReader file(source);
  const ParameterList list = Transformer<float>(gpt2_shape).parameters();
  const auto ours = [&](const char* name, Index row, Index column) {
    const Parameter& parameter = list.find(name);
    return weights[static_cast<std::size_t>(parameter.offset + row * parameter.columns + column)];
  };
  const auto theirs = [&](const char* name, std::size_t index) {
    return number_at(bytes, file.tensor(name), index);
  };
  const auto shape = [&](const char* name) { return file.tensor(name).shape; };
  CHECK(shape("token_embd.weight") == std::vector<Index>{4, 11});
  CHECK(theirs("token_embd.weight", 4 * 7 + 2) == ours("embedding.tokens.weight", 7, 2));
  CHECK(shape("position_embd.weight") == std::vector<Index>{4, 5});
  CHECK(theirs("position_embd.weight", 4 * 3 + 1) == ours("embedding.positions.weight", 3, 1));
  CHECK(shape("blk.1.attn_qkv.weight") == std::vector<Index>{4, 12});
  CHECK(theirs("blk.1.attn_qkv.weight", 4 * 9 + 2) == ours("blocks.1.attention.qkv.weight", 2, 9));
  CHECK(shape("blk.0.attn_output.weight") == std::vector<Index>{4, 4});
  CHECK(theirs("blk.0.attn_output.weight", 4 * 1 + 3) ==
        ours("blocks.0.attention.output.weight", 3, 1));
  CHECK(shape("blk.0.ffn_up.weight") == std::vector<Index>{4, 6});
  CHECK(theirs("blk.0.ffn_up.weight", 4 * 5 + 1) == ours("blocks.0.feed_forward.up.weight", 1, 5));
  CHECK(shape("blk.1.ffn_down.weight") == std::vector<Index>{6, 4});
  CHECK(theirs("blk.1.ffn_down.weight", 6 * 2 + 5) ==
        ours("blocks.1.feed_forward.down.weight", 5, 2));
  CHECK(shape("blk.1.attn_norm.bias") == std::vector<Index>{4});
  CHECK(theirs("output_norm.bias", 3) == weights.back());
  CHECK(file.tensors().size() == 2 * 12 + 4);
}

TEST_CASE("narrower types: vectors and positions stay float, what was read is written again") {
  const std::vector<float> weights = gpt2_weights<float>(wide_shape);
  for (const StoredType type :
       {StoredType::f16, StoredType::bf16, StoredType::q8_0, StoredType::q4_0, StoredType::q5_1}) {
    INFO(std::string(name_of(type)));
    const std::string bytes =
        gguf_bytes<float>({wide_shape, 5, 1, 2}, character_tokens(), weights, type);
    const auto source = source_of(bytes);
    const GgufReader file(source);
    for (const auto& [name, tensor] : file.tensors()) {
      const bool wide = tensor.shape.size() == 1 || name == "position_embd.weight";
      CHECK(tensor.type == (wide ? StoredType::f32 : type));
    }
    const GgufModel model(source);
    const std::vector<float> got = weights_of<float>(model);
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(got[i] - weights[i])));
    }
    CHECK(worst > 0);
    // Weights are less than 2.
    CHECK(worst < (type == StoredType::f16    ? 5e-4
                   : type == StoredType::bf16 ? 4e-3
                   : type == StoredType::q8_0 ? 7e-3
                   : type == StoredType::q5_1 ? 0.07
                                              : 0.26));
    CHECK(gguf_bytes<float>(model.config(), *model.tokens(), got, type) == bytes);
  }
}

TEST_CASE("rows that are not whole blocks become F16") {
  const std::string bytes =
      gguf_bytes<float>(config, character_tokens(), gpt2_weights<float>(), StoredType::q4_0);
  const auto source = source_of(bytes);
  const GgufReader file(source);
  CHECK(file.tensor("token_embd.weight").type == StoredType::f16);
  CHECK(file.tensor("blk.0.ffn_down.weight").type == StoredType::f16);
  CHECK(file.tensor("output_norm.bias").type == StoredType::f32);
  CHECK(file.whole("general.file_type", 0, 100) == 2);
  CHECK_NOTHROW(weights_of<float>(GgufModel(source)));
}

TEST_CASE("a trainer begins with a file's weights, or is left alone") {
  ThreadPool threads(1);
  TrainingOptions options;
  options.sequence = 3;
  Trainer<float> trainer(gpt2_shape, options, threads);
  std::string bytes = gguf_bytes<float>(config, character_tokens(), gpt2_weights<float>());
  const auto source = source_of(bytes);
  GgufModel(source).load(trainer);
  CHECK(std::ranges::equal(trainer.weights(), gpt2_weights<float>()));

  std::vector<float> before(trainer.weights().begin(), trainer.weights().end());
  const GgufTensor last = GgufReader(source).tensor("output_norm.bias");
  const float infinite = HUGE_VALF;
  std::memcpy(&bytes[last.offset], &infinite, sizeof(infinite));
  CHECK_THROWS_AS(GgufModel(source).load(trainer), FormatError);
  CHECK(std::ranges::equal(trainer.weights(), before));
}

TEST_CASE("what GGUF cannot have is not written") {
  const std::vector<float> weights = gpt2_weights<float>();
  const auto save = [&](const PretrainedConfig& of, const TokenTable& tokens, StoredType type) {
    save_gguf<float>("x.gguf", standard_model(of.model), of, tokens, weights, type);
  };
  CHECK_THROWS_WITH_AS(save(config, character_tokens(), StoredType::q4_k),
                       "save_gguf: Octavo reads Q4_K, but does not write it", ConfigError);
  PretrainedConfig other = config;
  other.model.feed_forward.activation = Activation::gelu;
  CHECK_THROWS_WITH_AS(
      save(other, character_tokens(), StoredType::f32),
      "cannot write 'x.gguf': the model is not compatible with GPT-2: its activation is gelu, "
      "GPT-2's in GGUF is gelu-tanh",
      Error);
  other = config;
  other.end_token.reset();
  CHECK_THROWS_WITH_AS(save(other, character_tokens(), StoredType::f32),
                       "save_gguf: begin_token and end_token are needed", ConfigError);
  TokenTable tokens = character_tokens();
  tokens.tokens[3] = tokens.tokens[4];
  CHECK_THROWS_WITH_AS(save(config, tokens, StoredType::f32),
                       "save_gguf: expected at most 2^18 tokens and merges, and no token twice",
                       ConfigError);
  tokens.tokens.pop_back();
  CHECK_THROWS_WITH_AS(save(config, tokens, StoredType::f32),
                       "save_gguf: tokens: got 10, expected 11", ConfigError);
  CHECK(!std::filesystem::exists("x.gguf"));

  std::vector<float> large = weights;
  large[46] = 1e6f;  // of wpe, which stays float
  CHECK_NOTHROW(gguf_bytes<float>(config, character_tokens(), large, StoredType::f16));
  large[2] = 1e6f;
  CHECK_THROWS_WITH_AS(
      gguf_bytes<float>(config, character_tokens(), large, StoredType::f16),
      "cannot write tensor 'token_embd.weight': number 2 is 1e+06, too large for F16", Error);
}

TEST_CASE("a head that is the token table once more is welcome, another is the model's own") {
  const std::vector<float> weights = gpt2_weights<float>();
  const auto with_head = [&](float change) {
    const ParameterList list = Transformer<float>(gpt2_shape).parameters();
    std::vector<float> head(weights.begin(), weights.begin() + 44);
    head.back() += change;
    std::vector<GgufTensorToWrite> tensors;
    const detail::GgufFamily& family = detail::gguf_families[0];
    const auto parts = detail::gguf_parts(list, family, gpt2_shape);
    for (const detail::GgufPart& part : parts) {
      tensors.push_back({part.name, StoredType::f32, part.sizes(), part.count() * sizeof(float),
                         [&](const ByteSink& sink) {
                           detail::emit_gguf<float>(part, weights, StoredType::f32, sink);
                         }});
    }
    tensors.push_back({"output.weight", StoredType::f32, {4, 11}, 176, [&](const ByteSink& sink) {
                         sink(std::as_bytes(std::span(head)));
                       }});
    octavo_test::GgufFile file;
    file.bytes = octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
      write_gguf(path, detail::gguf_entries(config, family, character_tokens(), StoredType::f32),
                 tensors, files);
    });
    return file.failure();
  };
  CHECK(with_head(0) == "");
  CHECK(with_head(1) == "");
}

TEST_CASE("writing and reading take no second copy of the weights") {
  ModelConfig shape = wide_shape;
  shape.width = 256;
  shape.feed_forward.d_ff = 1024;
  const std::vector<float> weights = gpt2_weights<float>(shape);
  const std::string path = octavo_test::temporary_path("large.gguf");
  std::size_t held = 0;
  {
    const octavo_test::HeapPeak peak;
    save_gguf<float>(path, standard_model(shape), {shape, 5, 1, 2}, character_tokens(), weights,
                     StoredType::q8_0);
    held = peak.bytes();
  }
  CHECK(held < 100'000);
  {
    const octavo_test::HeapPeak peak;
    const FileSource source(path);
    GgufModel(source).verify();
    held = peak.bytes();
  }
  CHECK(held < 100'000);
  std::filesystem::remove(path);
}
