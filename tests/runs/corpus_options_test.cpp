// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_options.hpp>

TEST_CASE("names of files become one text, and come back") {
  using Names = std::vector<std::string>;
  for (const Names& names :
       {Names{}, Names{"a"}, Names{"a b", "-", "\xff"}, Names{"x", "x/y", "z\n"}}) {
    CHECK(octavo::split_names(octavo::join_names(names)) == names);
  }
  CHECK(octavo::join_names({"a", "b"}) == std::string("a\0b", 3));
}

TEST_CASE("kinds of tokenizers have names, and are known from a tokenizer") {
  using octavo::TokenizerKind;
  CHECK(name_of(TokenizerKind::characters) == "char");
  CHECK(name_of(TokenizerKind::bytes) == "byte");
  CHECK(name_of(TokenizerKind::byte_pairs) == "bpe");
  CHECK(octavo::kind_of(octavo::CharacterTokenizer("ab")) == TokenizerKind::characters);
  CHECK(octavo::kind_of(octavo::ByteTokenizer()) == TokenizerKind::bytes);
}
