// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/tokenizers/bpe_vocabulary.hpp>

using namespace octavo;

static_assert(static_cast<int>(TokenKind::byte) == 6);  // as in GGUF
static_assert(has_name(TokenKind::control));
static_assert(has_name(TokenKind::unknown));
static_assert(has_name(TokenKind::user_defined));
static_assert(!has_name(TokenKind::normal));
static_assert(!has_name(TokenKind::unused));
static_assert(!has_name(TokenKind::byte));

TEST_CASE("the vocabulary without merges has a token for each byte, in GPT-2's order") {
  const BpeVocabulary vocabulary = byte_vocabulary();
  REQUIRE(vocabulary.tokens.size() == 256);
  CHECK(vocabulary.tokens[0] == "!");
  CHECK(vocabulary.tokens[64] == "a");
  CHECK(vocabulary.tokens[188] == std::string(1, '\0'));
  CHECK(vocabulary.tokens[220] == " ");
  CHECK(vocabulary.tokens[255] == "\xad");
  CHECK(vocabulary.merges.empty());
  CHECK(vocabulary.rules.empty());
  for (const TokenKind kind : vocabulary.kinds) CHECK(kind == TokenKind::normal);
}

TEST_CASE("vocabularies are equal if all of them is") {
  const BpeVocabulary bytes = byte_vocabulary();
  BpeVocabulary other = bytes;
  CHECK(other == bytes);
  other.merges.push_back({1, 2});
  CHECK_FALSE(other == bytes);
  other = bytes;
  other.rules[0] = {.late = true};
  CHECK_FALSE(other == bytes);
  CHECK(NameRule{} == NameRule{});
  CHECK_FALSE(NameRule{.strip_left = true} == NameRule{.strip_right = true});
}
