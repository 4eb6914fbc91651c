// SPDX-License-Identifier: MIT
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/token_table.hpp>

#include "tokenizers/fixed_alphabet.hpp"

using namespace octavo;

TEST_CASE("character tokenizers become tables and come back") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(static_cast<unsigned char>(byte));
  for (const auto& tokenizer :
       {CharacterTokenizer("ba \n", UnknownToken::included),
        CharacterTokenizer("ab", UnknownToken::excluded), octavo_test::fixed_alphabet_tokenizer,
        CharacterTokenizer(all), CharacterTokenizer("", UnknownToken::included),
        CharacterTokenizer("x", UnknownToken::excluded, 5)}) {
    const TokenTable table = token_table_of(tokenizer);
    CHECK(std::ssize(table.tokens) == tokenizer.vocabulary_size());
    CHECK(!table.twice());
    const auto back = character_tokenizer_of(table);
    REQUIRE(back);
    CHECK(*back == tokenizer);
  }
  const TokenTable table = token_table_of(octavo_test::fixed_alphabet_tokenizer);
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

TEST_CASE("byte pairs become tables and come back") {
  BpeVocabulary vocabulary = byte_vocabulary();
  for (const char* token : {" a", "a a", "<|end of text|>"}) vocabulary.tokens.emplace_back(token);
  vocabulary.kinds.resize(259, TokenKind::normal);
  vocabulary.kinds[258] = TokenKind::control;
  vocabulary.merges = {{220, 64}, {64, 256}};
  const BpeTokenizer tokenizer(vocabulary);
  const TokenTable table = token_table_of(AnyTokenizer(tokenizer));
  CHECK(table.tokens[0] == "!");
  CHECK(table.tokens[220] == "\u0120");
  CHECK(table.tokens[257] == "a\u0120a");
  CHECK(table.tokens[258] == "<|end of text|>");
  CHECK(table.merges == std::vector<std::string>{"\u0120 a", "a \u0120a"});
  CHECK(table.kinds == vocabulary.kinds);
  CHECK(!table.twice());
  CHECK(!character_tokenizer_of(table));
  CHECK(tokenizer_of(table) == AnyTokenizer(tokenizer));
  CHECK(tokenizer_of(token_table_of(octavo_test::fixed_alphabet_tokenizer)) ==
        AnyTokenizer(octavo_test::fixed_alphabet_tokenizer));

  const auto refused = [&](auto change, const char* message) {
    TokenTable bad = table;
    change(bad);
    CHECK_THROWS_WITH_AS(tokenizer_of(bad), message, ConfigError);
  };
  for (const char* merge : {"a", "", "\u0120  a", "\u0120 a ", "a zz", " a", "a "}) {
    refused(
        [&](TokenTable& bad) { bad.merges[1] = merge; },
        ("merges: merge 1 is " + printable(merge) + ", expected two tokens with a space between")
            .c_str());
  }
  refused([](TokenTable& bad) { bad.tokens[5] = "\u4e2d"; },
          "vocabulary: token 5, '\\xe4\\xb8\\xad', has a character that stands for no byte");
  refused([](TokenTable& bad) { bad.kinds.pop_back(); },
          "vocabulary: expected at most 2^19 tokens, each with a kind");
  refused([](TokenTable& bad) { bad.merges.pop_back(); },
          "vocabulary: token 257, 'a a', is not the result of a merge");
  refused([](TokenTable& bad) { bad = {}; }, "vocabulary: there is no token for the byte ' '");
}

TEST_CASE("a token that ends a text is one that no text has, where there is one") {
  const auto end = [](const CharacterTokenizer& tokenizer) {
    return end_token_of(token_table_of(tokenizer));
  };
  CHECK(end(CharacterTokenizer("ab\n")) == 0);
  CHECK(end(CharacterTokenizer("ab\n", UnknownToken::excluded, 5)) == 3);
  CHECK(end(CharacterTokenizer("ab\n", UnknownToken::excluded)) == 2);
  CHECK(end(CharacterTokenizer("ab", UnknownToken::excluded)) == 0);
  TokenTable table = token_table_of(CharacterTokenizer("ab"));
  table.tokens.push_back("<|endoftext|>");
  table.kinds.push_back(TokenKind::control);
  CHECK(end_token_of(table) == 3);
}
