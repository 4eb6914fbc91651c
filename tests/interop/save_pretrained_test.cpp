// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/transformer/families.hpp>

#include "interop/gpt2_folder.hpp"

using namespace octavo;
using octavo_test::TestFolder;
namespace fs = std::filesystem;

namespace {

constexpr ModelConfig llama = with_family({.vocabulary = 11,
                                           .context = 5,
                                           .layers = 2,
                                           .width = 12,
                                           .attention = {.heads = 2},
                                           .feed_forward = {.d_ff = 20}},
                                          Family::llama);

}  // namespace

TEST_CASE("a generation_config.json is written where it is needed") {
  const ModelConfig config = llama;
  const std::vector<float> weights = octavo_test::gpt2_weights<float>(config);
  TestFolder folder;
  save_pretrained<float>(folder.path(), standard_model(config), {config, 3, 1, 2}, weights);
  folder.take();
  CHECK_FALSE(folder.files.contains("generation_config.json"));
  folder.files["generation_config.json"] = R"({"eos_token_id": 9})";
  folder.put();
  CHECK(HuggingFaceFolder(folder.path()).config().end_tokens() == std::vector<Token>{9});
  const auto save = [&](const PretrainedConfig& said) {
    save_pretrained<float>(folder.path(), standard_model(config), said, weights);
    return HuggingFaceFolder(folder.path()).config().end_tokens();
  };
  CHECK(save({config, 3, 1, 2}) == std::vector<Token>{2});
  fs::remove(folder.path() + "/generation_config.json");
  CHECK(save({config, 3, 1, 2, {7}, {}}) == std::vector<Token>{2, 7});
  CHECK(fs::exists(folder.path() + "/generation_config.json"));
}

TEST_CASE("a model that no class computes leaves no folder") {
  ModelConfig config = llama;
  config.arrangement = Arrangement::parallel;
  const std::vector<float> weights = octavo_test::gpt2_weights<float>(config);
  TestFolder folder;
  CHECK_THROWS_WITH_AS(
      save_pretrained<float>(folder.path(), standard_model(config), {config, 3, 1, 2}, weights),
      doctest::Contains("no model class of transformers computes this model: the nearest, Llama, "
                        "has arrangement pre-norm, not arrangement parallel"),
      Error);
  CHECK(!fs::exists(folder.path()));
}

TEST_CASE("a number that is not finite is refused by its place in the file") {
  std::vector<float> weights = octavo_test::gpt2_weights<float>(llama);
  const Transformer<float> model(llama);
  const Parameter& gate_up = model.parameters().find("blocks.1.feed_forward.gate_up.weight");
  const Index row = 17, column = 5;  // of up_proj
  weights[static_cast<std::size_t>(gate_up.offset + column * gate_up.columns + 20 + row)] =
      HUGE_VALF;
  TestFolder folder;
  CHECK_THROWS_WITH_AS(
      save_pretrained<float>(folder.path(), standard_model(llama), {llama, 3, 1, 2}, weights),
      "cannot write tensor 'model.layers.1.mlp.up_proj.weight': number 209 is not finite", Error);
}
