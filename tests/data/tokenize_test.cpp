// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

TEST_CASE("a text longer than one piece is tokenized whole") {
  std::string text;
  while (text.size() < 200'000) text += sample_text;
  const auto tokenizer = CharacterTokenizer::from_text(text);
  const TokenStore store = tokenize(tokenizer, text);
  std::string back;
  for (Index i = 0; i < store.view().size(); ++i) back += tokenizer.decode(store.view()[i]);
  CHECK(back == text);
}
