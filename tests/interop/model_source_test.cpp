// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/initial_weights.hpp>

#include "heap_guard/heap_guard.hpp"

using namespace octavo;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() : path(fs::temp_directory_path() / ("octavo_source_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directory(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  fs::path path;
};

constexpr ModelConfig shape{.vocabulary = 4,
                            .context = 8,
                            .layers = 2,
                            .width = 8,
                            .attention = {.heads = 2},
                            .feed_forward = {.d_ff = 32, .activation = Activation::gelu_tanh},
                            .head = {.tied = true}};

template <typename T>
std::vector<T> read(const ModelSource& source) {
  std::vector<T> weights(static_cast<std::size_t>(parameter_count(source.config())));
  source.read(std::span<T>(weights));
  return weights;
}

}  // namespace

TEST_CASE("every format gives the same model, in float and in double") {
  const Folder folder;
  const CharacterTokenizer tokenizer("abc");
  const ParameterList parameters = Transformer<float>(shape).parameters();
  std::vector<float> weights(static_cast<std::size_t>(parameters.count()));
  set_initial_weights<float>(parameters, shape.layers, 1, weights);
  const PretrainedConfig config{shape, 5, 0, 0};
  save_model<float>(folder / "m.safetensors", standard_model(shape), 5, tokenizer, weights);
  save_pretrained<float>(folder / "hf", standard_model(config.model), config, weights);
  save_gguf<float>(folder / "m.gguf", standard_model(config.model), config,
                   token_table_of(tokenizer), weights);
  for (const std::string name : {"m.safetensors", "hf", "m.gguf"}) {
    INFO(name);
    const ModelSource source(folder / name);
    CHECK(source.config() == shape);
    CHECK(read<float>(source) == weights);
    CHECK(read<double>(source) == std::vector<double>(weights.begin(), weights.end()));
    const bool has_tokenizer = name != "hf";
    CHECK(source.tokenizer().has_value() == has_tokenizer);
    if (has_tokenizer) {
      CHECK(*source.tokenizer() == AnyTokenizer(tokenizer));
      CHECK(source.trained_length() == 5);
    }
    std::vector<float> few(3);
    CHECK_THROWS_AS(source.read(std::span(few)), ConfigError);
  }
}

namespace {

/// The bytes of every file that a model gives, whose numbers come from `weights`.
std::vector<std::string> written(const Folder& folder, const PretrainedConfig& config,
                                 const WeightSource<float>& weights) {
  const ModelDescription model = standard_model(config.model);
  const CharacterTokenizer tokenizer("abc");
  std::vector<std::string> files;
  save_model<float>(folder / "w.safetensors", model, 5, tokenizer, weights);
  files.push_back(read_file(folder / "w.safetensors"));
  for (const StoredType type : {StoredType::f32, StoredType::bf16}) {
    save_pretrained<float>(folder / "w", model, config, weights, type);
    files.push_back(read_file(folder / "w/model.safetensors"));
  }
  for (const StoredType type : {StoredType::f16, StoredType::q8_0, StoredType::q5_1}) {
    save_gguf<float>(folder / "w.gguf", model, config, token_table_of(tokenizer), weights, type);
    files.push_back(read_file(folder / "w.gguf"));
  }
  return files;
}

}  // namespace

TEST_CASE("a model that is read as it is written gives the bytes of one in memory") {
  const Folder folder;
  for (const Family family : {Family::gpt2, Family::llama, Family::qwen3, Family::gemma2}) {
    ModelConfig sizes = shape;
    sizes.width = 32;
    if (family != Family::gpt2) sizes.attention.kv_heads = 1;
    const PretrainedConfig config{with_family(sizes, family), 5, 0, 0};
    const ParameterList parameters = Transformer<float>(config.model).parameters();
    std::vector<float> weights(static_cast<std::size_t>(parameters.count()));
    set_initial_weights<float>(parameters, shape.layers, 1, weights);
    for (std::size_t i = 0; i < weights.size(); i += 7)
      weights[i] += 0.0625f;  // of vectors as well
    const auto expected = written(folder, config, weights);
    const CharacterTokenizer tokenizer("abc");
    save_model<float>(folder / "m.safetensors", standard_model(config.model), 5, tokenizer,
                      weights);
    save_pretrained<float>(folder / "hf", standard_model(config.model), config, weights);
    save_gguf<float>(folder / "m.gguf", standard_model(config.model), config,
                     token_table_of(tokenizer), weights);
    for (const std::string name : {"m.safetensors", "hf", "m.gguf"}) {
      INFO(name);
      const ModelSource source(folder / name);
      source.check_sums();
      std::vector<float> whole(weights.size());
      source.read(whole);
      CHECK(written(folder, config, [&](const ParameterBlock& block, std::span<float> numbers) {
              source.read(block, numbers);
            }) == (whole == weights ? expected : written(folder, config, whole)));
      if (family != Family::gemma2 || name != "m.gguf") CHECK(whole == weights);
    }
  }
}

