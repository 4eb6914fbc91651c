// SPDX-License-Identifier: MIT
// What a tokenizer may offer, and what holds for one that does not.
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

using namespace octavo;

namespace {

/// The least that a tokenizer has.
struct Least {
  Index vocabulary_size() const { return 1; }
  std::size_t encode(std::string_view text, std::span<Token> out) const {
    for (Token& token : out.first(text.size())) token = 0;
    return text.size();
  }
  std::string_view decode(Token) const { return "?"; }
};

static_assert(Tokenizer<Least>);
static_assert(!Tokenizer<int>);

}  // namespace

TEST_CASE("characters that a tokenizer does not know are counted") {
  const auto ascii = CharacterTokenizer::from_text("abc ");
  CHECK(count_unknown(ascii, "") == UnknownCount{0, 0});
  CHECK(count_unknown(ascii, "abc") == UnknownCount{3, 0});
  CHECK(count_unknown(ascii, "x") == UnknownCount{1, 1});
  // A Greek letter, a sign of three bytes and an emoji are one character each; a stray byte is too.
  CHECK(count_unknown(ascii,
                      "a\u03bb \u20ac\U0001f600\xff"
                      "c\xce") == UnknownCount{8, 5});
  CHECK(count_unknown(CharacterTokenizer::from_text("a\u03bb"), "a\u03bb\u03bc\u20ac") ==
        UnknownCount{4, 2});
  CHECK(count_unknown(AnyTokenizer(ascii), "a\u03bb b") == UnknownCount{4, 1});
  CHECK(count_unknown(ByteTokenizer(), "a\u03bb\xff") == UnknownCount{3, 0});
  UnknownCount parts = count_unknown(ascii, "ax");
  parts += count_unknown(ascii, "\u03bbb");
  CHECK(parts == UnknownCount{4, 2});
}

TEST_CASE("a tokenizer that says no more knows every byte, and has no special tokens") {
  CHECK(first_unknown(Least{}, "abc") == std::string_view::npos);
  CHECK_FALSE(is_special(Least{}, 0));
  CHECK_FALSE(is_reserve(Least{}, 0));
  CHECK(count_unknown(Least{}, "a\u20ac") == UnknownCount{2, 0});
  CHECK(octavo::detail::encoded(Least{}, "abc") == std::vector<Token>(3));
}

TEST_CASE("what a tokenizer offers is asked") {
  const auto tokenizer = CharacterTokenizer("ab", UnknownToken::included, 9).with_end_token();
  CHECK(first_unknown(tokenizer, "abxb") == 2);
  CHECK(is_special(tokenizer, *tokenizer.end_token()));
  CHECK_FALSE(is_special(tokenizer, 1));
  CHECK(is_reserve(tokenizer, 8));
  CHECK_FALSE(is_reserve(tokenizer, 1));
}
