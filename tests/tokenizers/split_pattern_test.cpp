// SPDX-License-Identifier: MIT
// Splitting against the patterns themselves, matched by a search that goes back.
// (tests/ecosystem/split_patterns.py compares with Python's module regex.)
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/split_pattern.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using Pieces = std::vector<std::string>;

namespace {

Pieces pieces_of(SplitPattern pattern, std::string_view text) {
  Pieces pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = piece_end(pattern, text, begin);
    REQUIRE(end > begin);
    REQUIRE(end <= text.size());
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

// --- Patterns, matched plainly ------------------------------------------------------------------

struct Symbol {
  std::string bytes;
  CharacterClass kind;
  LetterCase letter;
};
using Symbols = std::vector<Symbol>;
using Is = std::function<bool(const Symbol&)>;

struct Item {
  Is is;
  std::size_t least = 1, most = 1'000'000;
};
struct Alternative {
  std::vector<Item> items;
  bool before_space = false;  ///< (?!\S)
};

Is one(const char* bytes) {
  return [bytes](const Symbol& symbol) { return symbol.bytes == bytes; };
}
bool letter(const Symbol& s) { return s.kind == CharacterClass::letter; }
bool number(const Symbol& s) { return s.kind == CharacterClass::number; }
bool space(const Symbol& s) { return s.kind == CharacterClass::space; }
bool other(const Symbol& s) { return s.kind == CharacterClass::other; }
bool line_end(const Symbol& s) { return s.bytes == "\r" || s.bytes == "\n"; }
bool line_end_or_slash(const Symbol& s) { return line_end(s) || s.bytes == "/"; }
bool before_word(const Symbol& s) { return !letter(s) && !number(s) && !line_end(s); }
bool shared(const Symbol& s) {
  return s.letter == LetterCase::other || s.letter == LetterCase::mark;
}
bool capital(const Symbol& s) { return shared(s) || s.letter == LetterCase::capital; }
bool small(const Symbol& s) { return shared(s) || s.letter == LetterCase::small; }

/// Symbols that the items from `item` on match at `at`, the most of each item first; -1: none.
std::ptrdiff_t matched(const Symbols& text, std::size_t at, const Alternative& way,
                       std::size_t item) {
  if (item == way.items.size()) {
    return way.before_space && at < text.size() && !space(text[at])
               ? -1
               : static_cast<std::ptrdiff_t>(at);
  }
  std::size_t count = 0;
  while (count < way.items[item].most && at + count < text.size() &&
         way.items[item].is(text[at + count])) {
    ++count;
  }
  for (std::size_t taken = count + 1; taken-- > way.items[item].least;) {
    const std::ptrdiff_t end = matched(text, at + taken, way, item + 1);
    if (end >= 0) return end;
  }
  return -1;
}

std::vector<Alternative> alternatives(SplitPattern pattern) {
  std::vector<Alternative> ways;
  const bool any_case = pattern == SplitPattern::llama3 || pattern == SplitPattern::qwen2;
  const auto contraction = [&](std::vector<Is> letters) {
    Alternative way{{{one("'"), 1, 1}}};
    for (Is& is : letters) way.items.push_back({std::move(is), 1, 1});
    ways.push_back(std::move(way));
  };
  const auto cased = [&](const char* low, const char* high) -> Is {
    return [=](const Symbol& s) {
      return s.bytes == low || (any_case && s.bytes == high) ||
             (any_case && low == std::string("s") && s.bytes == "\u017f");
    };
  };
  if (pattern != SplitPattern::tekken) {
    contraction({cased("s", "S")});
    contraction({cased("t", "T")});
    contraction({cased("r", "R"), cased("e", "E")});
    contraction({cased("v", "V"), cased("e", "E")});
    contraction({cased("m", "M")});
    contraction({cased("l", "L"), cased("l", "L")});
    contraction({cased("d", "D")});
  }
  const Item blank{one(" "), 0, 1};
  if (pattern == SplitPattern::gpt2) {
    for (const Is& is : {Is(letter), Is(number), Is(other)}) ways.push_back({{blank, {is}}});
  } else {
    const Item before{before_word, 0, 1};
    if (pattern == SplitPattern::tekken) {
      ways.push_back({{before, {capital, 0}, {small}}});
      ways.push_back({{before, {capital}, {small, 0}}});
    } else {
      ways.push_back({{before, {letter}}});
    }
    ways.push_back({{{number, 1, pattern == SplitPattern::llama3 ? 3u : 1u}}});
    ways.push_back({{blank,
                     {other},
                     {pattern == SplitPattern::tekken ? Is(line_end_or_slash) : Is(line_end), 0}}});
    ways.push_back({{{space, 0}, {line_end}}});
  }
  ways.push_back({{{space}}, true});
  ways.push_back({{{space}}});
  return ways;
}

Pieces plain_pieces(const std::vector<Alternative>& ways, const Symbols& text) {
  Pieces pieces;
  for (std::size_t at = 0; at < text.size();) {
    std::ptrdiff_t end = -1;
    for (std::size_t i = 0; end < 0 && i < ways.size(); ++i) end = matched(text, at, ways[i], 0);
    REQUIRE(end > static_cast<std::ptrdiff_t>(at));
    std::string& piece = pieces.emplace_back();
    for (; at < static_cast<std::size_t>(end); ++at) piece += text[at].bytes;
  }
  return pieces;
}

Symbols symbols_of(std::string_view text) {
  Symbols symbols;
  for (const plain_bpe::Symbol& symbol : plain_bpe::symbols_of(text)) {
    const bool whole = utf8_length(symbol.bytes) == symbol.bytes.size();
    symbols.push_back({symbol.bytes, symbol.kind,
                       whole ? letter_case(utf8_code(symbol.bytes)) : LetterCase::none});
  }
  return symbols;
}

Pieces plainly(SplitPattern pattern, std::string_view text) {
  const Symbols symbols = symbols_of(text);
  if (pattern != SplitPattern::smollm) return plain_pieces(alternatives(pattern), symbols);
  Pieces pieces;
  Symbols part;
  const auto finish = [&] {
    for (std::string& piece : plain_pieces(alternatives(SplitPattern::gpt2), part)) {
      pieces.push_back(std::move(piece));
    }
    part.clear();
  };
  for (const Symbol& symbol : symbols) {
    if (!number(symbol)) {
      part.push_back(symbol);
      continue;
    }
    finish();
    pieces.push_back(symbol.bytes);
  }
  finish();
  return pieces;
}

constexpr SplitPattern patterns[] = {SplitPattern::gpt2, SplitPattern::llama3, SplitPattern::qwen2,
                                     SplitPattern::smollm, SplitPattern::tekken};

/// Also capitals, marks and letters without case.
std::string random_text(plain_bpe::RandomText& random) {
  static const Pieces parts{"A",  "B",  "\u0301", "\u4e2d", "\u02b0",  "\u01c5", "z",
                            "/",  "'T", "'Re",    "'lL",    "'\u017f", "1",      "22",
                            "\n", "\r", " ",      "\u00e9", "\u2160"};
  std::string text;
  for (std::size_t i = random.below(10); i > 0; --i) {
    text += random.below(2) == 0 ? random.part() : parts[random.below(parts.size())];
  }
  return text;
}

}  // namespace

TEST_CASE("texts are split as the patterns of their families split them") {
  using enum SplitPattern;
  CHECK(pieces_of(llama3, "It'S 12345 days\n\n  I'll.\r\n x") ==
        Pieces{"It", "'S", " ", "123", "45", " days", "\n\n", " ", " I", "'ll", ".\r\n", " x"});
  CHECK(pieces_of(qwen2, "a 123 (b)") == Pieces{"a", " ", "1", "2", "3", " (", "b", ")"});
  CHECK(pieces_of(smollm, "a  12 b's") == Pieces{"a", "  ", "1", "2", " b", "'s"});
  CHECK(pieces_of(gpt2, "a  12 b's") == Pieces{"a", " ", " 12", " b", "'s"});
  CHECK(pieces_of(tekken, "CamelCase HTTPServer 12 a's !/\n/") ==
        Pieces{"Camel", "Case", " HTTPServer", " ", "1", "2", " a", "'s", " !/\n/"});
  CHECK(pieces_of(tekken, "\u0301AB \u4e2d") == Pieces{"\u0301", "AB", " \u4e2d"});
  CHECK(pieces_of(llama3, "\tword \t\tword   ") == Pieces{"\tword", " \t", "\tword", "   "});
}

TEST_CASE("texts of all kinds are split as a plain search for the patterns splits them") {
  plain_bpe::RandomText random(11);
  for (const SplitPattern pattern : patterns) {
    for (int i = 0; i < 3000; ++i) {
      const std::string text = random_text(random);
      INFO(split_pattern_names[static_cast<std::size_t>(pattern)], ": ", printable(text, 400));
      CHECK(pieces_of(pattern, text) == plainly(pattern, text));
    }
  }
}

TEST_CASE("front and rest of a text may be split apart where it is cut, whatever follows") {
  plain_bpe::RandomText random(12);
  for (const SplitPattern pattern : patterns) {
    int cuts = 0;
    for (int i = 0; i < 3000; ++i) {
      const std::string text = random_text(random);
      const std::size_t cut = split_last_cut(pattern, text, i % 2 == 0);
      INFO(split_pattern_names[static_cast<std::size_t>(pattern)], ": ", printable(text, 400), ", ",
           cut);
      if (cut == 0) continue;
      ++cuts;
      REQUIRE(cut < text.size());
      for (const std::string& more : {std::string(), random_text(random)}) {
        Pieces apart = pieces_of(pattern, text.substr(0, cut));
        for (std::string& piece : pieces_of(pattern, text.substr(cut) + more)) {
          apart.push_back(std::move(piece));
        }
        CHECK(apart == pieces_of(pattern, text + more));
      }
    }
    CHECK(cuts > 1000);
  }
}

TEST_CASE("long runs take time that grows with their length only") {
  for (const SplitPattern pattern : patterns) {
    for (const char* unit : {"a", "A", " ", "\n ", "1", "!", "\u0301", "\u4e2d", "\u4e2dA", "'"}) {
      std::string text;
      while (text.size() < 300'000) text += unit;
      std::size_t bytes = 0;
      for (const std::string& piece : pieces_of(pattern, text)) bytes += piece.size();
      CHECK(bytes == text.size());
    }
  }
}
