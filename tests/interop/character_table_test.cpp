// SPDX-License-Identifier: MIT
// Character tokenizers as other programs have them: byte-level byte pairs that never cross a
// character.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/token_table.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/interop/tokenizer_json.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;

namespace {

/// What Hugging Face's BPE with an unknown token makes of a text: a token for each byte, the
/// unknown one where there is none, and then the merges.
std::vector<Token> plain_encode(const TokenTable& table, std::string_view text) {
  std::map<std::string, Token> numbers;
  std::vector<std::pair<std::string, std::string>> merges;
  for (std::size_t i = 0; i < table.tokens.size(); ++i) {
    if (table.kinds[i] != TokenKind::normal) continue;
    numbers[*bytes_of_letters(table.tokens[i])] = static_cast<Token>(i);
  }
  for (const std::string& merge : table.merges) {
    const std::size_t space = merge.find(' ');
    merges.emplace_back(*bytes_of_letters(merge.substr(0, space)),
                        *bytes_of_letters(merge.substr(space + 1)));
  }
  std::vector<Token> tokens;
  for (const std::string& piece : plain_bpe::split(text)) {
    for (const std::string& part : plain_bpe::merged(piece, merges)) {
      const auto found = numbers.find(part);
      tokens.push_back(found == numbers.end() ? 0 : found->second);
    }
  }
  return tokens;
}

std::string decoded(const AnyTokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string text;
  for (const Token token : tokens) text += tokenizer.decode(token);
  return text;
}

}  // namespace

TEST_CASE("characters are encoded as byte pairs of the exported vocabulary are") {
  plain_bpe::RandomText random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string learned = random.text(1 + random.below(60));
    const auto tokenizer = CharacterTokenizer::from_text(learned);
    const TokenTable table = token_table_of(tokenizer);
    // Known characters, and others that share their first bytes with known ones.
    for (int i = 0; i < 20; ++i) {
      std::string text = random.text(random.below(30));
      for (int j = 0; j < 10 && !learned.empty(); ++j) {
        const std::size_t at = random.below(learned.size());
        text += learned.substr(at, 1 + random.below(5));
        if (j % 3 == 0)
          text.back() = static_cast<char>(static_cast<unsigned char>(text.back()) ^ 1);
      }
      INFO(printable(learned), " / ", printable(text));
      CHECK(tokenizer.encode(text) == plain_encode(table, text));
    }
    CHECK(decoded(tokenizer, tokenizer.encode(learned)) == learned);
  }
}

TEST_CASE("a vocabulary of characters that was exported comes back") {
  plain_bpe::RandomText random(8);
  for (int round = 0; round < 40; ++round) {
    const std::string text = random.text(1 + random.below(60));
    const auto unknown = round % 2 == 0 ? UnknownToken::included : UnknownToken::excluded;
    AnyTokenizer tokenizer = CharacterTokenizer::from_text(text + "a", unknown);
    if (round % 3 == 0) {
      tokenizer = tokenizer.get_if<CharacterTokenizer>()->with_end_token();
    } else if (round % 3 == 1) {
      tokenizer = CharacterTokenizer("\u03b1\u03b2\u20ac\U0001f600 \n", unknown, 40);
    }
    const TokenTable table = token_table_of(tokenizer);
    CHECK(std::ssize(table.tokens) == tokenizer.vocabulary_size());
    CHECK(!table.twice());
    CHECK(tokenizer_of(table) == tokenizer);
    if (unknown == UnknownToken::excluded) continue;  // which are byte pairs to other programs too
    const std::string json = tokenizer_json_text(table);
    const MemorySource source("tokenizer.json", std::as_bytes(std::span(json)));
    std::vector<std::string> notes;
    CHECK(tokenizer_of(read_tokenizer_json(source, notes)) == tokenizer);
    CHECK(notes.empty());
  }
}

TEST_CASE("the table of a character has all that it is built from") {
  const TokenTable table = token_table_of(
      CharacterTokenizer("\u20aca", UnknownToken::included).with_end_token());  // the euro sign
  CHECK(table.tokens == std::vector<std::string>{"<unk>", "a", letters_of_bytes("\x82"),
                                                 letters_of_bytes("\xac"), letters_of_bytes("\xe2"),
                                                 letters_of_bytes("\xe2\x82"),
                                                 letters_of_bytes("\u20ac"), "<|endoftext|>"});
  CHECK(table.merges ==
        std::vector<std::string>{letters_of_bytes("\xe2") + " " + letters_of_bytes("\x82"),
                                 letters_of_bytes("\xe2\x82") + " " + letters_of_bytes("\xac")});
  CHECK(end_token_of(table) == 7);

  const auto changed = [&](auto change) {
    TokenTable other = table;
    change(other);
    return character_tokenizer_of(other).has_value();
  };
  CHECK(changed([](TokenTable&) {}));
  CHECK(!changed([](TokenTable& other) { std::swap(other.merges[0], other.merges[1]); }));
  CHECK(!changed([](TokenTable& other) { other.merges.pop_back(); }));
  CHECK(!changed([](TokenTable& other) { other.tokens.back() = "<|end|>"; }));
  CHECK(!changed([](TokenTable& other) { std::swap(other.tokens[1], other.tokens[6]); }));
  CHECK(!changed([](TokenTable& other) { other.tokens[2] = other.tokens[3]; }));
}
