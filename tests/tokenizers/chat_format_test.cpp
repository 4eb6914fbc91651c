// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/chat_format.hpp>

using namespace octavo;

TEST_CASE("a tokenizer carries the chat format of its model, and differs by it") {
  AnyTokenizer tokenizer = ByteTokenizer();
  CHECK(tokenizer.chat() == ChatFormat{});
  const AnyTokenizer plain = tokenizer;
  tokenizer.set_chat({"{{ messages }}", Token{1}});
  CHECK(tokenizer.chat().chat_template == "{{ messages }}");
  CHECK(tokenizer.chat().begin_token == Token{1});
  CHECK(tokenizer != plain);
  CHECK_THROWS_AS(tokenizer.set_chat({"", Token{-1}}), ConfigError);
  CHECK(tokenizer.chat().begin_token == Token{1});
}
