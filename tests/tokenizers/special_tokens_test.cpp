// SPDX-License-Identifier: MIT
// Names of tokens in a text, against a search that tries every name at every place.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/bpe_tokenizer.hpp>
#include <octavo/tokenizers/special_tokens.hpp>

#include "tokenizers/named_vocabulary.hpp"

using namespace octavo;
using namespace named_vocabulary;

namespace {

/// As Hugging Face's tokenizers search: leftmost, longest; then spaces.
std::vector<Token> plainly(const BpeTokenizer& plain, const std::vector<Named>& others,
                           const std::string& text, bool recognized) {
  std::vector<Token> tokens;
  std::size_t begin = 0;
  const auto add = [&](std::size_t from, std::size_t to) {
    for (const Token token : plain.encode(text.substr(from, to - from))) tokens.push_back(token);
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const Named* best = nullptr;
    for (const Named& one : others) {
      const bool found =
          one.kind == TokenKind::user_defined || (recognized && one.kind == TokenKind::control);
      if (!found || text.compare(at, one.name.size(), one.name) != 0) continue;
      if (best == nullptr || one.name.size() > best->name.size()) best = &one;
    }
    if (best == nullptr) continue;
    std::size_t from = at, to = at + best->name.size();
    while (best->rule.strip_left && from > begin && text[from - 1] == ' ') --from;
    while (best->rule.strip_right && to < text.size() && text[to] == ' ') ++to;
    add(begin, from);
    tokens.push_back(static_cast<Token>(258 + (best - others.data())));
    begin = to;
    at = to - 1;
  }
  add(begin, text.size());
  return tokens;
}

const std::vector<Named> some = {
    {"<a>", TokenKind::control},
    {"<ab>", TokenKind::user_defined},
    {"<a", TokenKind::user_defined},
    {" he", TokenKind::user_defined},
    {"<m>", TokenKind::user_defined, {.strip_left = true}},
    {"<n>", TokenKind::control, {.strip_left = true, .strip_right = true}},
    {"he he", TokenKind::control},
    {"<r>", TokenKind::user_defined, {.strip_right = true}},
    {"<a>", TokenKind::unused}};

std::string random_text(unsigned& state, std::size_t pieces) {
  const char* const parts[] = {"<",  "a",   "b",   ">", "<a>",   "<ab>", "he", "hel",     " ",
                               "  ", "<m>", "<n>", "m", "he he", "<r>",  "1",  "\xc3\xa9"};
  std::string text;
  for (std::size_t i = 0; i < pieces; ++i) {
    state = state * 1664525u + 1013904223u;
    text += parts[(state >> 16) % std::size(parts)];
  }
  return text;
}

}  // namespace

TEST_CASE("names of tokens are found as a search at every place finds them") {
  const std::vector<Named> others(some.begin(), some.end() - 1);
  const BpeTokenizer tokenizer(vocabulary_with(others)), plain(vocabulary_with({}));
  unsigned state = 1;
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(state, round % 100 == 0 ? 4000 : 12);
    CAPTURE(text);
    CHECK(tokenizer.encode(text) == plainly(plain, others, text, false));
    CHECK(tokenizer.encode(text, SpecialTokens::recognized) == plainly(plain, others, text, true));
  }
}

TEST_CASE("a text is cut within no name, and the parts have the tokens of the whole") {
  const std::vector<Named> others(some.begin(), some.end() - 1);
  const BpeTokenizer tokenizer(vocabulary_with(others));
  unsigned state = 7;
  std::size_t cuts = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(state, 12);
    const std::size_t seen = text.size() - text.size() / 3;
    const std::size_t cut = tokenizer.last_cut(text.substr(0, seen));
    if (cut == 0) continue;
    ++cuts;
    CAPTURE(text);
    CAPTURE(cut);
    std::vector<Token> parts = tokenizer.encode(text.substr(0, cut));
    for (const Token token : tokenizer.encode(text.substr(cut))) parts.push_back(token);
    CHECK(parts == tokenizer.encode(text));
  }
  CHECK(cuts > 10000);
}

TEST_CASE("the end token is <|endoftext|>, or the only control token") {
  const auto end_of = [](const std::vector<Named>& others) {
    return BpeTokenizer(vocabulary_with(others)).end_token();
  };
  CHECK(end_of({{"<s>", TokenKind::control}, {"<|endoftext|>", TokenKind::control}}) == 259);
  CHECK(end_of({{"<x>", TokenKind::unused}, {"</s>", TokenKind::control}}) == 259);
  CHECK(!end_of({{"<s>", TokenKind::control}, {"</s>", TokenKind::control}}));
  CHECK(!end_of({{"<|endoftext|>", TokenKind::user_defined}}));
}

TEST_CASE("rules are of names only") {
  BpeVocabulary vocabulary = vocabulary_with(some);
  vocabulary.tokens.pop_back();
  vocabulary.kinds.pop_back();
  CHECK(BpeTokenizer(vocabulary).vocabulary() == vocabulary);
  vocabulary.rules[0] = {.strip_left = true};
  CHECK_THROWS_AS(BpeTokenizer{vocabulary}, ConfigError);
}
