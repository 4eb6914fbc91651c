// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/tokenizers/token_texts.hpp>

using octavo::detail::TokenTexts;

TEST_CASE("tokens are found by their bytes, if they were inserted") {
  TokenTexts texts;
  CHECK(texts.empty());
  std::string text;
  for (int i = 0; i < 1000; ++i) texts.add(text += static_cast<char>('a' + i % 26));
  CHECK(texts.count() == 1000);
  CHECK(texts.view(2) == "abc");
  texts.clear_table();
  for (octavo::Token token = 0; token < 1000; token += 2) CHECK(texts.insert(token));
  CHECK(!texts.insert(4));
  for (octavo::Token token = 0; token < 1000; ++token) {
    CHECK(texts.find(texts.view(token)) == (token % 2 == 0 ? token : TokenTexts::none));
  }
  CHECK(texts.find("") == TokenTexts::none);
  CHECK(texts.inserted().size() == 500);
  CHECK(texts.bytes() == 1000 * 1001 / 2);
  CHECK(texts == TokenTexts(texts));
}
