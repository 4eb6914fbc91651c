// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

#include "tokenizers/fixed_alphabet.hpp"

using namespace octavo;

static_assert(Tokenizer<CharacterTokenizer>);
static_assert(octavo_test::fixed_alphabet_tokenizer.vocabulary_size() == 70);
static_assert(octavo_test::fixed_alphabet_tokenizer.bytes().size() == 68);

namespace {

template <Tokenizer K>
std::string round_trip(const K& tokenizer, std::string_view text) {
  std::vector<Token> tokens(text.size());
  tokens.resize(tokenizer.encode(text, tokens));
  std::string back;
  for (const Token token : tokens) back += tokenizer.decode(token);
  return back;
}

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(static_cast<unsigned char>(i));
  return bytes;
}

}  // namespace

TEST_CASE("the built-in texts have their stated vocabularies and come back unchanged") {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  CHECK(tokenizer.vocabulary_size() == 35);
  CHECK(round_trip(tokenizer, sample_text) == sample_text);
  const std::string_view spelt = sample_text.substr(0, sample_text.find('\''));
  CHECK(round_trip(octavo_test::fixed_alphabet_tokenizer, spelt) == spelt);
  const std::string alphabet(octavo_test::fixed_alphabet_tokenizer.bytes());
  CHECK(round_trip(octavo_test::fixed_alphabet_tokenizer, alphabet) == alphabet);
}

TEST_CASE("any byte is legal") {
  const std::string bytes = all_bytes();
  const auto tokenizer = CharacterTokenizer::from_text(bytes);
  CHECK(tokenizer.vocabulary_size() == 257);
  CHECK(round_trip(tokenizer, bytes) == bytes);
}

TEST_CASE("encode(text) returns what encode(text, out) writes") {
  CHECK(octavo_test::fixed_alphabet_tokenizer.encode("ab.") == std::vector<Token>{1, 2, 64});
}

TEST_CASE("bytes outside the alphabet become token 0, or an error that says where") {
  CHECK(round_trip(CharacterTokenizer::from_text("abc"), "abxc") == "ab?c");
  const auto strict = CharacterTokenizer::from_text("abc", UnknownToken::excluded);
  CHECK(strict.vocabulary_size() == 3);
  std::vector<Token> out(4);
  try {
    strict.encode("ab\xc3z", out);
    FAIL("expected an exception");
  } catch (const UnknownSymbol& error) {
    CHECK(error.offset() == 2);
    CHECK(std::string(error.what()) ==
          "byte 2: '\\xc3' is not among the 3 symbols of this vocabulary");
  }
}

TEST_CASE("a token is a code point, however many bytes it has") {
  const std::string text = "\u03bc\u03ac\u03bc\u03b1 \u20ac\U0001f600 a";  // mama, in Greek
  const auto tokenizer = CharacterTokenizer::from_text(text);
  const std::vector<Token> tokens = tokenizer.encode(text);
  CHECK(tokens.size() == 9);
  CHECK(tokens[0] == tokens[2]);
  CHECK(tokenizer.decode(tokens[0]) == "\u03bc");
  CHECK(round_trip(tokenizer, text) == text);
  CHECK(tokenizer.characters() == "\u03ac\u03b1\u03bc\u20ac\U0001f600");
  // The tokens of ASCII come first, then the bytes of the others, then these and their fronts.
  CHECK(tokenizer.bytes().substr(0, 2) == " a");
  CHECK(tokenizer.first_piece() == 1 + std::ssize(tokenizer.bytes()));
  CHECK(tokenizer.piece_count() == 5 + 1 + 2);
  CHECK(tokenizer.vocabulary_size() == tokenizer.first_piece() + 8);
  // What is not in the alphabet is made of what is: nu shares its first byte with mu.
  CHECK(tokenizer.encode("\u03bd") == std::vector<Token>{tokenizer.encode("\xce")[0], 0});
  CHECK(tokenizer.encode("\U0001f601").size() == 2);
  CHECK(tokenizer.decode(tokenizer.encode("\U0001f601")[0]) == "\xf0\x9f\x98");
  CHECK(first_unknown(tokenizer, "\u03bc\u03bd") == 2);
  CHECK(first_unknown(tokenizer, text) == std::string_view::npos);
  CHECK(CharacterTokenizer(tokenizer.characters() + " a") == tokenizer);
  CHECK_THROWS_WITH_AS(CharacterTokenizer("\u03bc\u03bc"),
                       "alphabet: character '\\xce\\xbc' occurs twice", ConfigError);
}

TEST_CASE("a text of characters is cut between them") {
  const auto tokenizer = CharacterTokenizer::from_text("a\u03bc\u20ac\U0001f600");
  for (const std::string_view text :
       {"a", "", "\u03bc", "a\u20ac", "\U0001f600", "a\x82", "\xff"}) {
    CHECK(tokenizer.last_cut(text) == text.size());
  }
  for (const std::string_view open :
       {"\xce", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98"}) {
    CHECK(tokenizer.last_cut(open) == 0);
    CHECK(tokenizer.last_cut("\u03bca" + std::string(open)) == 3);
  }
  CHECK(CharacterTokenizer("a").last_cut("\xce") == 1);
}

TEST_CASE("a token that ends a text is the first in reserve, or the last of all") {
  const auto tokenizer = CharacterTokenizer::from_text("ab\u03bc");
  CHECK(!tokenizer.end_token());
  const auto with_end = tokenizer.with_end_token();
  CHECK(with_end.vocabulary_size() == tokenizer.vocabulary_size() + 1);
  CHECK(with_end.end_token() == tokenizer.vocabulary_size());
  CHECK(with_end.decode(*with_end.end_token()) == "<|endoftext|>");
  CHECK(with_end.encode("ab\u03bc") == tokenizer.encode("ab\u03bc"));
  CHECK(with_end.with_end_token() == with_end);
  const std::string named = "a<|endoftext|><|endoftext|>b";
  CHECK(with_end.encode(named).size() == named.size());
  CHECK(with_end.encode(named, SpecialTokens::recognized) ==
        std::vector<Token>{1, *with_end.end_token(), *with_end.end_token(), 2});
  CHECK(tokenizer.encode(named, SpecialTokens::recognized).size() == named.size());
  CHECK(!(with_end == tokenizer));
  const auto reserve = CharacterTokenizer("ab", UnknownToken::included, 9).with_end_token();
  CHECK(reserve.vocabulary_size() == 9);
  CHECK(reserve.end_token() == 3);
  CHECK(reserve.decode(4) == "?");
}

TEST_CASE("alphabets are checked") {
  CHECK_THROWS_WITH_AS(CharacterTokenizer("aba"), "alphabet: byte 'a' occurs twice", ConfigError);
  CHECK_THROWS_WITH_AS(CharacterTokenizer("abc", UnknownToken::included, 3),
                       "vocabulary: got 3 tokens, expected at least 4", ConfigError);
  CHECK_THROWS_AS(CharacterTokenizer("", UnknownToken::excluded), ConfigError);
  CHECK_THROWS_AS(octavo_test::fixed_alphabet_tokenizer.decode(70), ConfigError);
  CHECK_THROWS_AS(octavo_test::fixed_alphabet_tokenizer.decode(-1), ConfigError);
  CHECK(octavo_test::fixed_alphabet_tokenizer.decode(69) == "?");
}
