// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/pretrained_config.hpp>

using namespace octavo;

namespace {

using Tokens = std::vector<Token>;

}  // namespace

TEST_CASE("the tokens that end a text, the first one first") {
  PretrainedConfig config;
  CHECK(config.end_tokens().empty());
  config.set_end_tokens(Tokens{7, 3, 9});
  CHECK(config.end_token == 7);
  CHECK(config.end_tokens() == Tokens{7, 3, 9});
  config.set_end_tokens({});
  CHECK_FALSE(config.end_token);
  CHECK(config.other_end_tokens.empty());
}

TEST_CASE("a generation_config.json that was written gives the tokens that end a text") {
  PretrainedConfig config;
  config.model.vocabulary = 10;
  config.begin_token = 1;
  for (const Tokens& ends : {Tokens{3}, Tokens{4, 2}}) {
    config.set_end_tokens(ends);
    const std::string text = generation_config_text(config);
    PretrainedConfig other;
    other.model.vocabulary = 10;
    other.set_end_tokens(Tokens{9});
    read_generation_config(MemorySource("x", std::as_bytes(std::span(text))), other);
    CHECK(other.end_tokens() == ends);
    CHECK(other.notes.empty());
  }
  config.set_end_tokens({});
  CHECK(generation_config_text(config).find("\"eos_token_id\": null") != std::string::npos);
}
