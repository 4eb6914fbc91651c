// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/c/model.hpp>
#include <octavo/transformer/initial_weights.hpp>

#include "files/folder.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;

TEST_CASE("a model of every family from memory and from its file generates and scores the same") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    ModelConfig config = family.config;
    config.vocabulary = ByteTokenizer().vocabulary_size();
    const Transformer<float> model(config);
    std::vector<float> weights(static_cast<std::size_t>(model.parameter_count()));
    set_initial_weights<float>(model.parameters(), config.layers, 3, weights);
    OwnedModel first(config, 12, ByteTokenizer(), weights, 1);
    const Folder folder;
    const std::string path = folder / "model.safetensors";
    first.save(path);
    OwnedModel second(path, OptionText("threads=2"));
    CHECK(second.length() == 12);
    CHECK(second.config() == config);
    CHECK(first.score("Once upon a time") == second.score("Once upon a time"));
    std::string texts[2];
    int i = 0;
    for (OwnedModel* one : {&first, &second}) {
      std::string& text = texts[i++];
      one->generate("Once", OptionText("tokens=20"), [&](std::string_view piece) {
        text += piece;
        return true;
      });
    }
    CHECK(texts[0] == texts[1]);
    CHECK_FALSE(texts[0].empty());
    OwnedModel shorter(path, OptionText("context=5"));
    CHECK(shorter.length() == 5);
    CHECK_THROWS_AS(OwnedModel(path, OptionText("context=13")), ConfigError);
  }
}
