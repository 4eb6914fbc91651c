// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/byte_tokenizer.hpp>

using namespace octavo;

static_assert(Tokenizer<ByteTokenizer>);
static_assert(ByteTokenizer{}.vocabulary_size() == 256);

TEST_CASE("any byte is legal, and is its own token") {
  std::string bytes, back;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(static_cast<unsigned char>(i));
  const std::vector<Token> tokens = ByteTokenizer{}.encode(bytes);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    CHECK(tokens[i] == static_cast<Token>(i));
    back += ByteTokenizer{}.decode(tokens[i]);
  }
  CHECK(back == bytes);
}

TEST_CASE("encode(text) returns what encode(text, out) writes") {
  CHECK(ByteTokenizer().encode("\xff"
                               "A") == std::vector<Token>{255, 65});
  CHECK(ByteTokenizer().encode("").empty());
  std::vector<Token> out(3, 7);
  CHECK(ByteTokenizer().encode("ab", out) == 2);
  CHECK(out == std::vector<Token>{97, 98, 7});
}

TEST_CASE("tokens and room are checked") {
  std::vector<Token> out(1);
  CHECK_THROWS_WITH_AS(ByteTokenizer().encode("ab", out),
                       "encode: the output is shorter than the text", ConfigError);
  CHECK_THROWS_WITH_AS(ByteTokenizer().decode(256), "decode: expected a token from 0 to 255",
                       ConfigError);
  CHECK_THROWS_AS(ByteTokenizer().decode(-1), ConfigError);
}

TEST_CASE("a tokenizer of bytes may have a token that ends a text") {
  const ByteTokenizer plain, ended = plain.with_end_token();
  CHECK(plain.vocabulary_size() == 256);
  CHECK_FALSE(plain.end_token());
  CHECK(ended.vocabulary_size() == 257);
  CHECK(ended.end_token() == 256);
  CHECK(ended.is_special(256));
  CHECK_FALSE(ended.is_special(255));
  CHECK(ended.decode(256) == "<|endoftext|>");
  CHECK_THROWS_AS(plain.decode(256), octavo::ConfigError);
  const std::string text = "a<|endoftext|>\xff";
  CHECK(ended.encode(text).size() == text.size());
  CHECK(ended.encode(text, SpecialTokens::recognized) == std::vector<Token>{'a', 256, 255});
  CHECK(plain.encode(text, SpecialTokens::recognized).size() == text.size());
}