TEST_CASE("one parameter of a model is read alone, in float and in double, and no other's") {
  const Folder folder;
  const ParameterList parameters = Transformer<float>(shape).parameters();
  std::vector<float> weights(static_cast<std::size_t>(parameters.count()));
  set_initial_weights<float>(parameters, shape.layers, 1, weights);
  const PretrainedConfig config{shape, 5, 0, 0};
  save_model<float>(folder / "m.safetensors", standard_model(shape), 5, CharacterTokenizer("abc"),
                    weights);
  save_pretrained<float>(folder / "hf", standard_model(shape), config, weights);
  save_gguf<float>(folder / "m.gguf", standard_model(shape), config,
                   token_table_of(CharacterTokenizer("abc")), weights);
  for (const std::string name : {"m.safetensors", "hf", "m.gguf"}) {
    const ModelSource source(folder / name);
    for (const Parameter& parameter : parameters) {
      std::vector<float> numbers(static_cast<std::size_t>(parameter.count()));
      source.read(parameter, std::span(numbers));
      CHECK(std::equal(numbers.begin(), numbers.end(), weights.begin() + parameter.offset));
      std::vector<double> wide(numbers.size());
      source.read(parameter, std::span(wide));
      CHECK(wide == std::vector<double>(numbers.begin(), numbers.end()));
    }
    Parameter stranger = parameters[0];
    stranger.name = "stranger";
    std::vector<float> numbers(static_cast<std::size_t>(stranger.count()));
    CHECK_THROWS_AS(source.read(stranger, std::span(numbers)), ConfigError);
  }
}

TEST_CASE("a damaged file is found by its checksums before a part of it is read") {
  const Folder folder;
  const std::vector<float> weights(static_cast<std::size_t>(parameter_count(shape)), 0.5f);
  save_model<float>(folder / "m.safetensors", standard_model(shape), 5, CharacterTokenizer("abc"),
                    weights);
  save_pretrained<float>(folder / "hf", standard_model(shape), {shape, 5, 0, 0}, weights);
  for (const std::string file : {"m.safetensors", "hf/model.safetensors"}) {
    std::string bytes = read_file(folder / file);
    bytes.back() ^= 1;
    std::ofstream(folder / file) << bytes;
  }
  for (const std::string name : {"m.safetensors", "hf"}) {
    CHECK_THROWS_WITH_AS(ModelSource(folder / name).check_sums(), doctest::Contains("CRC-32C"),
                         FormatError);
  }
}

TEST_CASE("a number that is not finite is named, and neither a file nor a folder is left") {
  const Folder folder;
  const WeightSource<float> bad([](const ParameterBlock& block, std::span<float> numbers) {
    std::fill(numbers.begin(), numbers.end(), 1.f);
    if (block.parameter->name == "final_norm.weight") numbers[3] = std::nanf("");
  });
  const PretrainedConfig config{shape, 5, 0, 0};
  const auto refused = [&](const auto& save) {
    try {
      save();
      return std::string();
    } catch (const Error& error) {
      CHECK(fs::is_empty(folder.path));
      return std::string(error.what());
    }
  };
  CHECK(refused([&] {
          save_pretrained<float>(folder / "hf", standard_model(shape), config, bad);
        }) == "cannot write tensor 'transformer.ln_f.weight': number 3 is not finite");
  CHECK(refused([&] {
          save_gguf<float>(folder / "m.gguf", standard_model(shape), config,
                           token_table_of(CharacterTokenizer("abc")), bad);
        }) == "cannot write tensor 'output_norm.weight': number 3 is not finite");
  CHECK(refused([&] {
          save_model<float>(folder / "m.safetensors", standard_model(shape), 5,
                            CharacterTokenizer("abc"), bad);
        }) == "cannot save '" + (folder / "m.safetensors") + "': not all weights are finite");
}

