// SPDX-License-Identifier: MIT
// Tokenizers that others have added to: the same tokens as theirs, or a note, or a refusal.
// (tests/ecosystem/tokenizers.sh compares such files with Hugging Face's library.)
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/added_tokens.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("added tokens are found in a text, special ones where they are recognized") {
  const Read read(
      json_with({added(learned_size, " x"), added(learned_size + 1, "<s>", {{"special", true}})}));
  const Token the = number_of("the"), x = static_cast<Token>(learned_size);
  CHECK(read.tokenizer.encode("the xthe") == Tokens{the, x, the});
  CHECK(read.tokenizer.encode("<s>the", SpecialTokens::recognized) == Tokens{x + 1, the});
  CHECK(read.tokenizer.encode("<s>the") == tokenizer_of(learned()).encode("<s>the"));
  CHECK(read.tokenizer.end_token() == number_of("<|endoftext|>"));
  CHECK(read.notes.empty());
}

TEST_CASE("gaps between numbers are in reserve") {
  const Read read(json_with({added(learned_size, "<s>"), added(learned_size + 3, "<p>")}));
  CHECK(read.tokenizer.vocabulary_size() == learned_size + 4);
  CHECK(read.table.kinds[static_cast<std::size_t>(learned_size) + 1] == TokenKind::unused);
  CHECK(read.tokenizer.encode("<p>") == Tokens{static_cast<Token>(learned_size + 3)});
}

TEST_CASE("spaces, order and tokens of the text") {
  const Token the = number_of("the");
  const Token x = static_cast<Token>(learned_size);
  const Read strip(
      json_with({added(learned_size, "<m>", {{"lstrip", true}}),
                 added(learned_size + 1, "<n>", {{"rstrip", true}, {"special", true}})}));
  CHECK(strip.tokenizer.encode("the  <m>the") == Tokens{the, x, the});
  CHECK(strip.tokenizer.encode("<n>  the", SpecialTokens::recognized) == Tokens{x + 1, the});
  const Read late(json_with(
      {added(learned_size, "ab", {{"normalized", true}}), added(learned_size + 1, "bc")}));
  CHECK(late.tokenizer.encode("abc") == Tokens{number_of("a"), x + 1});
  const Read known(json_with({added(the, "the")}));
  CHECK(known.tokenizer.encode(" the") == Tokens{number_of("\u0120"), the});
  CHECK(tokenizer_of(learned()).encode(" the") == Tokens{number_of("\u0120the")});
}

TEST_CASE("a single word is found only between what is no part of a word") {
  const Token x = static_cast<Token>(learned_size);
  const Read read(json_with({added(x, "the", {{"id", number_of("the")}, {"single_word", true}}),
                             added(x, "<x>", {{"single_word", true}, {"special", true}})}));
  const Token the = number_of("the"), space = number_of("\u0120");
  CHECK(read.notes.empty());
  CHECK(read.tokenizer.encode(" the") == Tokens{space, the});
  CHECK(read.tokenizer.encode(" thea") == Tokens{number_of("\u0120the"), number_of("a")});
  CHECK(read.tokenizer.encode("<x>", SpecialTokens::recognized) == Tokens{x});
  for (const char* text : {"a<x>", "<x>1", "<x>_", "<x>\u0301", "\u00e9<x>", "<x>\u200d"}) {
    for (const Token token : read.tokenizer.encode(text, SpecialTokens::recognized)) {
      CHECK(token != x);
    }
  }
  CHECK(read.tokenizer.encode("<x>-<x>\u2460", SpecialTokens::recognized).front() == x);
}

TEST_CASE("tokens have numbers of their own, in range, and those left out are in reserve") {
  const std::string text = "{}";
  const JsonObject file(text_source("f", text));
  detail::NumberedTokens tokens(file);
  tokens.place("b", 2);
  tokens.place("a", 0.0);
  tokens.place("b", 2);  // the same once more
  tokens.place("<unused_3>", 4);
  const auto said = [&](const std::string& token, const Json& number) {
    try {
      tokens.place(token, number);
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(said("c", 2) ==
        "cannot load 'f': token 'c': its number is 2, expected a unique number: it is also that of "
        "'b'");
  CHECK(said("c", 1 << 19) ==
        "cannot load 'f': token 'c': its number is 524288, expected 0 to 524287");
  CHECK(said("c", "1") ==
        "cannot load 'f': token 'c': its number is '1' (a text), expected 0 to 524287");
  CHECK(tokens.take() ==
        std::vector<std::string>{"a", "<unused_1>", "b", "<unused__3>", "<unused_3>"});
}

TEST_CASE("single bytes and what merges make are text") {
  const TokenTable table{{"a", "b", "ab", "abc", "\u0120", "<s>"}, {}, {"a b"}};
  CHECK(detail::which_are_text(table) == std::vector<bool>{true, true, true, false, true, false});
}

TEST_CASE("a token is written in JSON, if it is UTF-8") {
  CHECK(detail::json_string("a\"\n\u0120") == "\"a\\\"\\n\u0120\"");
  CHECK_THROWS_WITH_AS(detail::json_string("\xff"),
                       "cannot write token '\\xff' in JSON: it is not UTF-8", Error);
}

TEST_CASE("fields that are missing are null, of what is no object as well") {
  const Json object = {{"a", 1}};
  CHECK(detail::field_of(object, "a") == 1);
  CHECK(detail::field_of(object, "b").is_null());
  CHECK(detail::field_of(3, "a").is_null());
  CHECK(detail::field_of(nullptr, "a").is_null());
}
