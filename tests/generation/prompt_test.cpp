// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/prompt.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

TEST_CASE("a prompt that fits is read as it is, a longer one by the policy") {
  const std::vector<Token> prompt{1, 2, 3, 4, 5};
  for (const TooLong policy : {TooLong::refuse, TooLong::slide, TooLong::keep_last}) {
    CHECK(fit_prompt(prompt, 5, policy).size() == 5);
  }
  CHECK(fit_prompt(prompt, 4, TooLong::slide).size() == 5);
  const auto last = fit_prompt(prompt, 2, TooLong::keep_last);
  CHECK(std::vector<Token>(last.begin(), last.end()) == std::vector<Token>{4, 5});
  CHECK_THROWS_WITH_AS(fit_prompt(prompt, 4, TooLong::refuse),
                       "the prompt has 5 tokens, expected at most 4, the length that the model was "
                       "trained on: token 4 is the first too many",
                       DataError);
}

TEST_CASE("characters outside the vocabulary are refused with their place, or left out whole") {
  for (const auto unknown : {UnknownToken::included, UnknownToken::excluded}) {
    const auto tokenizer = CharacterTokenizer::from_text("abc\xC3\xA9", unknown);  // e acute
    require_known(tokenizer, "abc\xC3\xA9");
    CHECK(first_unknown(tokenizer, "abc") == std::string_view::npos);
    CHECK_THROWS_WITH_AS(require_known(tokenizer, "ab\xE2\x82\xAC"),
                         "byte 2: '\\xe2\\x82\\xac' is not in the model's vocabulary",
                         UnknownSymbol);
    // The second byte of e grave is unknown, the first is not: the character goes as a whole.
    CHECK(without_unknown(tokenizer, "a\xC3\xA8 b\xC3\xA9\xFF c") ==
          "ab\xC3\xA9"
          "c");
    CHECK(without_unknown(tokenizer, "xyz") == "");
  }
  const AnyTokenizer any = CharacterTokenizer("ab");
  CHECK(first_unknown(any, "abc") == 2);
  CHECK(without_unknown(any, "xaxb") == "ab");
  CHECK(without_unknown(ByteTokenizer(), "\xFF\xC3 any") == "\xFF\xC3 any");
  require_known(ByteTokenizer(), "\xFF");
}
