// SPDX-License-Identifier: MIT
// Byte-pair encoding as the papers have it, slow and plain, for comparison: the splitting tries one
// alternative of GPT-2's pattern after the other, the merging follows GPT-2's encoder.py, the
// training counts everything anew for each merge.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/tokenizers/bpe_vocabulary.hpp>
#include <octavo/tokenizers/unicode_classes.hpp>

namespace plain_bpe {

using octavo::CharacterClass;
using octavo::Token;
using Words = std::vector<std::string>;

struct Symbol {
  std::string bytes;
  CharacterClass kind;
};

/// The bytes of one code point.
inline std::string utf8(std::uint32_t code) {
  std::string bytes;
  const auto add = [&](std::uint32_t byte) {
    bytes += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 63));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 63));
    add(0x80 | (code & 63));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 63));
    add(0x80 | (code >> 6 & 63));
    add(0x80 | (code & 63));
  }
  return bytes;
}

/// Characters are found by writing each code point that a front might be, and comparing.
inline std::vector<Symbol> symbols_of(std::string_view text) {
  std::vector<Symbol> symbols;
  while (!text.empty()) {
    Symbol symbol{std::string(text.substr(0, 1)), CharacterClass::other};
    const std::uint32_t lead = static_cast<unsigned char>(text[0]);
    if (lead < 128) symbol.kind = octavo::class_of_code(lead);
    for (std::size_t size = 2; size <= 4 && size <= text.size(); ++size) {
      std::uint32_t code = lead & (size == 2 ? 31u : size == 3 ? 15u : 7u);
      for (std::size_t i = 1; i < size; ++i) {
        code = code * 64 + (static_cast<unsigned char>(text[i]) & 63u);
      }
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) continue;
      if (utf8(code) == text.substr(0, size)) {
        symbol = {utf8(code), octavo::class_of_code(code)};
      }
    }
    text.remove_prefix(symbol.bytes.size());
    symbols.push_back(symbol);
  }
  return symbols;
}

inline Words split(std::string_view text) {
  const std::vector<Symbol> symbols = symbols_of(text);
  const auto is = [&](std::size_t at, const std::string& bytes) {
    return at < symbols.size() && symbols[at].bytes == bytes;
  };
  const auto run = [&](std::size_t at, CharacterClass kind) {
    std::size_t count = 0;
    while (at + count < symbols.size() && symbols[at + count].kind == kind) ++count;
    return count;
  };
  const auto matched = [&](std::size_t at) -> std::size_t {
    for (const std::string word : {"s", "t", "re", "ve", "m", "ll", "d"}) {
      bool equal = is(at, "'");
      for (std::size_t i = 0; i < word.size(); ++i) equal = equal && is(at + 1 + i, {word[i]});
      if (equal) return 1 + word.size();
    }
    for (const auto kind :
         {CharacterClass::letter, CharacterClass::number, CharacterClass::other}) {
      const std::size_t space = is(at, " ") ? 1 : 0;
      if (const std::size_t count = run(at + space, kind)) return space + count;
    }
    const std::size_t spaces = run(at, CharacterClass::space);
    for (std::size_t count = spaces; count > 0; --count) {  // \s+(?!\S)
      const std::size_t next = at + count;
      if (next == symbols.size() || symbols[next].kind == CharacterClass::space) return count;
    }
    return spaces;
  };
  Words pieces;
  for (std::size_t at = 0; at < symbols.size();) {
    std::string& piece = pieces.emplace_back();
    for (std::size_t end = at + matched(at); at < end; ++at) piece += symbols[at].bytes;
  }
  return pieces;
}

/// One round of GPT-2's bpe(): every place of that pair, from the left.
inline Words joined(const Words& word, const std::string& first, const std::string& second) {
  Words result;
  for (std::size_t i = 0; i < word.size();) {
    if (i + 1 < word.size() && word[i] == first && word[i + 1] == second) {
      result.push_back(first + second);
      i += 2;
    } else {
      result.push_back(word[i++]);
    }
  }
  return result;
}

inline Words bytes_of(const std::string& piece) {
  Words word;
  for (const char byte : piece) word.emplace_back(1, byte);
  return word;
}

