// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/soliloquy.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

using namespace octavo;

static_assert(Tokenizer<CharacterTokenizer>);
static_assert(Tokenizer<ByteTokenizer>);
static_assert(fixed_alphabet_tokenizer.vocabulary_size() == 70);
static_assert(fixed_alphabet_tokenizer.alphabet().size() == 68);

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
  const auto tokenizer = CharacterTokenizer::from_text(soliloquy);
  CHECK(tokenizer.vocabulary_size() == 35);
  CHECK(round_trip(tokenizer, soliloquy) == soliloquy);
  CHECK(round_trip(fixed_alphabet_tokenizer, soliloquy_v2) == soliloquy_v2);
}

TEST_CASE("any byte is legal") {
  const std::string bytes = all_bytes();
  CHECK(round_trip(ByteTokenizer{}, bytes) == bytes);
  const auto tokenizer = CharacterTokenizer::from_text(bytes);
  CHECK(tokenizer.vocabulary_size() == 257);
  CHECK(round_trip(tokenizer, bytes) == bytes);
}

TEST_CASE("encode(text) returns what encode(text, out) writes") {
  CHECK(fixed_alphabet_tokenizer.encode("ab.") == std::vector<Token>{1, 2, 64});
  CHECK(ByteTokenizer().encode("\xff"
                               "A") == std::vector<Token>{255, 65});
  CHECK(ByteTokenizer().encode("").empty());
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

TEST_CASE("characters that a tokenizer does not know are counted") {
  const auto ascii = CharacterTokenizer::from_text("abc ");
  CHECK(count_unknown(ascii, "") == UnknownCount{0, 0});
  CHECK(count_unknown(ascii, "abc") == UnknownCount{3, 0});
  CHECK(count_unknown(ascii, "x") == UnknownCount{1, 1});
  // A Greek letter, a sign of three bytes and an emoji are one character each; a stray byte is too.
  CHECK(count_unknown(ascii,
                      "a\u03bb \u20ac\U0001f600\xff"
                      "c\xce") == UnknownCount{8, 5});
  CHECK(count_unknown(AnyTokenizer(ascii), "a\u03bb b") == UnknownCount{4, 1});
  CHECK(count_unknown(ByteTokenizer(), "a\u03bb\xff") == UnknownCount{3, 0});
  UnknownCount parts = count_unknown(ascii, "ax");
  parts += count_unknown(ascii, "\u03bbb");
  CHECK(parts == UnknownCount{4, 2});
}

TEST_CASE("alphabets are checked") {
  CHECK_THROWS_WITH_AS(CharacterTokenizer("aba"), "alphabet: byte 'a' comes twice", ConfigError);
  CHECK_THROWS_WITH_AS(CharacterTokenizer("abc", UnknownToken::included, 3),
                       "vocabulary: got 3 tokens, expected at least 4", ConfigError);
  CHECK_THROWS_AS(CharacterTokenizer("", UnknownToken::excluded), ConfigError);
  CHECK_THROWS_AS(fixed_alphabet_tokenizer.decode(70), ConfigError);
  CHECK_THROWS_AS(fixed_alphabet_tokenizer.decode(-1), ConfigError);
  CHECK(fixed_alphabet_tokenizer.decode(69) == "?");
}
