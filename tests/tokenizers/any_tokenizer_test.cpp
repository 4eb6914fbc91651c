// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/any_tokenizer.hpp>

#include "tokenizers/named_vocabulary.hpp"

using namespace octavo;
using namespace named_vocabulary;

TEST_CASE("a tokenizer without names takes all for text, whatever is asked for") {
  const AnyTokenizer characters = CharacterTokenizer("<a>|");
  CHECK(characters.encode("<a>", SpecialTokens::recognized) == characters.encode("<a>"));
  CHECK(!characters.end_token());
  CHECK(characters.end_tokens().empty());
  const AnyTokenizer bytes = BpeTokenizer(vocabulary_with({}));
  CHECK(bytes.encode("<a>", SpecialTokens::recognized) == bytes.encode("<a>"));
  CHECK(!bytes.end_token());
}

TEST_CASE("a model may stop at other tokens than its vocabulary's end token") {
  AnyTokenizer tokenizer = BpeTokenizer(
      vocabulary_with({{"<|endoftext|>", TokenKind::control}, {"<end>", TokenKind::control}}));
  CHECK(tokenizer.end_tokens() == std::vector<Token>{258});
  CHECK(tokenizer.has_own_end());
  const AnyTokenizer same = tokenizer;
  tokenizer.set_end_tokens({258});
  CHECK(tokenizer == same);
  tokenizer.set_end_tokens({259, 258});
  CHECK(tokenizer.end_tokens() == std::vector<Token>{259, 258});
  CHECK(!(tokenizer == same));
  CHECK_THROWS_WITH_AS(tokenizer.set_end_tokens({260}), "end token: got 260, expected 0 to 259",
                       ConfigError);
}

TEST_CASE("any tokenizer does what the one does that it holds") {
  const auto characters = CharacterTokenizer("ab", UnknownToken::included, 9).with_end_token();
  const BpeTokenizer pairs(vocabulary_with({{"<end>", TokenKind::control}}));
  const auto check = [](const auto& one, const char* text) {
    const AnyTokenizer any = one;
    CHECK(any.vocabulary_size() == one.vocabulary_size());
    CHECK(any.encode(text) == one.encode(text));
    std::vector<Token> out(20);
    out.resize(any.encode(text, out, SpecialTokens::recognized));
    CHECK(out == one.encode(text, SpecialTokens::recognized));
    CHECK(any.decode(1) == one.decode(1));
    CHECK(any.end_token() == one.end_token());
    CHECK(any.is_special(*one.end_token()));
    CHECK_FALSE(any.is_special(1));
    CHECK(any.is_reserve(5) == is_reserve(one, 5));
    CHECK(any.last_cut(text) == one.last_cut(text));
    CHECK(any.first_unknown(text) == first_unknown(one, text));
    const auto* const inside = any.template get_if<std::remove_cvref_t<decltype(one)>>();
    REQUIRE(inside != nullptr);
    CHECK(*inside == one);
  };
  check(characters, "abx<|endoftext|>");
  check(pairs, "hello<end>");
  CHECK(AnyTokenizer(characters).get_if<BpeTokenizer>() == nullptr);
  CHECK_FALSE(AnyTokenizer(characters) == AnyTokenizer(pairs));
}

TEST_CASE("an alphabet of all bytes is a tokenizer of bytes, anything less or more is not") {
  const std::string bytes(ByteTokenizer::bytes());
  const CharacterTokenizer all(bytes, UnknownToken::excluded);
  CHECK(AnyTokenizer(all) == AnyTokenizer(ByteTokenizer()));
  CHECK(AnyTokenizer(all.with_end_token()) == AnyTokenizer(ByteTokenizer().with_end_token()));
  const auto is_bytes = [](const CharacterTokenizer& tokenizer) {
    return AnyTokenizer(tokenizer).get_if<ByteTokenizer>() != nullptr;
  };
  CHECK(is_bytes(all));
  CHECK_FALSE(is_bytes(CharacterTokenizer(bytes, UnknownToken::included)));
  CHECK_FALSE(is_bytes(CharacterTokenizer(bytes, UnknownToken::excluded, 300)));
  CHECK_FALSE(is_bytes(CharacterTokenizer(bytes.substr(1), UnknownToken::excluded)));
  CHECK_FALSE(is_bytes(CharacterTokenizer(bytes.substr(1) + bytes[0], UnknownToken::excluded)));
}

TEST_CASE("any tokenizer that is one of bytes is used as such") {
  const AnyTokenizer tokenizer = ByteTokenizer();
  CHECK(tokenizer.vocabulary_size() == 256);
  CHECK(tokenizer.encode("\xff!") == std::vector<Token>{255, 33});
  CHECK(tokenizer.decode(33) == "!");
  CHECK(tokenizer.first_unknown("\xff") == std::string_view::npos);
  CHECK(tokenizer.last_cut("\xe2\x82") == 2);
  CHECK(tokenizer.end_tokens().empty());
  CHECK_FALSE(tokenizer.is_special(0));
  CHECK_FALSE(tokenizer.is_reserve(255));
}
