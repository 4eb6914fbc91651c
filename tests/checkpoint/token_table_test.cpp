// SPDX-License-Identifier: MIT
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/token_table.hpp>

using namespace octavo;

TEST_CASE("bytes have letters that are printable, and 256 of them") {
  const auto& letters = detail::byte_letters();
  CHECK(letters['a'] == "a");
  CHECK(letters['!'] == "!");
  CHECK(letters[' '] == "\u0120");
  CHECK(letters['\n'] == "\u010a");
  CHECK(letters[0] == "\u0100");
  CHECK(letters[127] == "\u0121");
  CHECK(letters[161] == "\u00a1");
  CHECK(letters[173] == "\u0143");
  CHECK(letters[255] == "\u00ff");
  CHECK(std::set(letters.begin(), letters.end()).size() == 256);
}

TEST_CASE("character tokenizers become tables and come back") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(static_cast<unsigned char>(byte));
  for (const auto& tokenizer :
       {CharacterTokenizer("ba \n", UnknownToken::included),
        CharacterTokenizer("ab", UnknownToken::excluded), fixed_alphabet_tokenizer,
        CharacterTokenizer(all), CharacterTokenizer("", UnknownToken::included),
        CharacterTokenizer("x", UnknownToken::excluded, 5)}) {
    const TokenTable table = token_table_of(tokenizer);
    CHECK(std::ssize(table.tokens) == tokenizer.vocabulary_size());
    CHECK(!table.twice());
    const auto back = character_tokenizer_of(table);
    REQUIRE(back);
    CHECK(*back == tokenizer);
  }
  const TokenTable table = token_table_of(fixed_alphabet_tokenizer);
  CHECK(table.tokens.front() == "<unk>");
  CHECK(table.kinds.front() == TokenKind::unknown);
  CHECK(table.tokens[1] == "a");
  CHECK(table.tokens.back() == "<unused_69>");
  CHECK(table.kinds.back() == TokenKind::unused);
}

TEST_CASE("other tables are no characters'") {
  const TokenTable good = token_table_of(CharacterTokenizer("ab", UnknownToken::included, 4));
  CHECK(character_tokenizer_of(good));
  TokenTable table = good;
  table.tokens[1] = "ab";
  CHECK(!character_tokenizer_of(table));
  table = good;
  table.merges = {"a b"};
  CHECK(!character_tokenizer_of(table));
  table = good;
  std::swap(table.tokens[2], table.tokens[3]);
  std::swap(table.kinds[2], table.kinds[3]);
  CHECK(!character_tokenizer_of(table));
  CHECK(!character_tokenizer_of({}));
}

TEST_CASE("a token that ends a text is one that no text has, where there is one") {
  CHECK(end_token_of(CharacterTokenizer("ab\n")) == 0);
  CHECK(end_token_of(CharacterTokenizer("ab\n", UnknownToken::excluded, 5)) == 3);
  CHECK(end_token_of(CharacterTokenizer("ab\n", UnknownToken::excluded)) == 2);
  CHECK(end_token_of(CharacterTokenizer("ab", UnknownToken::excluded)) == 0);
}
