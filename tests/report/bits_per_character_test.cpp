// SPDX-License-Identifier: MIT
#include <numbers>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_view.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

TEST_CASE("bits per character: characters are counted, not bytes, and the first token is not") {
  const std::vector<Token> bytes = ByteTokenizer().encode("a\xC3\xA4\xE2\x82\xAC");  // aä€
  REQUIRE(bytes.size() == 6);
  CHECK(tokens_per_character(ByteTokenizer(), std::span<const Token>(bytes)) == 5.0 / 2);
  CHECK(tokens_per_character(ByteTokenizer(), std::span<const Token>(bytes).first(1)) == 0);
}

TEST_CASE("bits per character: the end of a text is a token, but not a character") {
  const auto tokenizer = CharacterTokenizer::from_text("abc").with_end_token();
  std::vector<Token> tokens = tokenizer.encode("abca");
  CHECK(tokens_per_character(tokenizer, std::span<const Token>(tokens)) == 1);
  tokens.push_back(*tokenizer.end_token());
  CHECK(tokens_per_character(tokenizer, std::span<const Token>(tokens)) == 4.0 / 3);
}

TEST_CASE("bits per character: a nat is 1 / ln 2 bits") {
  CHECK(bits_per_character(std::numbers::ln2, 0.5) == doctest::Approx(0.5));
}