TEST_CASE("a conversion takes 16 MiB of memory, whatever the model has") {
  const Folder folder;
  ModelConfig config = with_family(shape, Family::llama);
  config.width = 256;
  config.feed_forward.d_ff = 12'288;
  const auto count = static_cast<std::size_t>(parameter_count(config));
  REQUIRE(count * sizeof(float) > 70'000'000);
  const WeightSource<float> source([](const ParameterBlock&, std::span<float> numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 5);
  });
  const PretrainedConfig pretrained{config, 5, 0, 0};
  save_pretrained<float>(folder / "hf", standard_model(config), pretrained, source,
                         StoredType::bf16);
  std::size_t held = 0;
  {
    const octavo_test::HeapPeak peak;
    const ModelSource model(folder / "hf");
    model.check_sums();
    const WeightSource<float> numbers(
        [&](const ParameterBlock& block, std::span<float> to) { model.read(block, to); });
    const TokenTable tokens = token_table_of(CharacterTokenizer("abc"));
    save_gguf<float>(folder / "m.gguf", standard_model(config), pretrained, tokens, numbers,
                     StoredType::q4_0);
    save_model<float>(folder / "m.safetensors", standard_model(config), 5,
                      CharacterTokenizer("abc"), numbers);
    held = peak.bytes();
  }
  CHECK(held < (std::size_t{16} << 20) + 1'500'000);
}

TEST_CASE("a chat template and the begin token come along in Octavo's files") {
  const Folder folder;
  PretrainedConfig config{shape, 5, Token{1}, Token{0}};
  config.chat_template = "{{ messages }}";
  const std::vector<float> weights(static_cast<std::size_t>(parameter_count(shape)));
  save_gguf<float>(folder / "m.gguf", standard_model(shape), config,
                   token_table_of(CharacterTokenizer("abc")), weights);
  const ModelSource source(folder / "m.gguf");
  CHECK(source.tokenizer()->chat() == ChatFormat{config.chat_template, Token{1}});
  save_model<float>(folder / "m.safetensors", standard_model(shape), 5, *source.tokenizer(),
                    weights);
  const ModelSource ours(folder / "m.safetensors");
  CHECK(ours.chat_template() == config.chat_template);
  CHECK(ours.begin_token() == Token{1});
  CHECK(ours.tokenizer()->chat() == source.tokenizer()->chat());
}

TEST_CASE("what is no model is refused as its reader refuses it") {
  const Folder folder;
  CHECK_THROWS_AS(ModelSource(folder / "missing"), IoError);
  CHECK_THROWS_AS(ModelSource(folder.path.string()), Error);  // an empty folder
  std::ofstream(folder / "short") << "GGU";
  CHECK_THROWS_AS(ModelSource(folder / "short"), FormatError);
  std::ofstream(folder / "gguf") << "GGUF";
  CHECK_THROWS_AS(ModelSource(folder / "gguf"), FormatError);
  // A GGUF file whose tokens no tokenizer of ours has.
  TokenTable tokens = token_table_of(CharacterTokenizer("abc"));
  tokens.tokens[1] = "\u0149";
  const std::vector<float> weights(static_cast<std::size_t>(parameter_count(shape)));
  save_gguf<float>(folder / "odd.gguf", standard_model(shape), {shape, 5, 0, 0}, tokens, weights);
  CHECK_THROWS_WITH_AS(ModelSource(folder / "odd.gguf"),
                       ("cannot load '" + (folder / "odd.gguf") +
                        "': vocabulary: there is no token for the byte ' '")
                           .c_str(),
                       FormatError);
}
