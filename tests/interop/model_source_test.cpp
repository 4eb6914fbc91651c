// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/initial_weights.hpp>

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