inline Words merged(const std::string& piece,
                    const std::vector<std::pair<std::string, std::string>>& merges) {
  Words word = bytes_of(piece);
  for (;;) {
    std::size_t best = merges.size();
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = std::find(merges.begin(), merges.end(), std::pair(word[i], word[i + 1]));
      best = std::min(best, static_cast<std::size_t>(found - merges.begin()));
    }
    if (best == merges.size()) return word;
    word = joined(word, merges[best].first, merges[best].second);
  }
}

inline std::vector<Token> encode(const octavo::BpeVocabulary& vocabulary, std::string_view text) {
  std::map<std::string, Token> numbers;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.kinds[i] != octavo::TokenKind::normal) continue;
    numbers[vocabulary.tokens[i]] = static_cast<Token>(i);
  }
  std::vector<std::pair<std::string, std::string>> merges;
  for (const auto& [left, right] : vocabulary.merges) {
    merges.emplace_back(vocabulary.tokens[static_cast<std::size_t>(left)],
                        vocabulary.tokens[static_cast<std::size_t>(right)]);
  }
  std::vector<Token> tokens;
  for (const std::string& piece : split(text)) {
    for (const std::string& part : merged(piece, merges)) tokens.push_back(numbers.at(part));
  }
  return tokens;
}

/// The pairs that training takes, as bytes, and how many tokens there are then.
inline std::vector<std::pair<std::string, std::string>> train(std::string_view text,
                                                              std::size_t vocabulary) {
  std::map<std::string, Token> numbers;
  for (const std::string& token : octavo::byte_vocabulary().tokens) {
    numbers.emplace(token, static_cast<Token>(numbers.size()));
  }
  std::vector<Words> words;
  for (const std::string& piece : split(text)) words.push_back(bytes_of(piece));
  std::vector<std::pair<std::string, std::string>> merges;
  while (numbers.size() < vocabulary) {
    std::map<std::pair<Token, Token>, std::pair<int, std::pair<std::string, std::string>>> counts;
    for (const Words& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        auto& entry = counts[{numbers.at(word[i]), numbers.at(word[i + 1])}];
        ++entry.first;
        entry.second = {word[i], word[i + 1]};
      }
    }
    int most = 1;
    std::pair<std::string, std::string> best;
    for (const auto& [numbers_of_pair, entry] : counts) {  // in the order of the numbers
      const auto& [times, pair] = entry;
      const bool taken = std::find(merges.begin(), merges.end(), pair) != merges.end();
      if (times <= most || taken) continue;
      if (pair.first.size() + pair.second.size() > octavo::BpeVocabulary::longest_token) continue;
      most = times;
      best = pair;
    }
    if (most == 1) break;
    merges.push_back(best);
    numbers.emplace(best.first + best.second, static_cast<Token>(numbers.size()));
    for (Words& word : words) word = joined(word, best.first, best.second);
  }
  return merges;
}

/// Text of all kinds: words, spaces, quotes, numbers, every plane of Unicode, broken UTF-8.
class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string text(std::size_t parts) {
    std::string result;
    for (std::size_t i = 0; i < parts; ++i) result += part();
    return result;
  }

  std::string part() {
    static const Words parts{" ",    " ",    "\n",   "  ",   "\t",  "\r\n", "'",    "'s",   "'t",
                             "'re",  "'ve",  "'m",   "'ll",  "'d",  "'S",   "the",  " the", "and",
                             " to",  "a",    "b",    "aa",   "ab",  "ba",   "1",    "23",   " 4",
                             "!",    "...",  " -",   "=",    "",    "\xc3", "\xa9", "\xe2", "\x80",
                             "\xff", "\xf0", "\xc2", "\xed", "\xa0"};
    static constexpr std::uint32_t codes[] = {
        0,      0x1c,   0x85,   0xa0,    0xad,    0xaa,    0xb2,    0xe9,    0x1680,  0x180e,
        0x2003, 0x2028, 0x200b, 0x202f,  0x205f,  0x3000,  0x4e2d,  0x660,   0x2167,  0xd7ff,
        0xe000, 0xfeff, 0xffff, 0x10000, 0x1f600, 0x1d7ce, 0x20000, 0x30000, 0xe0001, 0x10ffff};
    switch (below(8)) {
      case 0:
        return utf8(codes[below(std::size(codes))]);
      case 1: {
        auto code = static_cast<std::uint32_t>(below(0x110000 - 0x800));
        if (code >= 0xd800) code += 0x800;
        return utf8(code);
      }
      default:
        return parts[below(parts.size())];
    }
  }

 private:
  std::mt19937 random_;
};

}  // namespace plain_bpe
