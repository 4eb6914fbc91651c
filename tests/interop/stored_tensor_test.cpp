// SPDX-License-Identifier: MIT
// Weights that stay in the number types of files, beside the numbers that are read.
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>

#include "files/folder.hpp"
#include "interop/gguf_families.hpp"

using namespace octavo_test;

namespace {

ModelConfig wide_model(Family family) {
  ModelConfig config = with_family({.vocabulary = 7,
                                    .context = 16,
                                    .layers = 2,
                                    .width = 64,
                                    .attention = {.heads = 2, .kv_heads = 1, .head_width = 32},
                                    .feed_forward = {.d_ff = 96}},
                                   family);
  if (family == Family::gpt2) config.attention = {.heads = 2};
  if (config.attention.window > 0) config.attention.window = 4;
  return config;
}

/// Checks that stored weights decode to the numbers that were read; returns the types in use.
std::vector<StoredType> check_weights(const StoredWeights<float>& stored,
                                      const ParameterList& parameters,
                                      const std::vector<float>& numbers) {
  std::vector<StoredType> types;
  REQUIRE(stored.parameters().size() == parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const Weight<float>& weight = stored.parameters()[i];
    const float* const expected = numbers.data() + parameter.offset;
    INFO(parameter.name);
    CHECK(weight.stored.empty() != may_be_stored(parameter));
    if (weight.stored.empty()) {
      CHECK(std::equal(expected, expected + parameter.count(), weight.numbers));
      continue;
    }
    Index first = 0, wrong = 0;
    for (const StoredMatrix& matrix : weight.stored) {
      types.push_back(matrix.type);
      std::vector<float> line(static_cast<std::size_t>(matrix.length));
      for (Index j = 0; j < matrix.lines; ++j) {
        decode_line(matrix, j, 0, line);
        for (Index k = 0; k < matrix.length; ++k) {
          const Index place =
              parameter.is_map() ? k * parameter.columns + first + j : j * parameter.columns + k;
          wrong += line[static_cast<std::size_t>(k)] != expected[place];
        }
      }
      first += matrix.lines;
    }
    CHECK(first == (parameter.is_map() ? parameter.columns : parameter.rows));
    CHECK(wrong == 0);
  }
  return types;
}

template <typename File>
void check_file(const File& file, StoredType type) {
  const ParameterList parameters = Transformer<float>(file.model_config()).parameters();
  std::vector<float> numbers(static_cast<std::size_t>(parameters.count()));
  file.template read<float>(numbers);
  for (const StoredType one : check_weights(file.load_stored(), parameters, numbers)) {
    CHECK(one == type);
  }
}

}  // namespace

TEST_CASE("GGUF files of every family: matrices stay in their type") {
  for (const Family family : {Family::gpt2, Family::llama, Family::qwen3, Family::gemma3}) {
    const ModelConfig config = wide_model(family);
    const std::vector<float> weights = random_weights(config);
    for (const StoredType type :
         {StoredType::f32, StoredType::f16, StoredType::bf16, StoredType::q8_0, StoredType::q4_0,
          StoredType::q4_1, StoredType::q5_0, StoredType::q5_1}) {
      INFO(std::string(name_of(type)));
      const std::string bytes = gguf_of(config, weights, type);
      const MemorySource source = gguf_source(bytes);
      check_file(GgufModel(source), type);
    }
  }
}

TEST_CASE("folders: matrices stay in F32, F16 or BF16, whichever way round they lie") {
  for (const Family family : {Family::gpt2, Family::llama}) {
    const ModelConfig config = wide_model(family);
    const std::vector<float> weights = random_weights(config);
    for (const StoredType type : {StoredType::f32, StoredType::f16, StoredType::bf16}) {
      const Folder folder;
      PretrainedConfig pretrained;
      pretrained.model = config;
      pretrained.trained_length = config.context;
      pretrained.begin_token = pretrained.end_token = 1;
      save_pretrained<float>(folder / "model", standard_model(config), pretrained, weights, type);
      check_file(HuggingFaceFolder(folder / "model"), type);
    }
  }
}

TEST_CASE("in a mapped file matrices stay where they are, and have the same numbers") {
  const Folder folder;
  const ModelConfig config = wide_model(Family::llama);
  const std::vector<float> weights = random_weights(config);
  const auto check = [&](const std::string& path, StoredType type) {
    INFO(path);
    const ModelSource source(path);
    const ParameterList parameters = Transformer<float>(source.config()).parameters();
    std::vector<float> numbers(static_cast<std::size_t>(parameters.count()));
    source.read(numbers);
    const StoredWeights<float> mapped = source.map_stored(), loaded = source.load_stored();
    for (const StoredType one : check_weights(mapped, parameters, numbers)) CHECK(one == type);
    for (const Weight<float>& weight : mapped.parameters()) {
      for (const StoredMatrix& matrix : weight.stored) CHECK(matrix.layout == StoredLayout::lines);
    }
    CHECK(loaded.bytes_elsewhere() == 0);
    CHECK(mapped.bytes() < 4096);
    CHECK(mapped.bytes_elsewhere() > 10'000);
  };
  for (const StoredType type : {StoredType::f32, StoredType::q8_0, StoredType::q4_1}) {
    const std::string path = folder / (std::string(name_of(type)) + ".gguf");
    folder.write(std::string(name_of(type)) + ".gguf", gguf_of(config, weights, type));
    check(path, type);
  }
  PretrainedConfig pretrained;
  pretrained.model = config;
  pretrained.trained_length = config.context;
  pretrained.begin_token = pretrained.end_token = 1;
  save_pretrained<float>(folder / "model", standard_model(config), pretrained, weights,
                         StoredType::bf16);
  check(folder / "model", StoredType::bf16);
}

TEST_CASE("a number that is not finite is named by its tensor") {
  const ModelConfig config = wide_model(Family::llama);
  std::string bytes = gguf_of(config, random_weights(config), StoredType::q8_0);
  const MemorySource source = gguf_source(bytes);
  const GgufReader reader(source);
  const GgufTensor& tensor = reader.tensor("blk.1.ffn_up.weight");
  bytes[tensor.offset + 34 * 3 + 1] = 0x7e;  // the scale of the fourth block: NaN
  const Folder folder;
  folder.write("model.gguf", bytes);
  for (const bool mapped : {false, true}) {
    std::string message;
    try {
      const ModelSource model(folder / "model.gguf");
      static_cast<void>(mapped ? model.map_stored() : model.load_stored());
    } catch (const FormatError& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find("tensor 'blk.1.ffn_up.weight': number 96 is not finite") !=
          std::string::npos);
  }
}
