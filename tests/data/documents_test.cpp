// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/data/documents.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;

namespace {

const CharacterTokenizer characters =
    CharacterTokenizer::from_text("abc\n\r|<>\u03bc\u20ac").with_end_token();

std::vector<Token> all_of(const TokenStore& store) {
  std::vector<Token> tokens;
  for (Index i = 0; i < store.view().size(); ++i) tokens.push_back(store.view()[i]);
  return tokens;
}

/// The text with "$" for the token that ends a document.
std::string shown(std::string_view text, const DocumentBorders& borders) {
  std::string result;
  for (const Token token : all_of(tokenize_documents(characters, text, borders))) {
    result += token == *characters.end_token() ? "$" : characters.decode(token);
  }
  return result;
}

/// The documents of `text`, each encoded by itself.
template <typename K>
std::vector<Token> one_by_one(const K& tokenizer, Token end, std::string_view text,
                              std::string_view marker) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = std::min(text.find(marker, at), text.size());
    const std::vector<Token> some = tokenizer.encode(text.substr(at, stop - at));
    tokens.insert(tokens.end(), some.begin(), some.end());
    if (stop > at) tokens.push_back(end);
    at = stop + marker.size();
  }
  return tokens;
}

}  // namespace

TEST_CASE("a token stands after each document, and what marks the border is gone") {
  CHECK(shown("ab<|>c<|>a", DocumentBorders::markers("<|>")) == "ab$c$a$");
  CHECK(shown("ab<|>c<|>", DocumentBorders::markers("<|>")) == "ab$c$");
  CHECK(shown("<|>ab<|><|>\n", DocumentBorders::markers("<|>")) == "ab$\n$");
  CHECK(shown("ab<|c", DocumentBorders::markers("<|>")) == "ab<|c$");
  CHECK(shown("a\nb\n\n\nc", DocumentBorders::markers("\n\n\n")) == "a\nb$c$");
  CHECK(shown("a\nb\r\n\r\n\n\u03bc", DocumentBorders::lines()) == "a$b$\u03bc$");
  CHECK(shown("a\rb\n", DocumentBorders::lines()) == "a\rb$");
  CHECK(shown("aabbb", DocumentBorders::places({0, 2, 2, 4, 5})) == "aa$bb$b$");
  CHECK(shown("aabbb", DocumentBorders::places({})) == "aabbb$");
  CHECK(shown("", DocumentBorders::lines()) == "");
  CHECK(shown("abc", DocumentBorders()) == "abc");
}

TEST_CASE("documents of any length have the tokens that they have by themselves") {
  plain_bpe::RandomText random(3);
  BpeVocabulary vocabulary = train_bpe(random.text(4000), 400).vocabulary();
  vocabulary.tokens.emplace_back("<|endoftext|>");
  vocabulary.kinds.push_back(TokenKind::control);
  const BpeTokenizer pairs(vocabulary);
  const auto end = static_cast<Token>(pairs.vocabulary_size() - 1);
  const auto from = CharacterTokenizer::from_text(random.text(2000)).with_end_token();
  for (const std::string marker : {"\n", "<|endoftext|>", "%%"}) {
    std::string text;  // of several pieces; the documents' sizes from none to more than a piece
    for (const std::size_t parts : {3u, 0u, 40'000u, 1u, 20u, 9000u, 60'000u, 7u, 7u}) {
      text += random.text(parts) + marker;
    }
    const MemorySource source("text", std::as_bytes(std::span(text)));
    std::vector<Token> got;
    const auto add = [&](std::span<const Token> tokens) {
      got.insert(got.end(), tokens.begin(), tokens.end());
    };
    const auto borders = DocumentBorders::markers(marker);
    const std::size_t count = encode_documents(pairs, source, borders, end, add);
    CHECK(count == got.size());
    CHECK(got == one_by_one(pairs, end, text, marker));
    CHECK(all_of(tokenize_documents(from, text, borders)) ==
          one_by_one(from, *from.end_token(), text, marker));
  }
}

TEST_CASE("a border is found wherever pieces of a text end") {
  for (std::size_t shift = 0; shift < 6; ++shift) {
    const std::string first(text_piece_bytes - 3 + shift, 'a');
    for (const auto& [marker, borders] : {std::pair("<|>", DocumentBorders::markers("<|>")),
                                          std::pair("\r\n", DocumentBorders::lines())}) {
      INFO(shift);
      CHECK(shown(first + marker + "b" + marker + "c", borders) == first + "$b$c$");
    }
    CHECK(shown(first + "bc", DocumentBorders::places({first.size(), first.size() + 1})) ==
          first + "$b$c$");
  }
}

TEST_CASE("texts of their own are documents") {
  const std::vector<std::string_view> documents{"ab", "", "c\u03bc"};
  CHECK(all_of(tokenize_documents(characters, documents)) ==
        all_of(tokenize_documents(characters, "ab|c\u03bc|", DocumentBorders::markers("|"))));
}

TEST_CASE("documents need a token that ends them") {
  CHECK_THROWS_WITH_AS(static_cast<void>(tokenize_documents(CharacterTokenizer("ab"), "ab",
                                                            DocumentBorders::lines())),
                       "documents: the tokenizer has no token that ends a text", ConfigError);
}
