// SPDX-License-Identifier: MIT
// SentencePiece's byte pairs against a search for the best pair in the whole text.
// (tests/ecosystem/tokenizers.sh and sentence_piece.py compare with the libraries.)
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/utf8.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/tokenizers/sentence_piece_tokenizer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using Tokens = std::vector<Token>;

static_assert(Tokenizer<SentencePieceTokenizer>);
static_assert(CutsText<SentencePieceTokenizer>);

namespace {

/// "<unk>", "<s>", "</s>", the bytes if wanted, single characters, then what merges make.
SentencePieceVocabulary vocabulary_of(bool bytes, const std::vector<std::string>& pieces) {
  SentencePieceVocabulary made;
  const auto add = [&](std::string token, TokenKind kind) {
    made.tokens.push_back(std::move(token));
    made.kinds.push_back(kind);
  };
  add("<unk>", TokenKind::unknown);
  add("<s>", TokenKind::control);
  add("</s>", TokenKind::control);
  for (unsigned byte = 0; bytes && byte < 256; ++byte) {
    add(byte_token_name(static_cast<unsigned char>(byte)), TokenKind::byte);
  }
  for (const std::string& piece : pieces) add(marks_of_spaces(piece), TokenKind::normal);
  return made;
}

Token number_of(const SentencePieceVocabulary& vocabulary, const std::string& piece) {
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), piece);
  return found == vocabulary.tokens.end() ? -1
                                          : static_cast<Token>(found - vocabulary.tokens.begin());
}

const std::vector<std::string> some = {
    "a",  "b",    " ",  "t",   "h",    "e",       "\u00e9",       "\u4e2d", "aa",
    "ab", " a",   "ba", "aaa", "th",   "he",      "the",          " t",     " the",
    "  ", "    ", "ea", "a a", "aaaa", "e\u00e9", "\u4e2d\u4e2d", "ab ab"};

/// Some merges of two pieces, in an order of their own.
SentencePieceVocabulary with_merges(bool bytes) {
  SentencePieceVocabulary made = vocabulary_of(bytes, some);
  for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{
           {"t", "h"},   {"a", "a"},   {" ", "a"},      {"h", "e"},           {"th", "e"},
           {" ", "t"},   {" ", "the"}, {" t", "he"},    {"a", "b"},           {" ", " "},
           {"  ", "  "}, {"aa", "a"},  {"a", "aa"},     {"b", "a"},           {"aa", "aa"},
           {"e", "a"},   {"a", " a"},  {"e", "\u00e9"}, {"\u4e2d", "\u4e2d"}, {"a", "aaa"}}) {
    made.merges.push_back(
        {number_of(made, marks_of_spaces(left)), number_of(made, marks_of_spaces(right))});
  }
  return made;
}

/// Scores, some of them equal; "x" and "y" are not tokens, but "xy" and "yx" are.
SentencePieceVocabulary with_scores(bool bytes) {
  std::vector<std::string> pieces = some;
  pieces.insert(pieces.end(), {"xy", "yx", "xyx"});
  SentencePieceVocabulary made = vocabulary_of(bytes, pieces);
  for (std::size_t i = 0; i < made.tokens.size(); ++i) {
    made.scores.push_back(-static_cast<float>(i * 7 % 13));
  }
  return made;
}

/// A vocabulary that is searched plainly.
class Plain {
 public:
  explicit Plain(const SentencePieceVocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
      numbers_[vocabulary.tokens[i]] = static_cast<Token>(i);
    }
    for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
      ranks_[{vocabulary.merges[i].left, vocabulary.merges[i].right}] = static_cast<double>(i);
    }
  }

  /// The tokens of a text without names, after a space if `prefix`.
  Tokens encode(const std::string& text, bool prefix) const {
    std::vector<std::string> symbols;
    if (prefix) symbols.emplace_back(space_mark);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = character_length(std::string_view(text).substr(at));
      symbols.push_back(marks_of_spaces(text.substr(at, size)));
      at += size;
    }
    for (;;) {
      double best = none;
      std::size_t place = 0;
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
        const double rank = rank_of(symbols[i], symbols[i + 1]);
        if (rank < best) best = rank, place = i;
      }
      if (best == none) break;
      symbols[place] += symbols[place + 1];
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(place) + 1);
    }
    Tokens tokens;
    for (const std::string& symbol : symbols) add(tokens, symbol);
    return tokens;
  }

 private:
  static constexpr double none = std::numeric_limits<double>::infinity();

  Token number(const std::string& piece) const {
    const auto found = numbers_.find(piece);
    return found == numbers_.end() ? -1 : found->second;
  }
  double rank_of(const std::string& left, const std::string& right) const {
    const Token both = number(left + right);
    if (both < 0) return none;
    if (!vocabulary_.scores.empty()) {
      return -static_cast<double>(vocabulary_.scores[static_cast<std::size_t>(both)]);
    }
    const auto found = ranks_.find({number(left), number(right)});
    return found == ranks_.end() ? none : found->second;
  }
  void add(Tokens& tokens, const std::string& symbol) const {
    if (const Token token = number(symbol); token >= 0) return tokens.push_back(token);
    if (number("<0x00>") < 0) {
      if (tokens.empty() || tokens.back() != 0) tokens.push_back(0);
      return;
    }
    for (const char byte : symbol) {
      tokens.push_back(number(byte_token_name(static_cast<unsigned char>(byte))));
    }
  }

  const SentencePieceVocabulary& vocabulary_;
  std::map<std::string, Token> numbers_;
  std::map<std::pair<Token, Token>, double> ranks_;
};

std::string random_text(plain_bpe::RandomText& random, std::size_t parts) {
  static const std::vector<std::string> own{
      "a",      "a",      "aa", "b",      " ",  "  ",  "the",  "x",        "y",         "xy",
      "\u4e2d", "\u00e9", "e",  "\u2581", "\n", "<s>", "\xff", "\xe2\x96", "\U0001f600"};
  std::string text;
  while (parts-- > 0) text += random.below(4) == 0 ? random.part() : own[random.below(own.size())];
  return text;
}

}  // namespace

TEST_CASE("texts have the tokens that a search for the best pair finds") {
  plain_bpe::RandomText random(21);
  for (const bool bytes : {true, false}) {
    for (const SentencePieceVocabulary& vocabulary : {with_merges(bytes), with_scores(bytes)}) {
      const SentencePieceTokenizer tokenizer(vocabulary);
      CHECK(tokenizer.vocabulary() == vocabulary);
      const Plain plain(vocabulary);
      for (int i = 0; i < 1000; ++i) {
        const std::string text = random_text(random, random.below(14));
        INFO(bytes, vocabulary.scores.size(), " ", printable(text, 400));
        CHECK(tokenizer.encode(text) == plain.encode(text, !text.empty()));
      }
    }
  }
}

TEST_CASE("of pairs with one score the leftmost is merged first") {
  SentencePieceVocabulary vocabulary = vocabulary_of(true, {"p", "q", "r", "s", "pq", "qr", "rs"});
  vocabulary.scores.assign(vocabulary.tokens.size(), -1);
  vocabulary.prefix = SpacePrefix::never;
  const SentencePieceTokenizer tokenizer(vocabulary);
  const auto number = [&](const char* piece) { return tokenizer.encode(piece).front(); };
  CHECK(tokenizer.encode("pqr") == Tokens{number("pq"), number("r")});
  CHECK(tokenizer.encode("qrs") == Tokens{number("qr"), number("s")});
}

TEST_CASE("a space is put where the vocabulary says") {
  SentencePieceVocabulary vocabulary = with_merges(true);
  vocabulary.tokens.push_back("<m>");
  vocabulary.kinds.push_back(TokenKind::user_defined);
  const auto encoded = [&](SpacePrefix prefix, const char* text) {
    vocabulary.prefix = prefix;
    return SentencePieceTokenizer(vocabulary).encode(text, SpecialTokens::recognized);
  };
  const Token m = number_of(vocabulary, "<m>"), a = number_of(vocabulary, "a");
  const Token space = number_of(vocabulary, "\u2581"), space_a = number_of(vocabulary,
                                                                           "\u2581"
                                                                           "a");
  const Token spaces = number_of(vocabulary, "\u2581\u2581");
  using enum SpacePrefix;
  CHECK(encoded(never, "a<m>a") == Tokens{a, m, a});
  CHECK(encoded(first, "a<m>a") == Tokens{space_a, m, a});
  CHECK(encoded(first, "<m>a") == Tokens{m, a});
  CHECK(encoded(always, "a<m>a<s>a") == Tokens{space_a, m, space_a, 1, space_a});
  CHECK(encoded(always, " a") == Tokens{space, space_a});
  CHECK(encoded(first_spared, " a<m> a") == Tokens{space_a, m, space_a});
  CHECK(encoded(always_spared, "a<m>a<m> a") == Tokens{space_a, m, space_a, m, space_a});
  CHECK(encoded(always_spared,
                "\u2581"
                "a") == Tokens{space_a});
  CHECK(encoded(first, "<m>").size() == 1);
  CHECK(encoded(first, "").empty());
  CHECK(encoded(first, " ") == Tokens{spaces});
}

TEST_CASE("names that are searched late are found in the text with its space") {
  SentencePieceVocabulary vocabulary = with_merges(true);
  vocabulary.tokens.insert(vocabulary.tokens.end(), {"the\u2581", "<s>a"});
  vocabulary.kinds.resize(vocabulary.tokens.size(), TokenKind::user_defined);
  const Token the = number_of(vocabulary, "the\u2581"), a = number_of(vocabulary, "a");
  const Token space = number_of(vocabulary, "\u2581");
  vocabulary.rules[the].late = true;
  CHECK(SentencePieceTokenizer(vocabulary).encode("the a") == Tokens{space, the, a});
  CHECK(SentencePieceTokenizer(vocabulary).encode("the<s>a").back() == the + 1);
  vocabulary.prefix = SpacePrefix::always;  // as Hugging Face normalizes the name as well
  CHECK(SentencePieceTokenizer(vocabulary).encode("the a") == Tokens{the, a});
  vocabulary.prefix = SpacePrefix::first_spared;  // there, text and name stay as they are
  CHECK(SentencePieceTokenizer(vocabulary)
            .encode("the\u2581"
                    "a") == Tokens{the, a});
}

TEST_CASE("decoding gives the text without its first space, and U+FFFD for broken bytes") {
  SentencePieceVocabulary vocabulary = with_merges(true);
  const SentencePieceTokenizer tokenizer(vocabulary);
  for (const char* text : {"", "the a", " a", "  ", "x\ny\u0301", "\U0001f600 \u4e2d"}) {
    CHECK(tokenizer.decode_text(tokenizer.encode(text)) == text);
  }
  const auto byte = [](unsigned value) { return static_cast<Token>(3 + value); };
  const Token a = number_of(vocabulary, "a");
  CHECK(tokenizer.decode_text(Tokens{byte(0xc3), byte(0xa9), a}) ==
        "\u00e9"
        "a");
  CHECK(tokenizer.decode_text(Tokens{byte('b'), byte(0xc3), a}) ==
        "\ufffd\ufffd"
        "a");
  CHECK(tokenizer.decode_text(Tokens{byte(0xc3), 1, byte(0xa9)}) == "\u00e9");
  CHECK(tokenizer.decode_text(Tokens{1, a, 2}, true) == "<s>a</s>");
  CHECK(tokenizer.decode_text(Tokens{1, a, 2}) == "a");
  CHECK(tokenizer.decode(byte(0xff)) == "\xff");
  CHECK(tokenizer.decode(number_of(vocabulary, "\u2581the")) == " the");
  const AnyTokenizer any(tokenizer);
  CHECK(any.decode_text(tokenizer.encode("the")) == "the");
  CHECK(any.encode("the\xff") == tokenizer.encode("the\xff"));
  vocabulary.strip_space = false;
  CHECK(SentencePieceTokenizer(vocabulary).decode_text(tokenizer.encode("the")) == " the");
  CHECK(tokenizer.end_token() == 2);
}

TEST_CASE("what has no token is known to be so") {
  const SentencePieceTokenizer unknown(with_merges(false)), bytes(with_merges(true));
  CHECK(unknown.first_unknown("the x") == 4);
  CHECK(unknown.first_unknown("the a") == std::string_view::npos);
  CHECK(bytes.first_unknown("the x") == std::string_view::npos);
  CHECK(unknown.encode("xx\u0301 a").size() == 3);
}

TEST_CASE("a text that is read in pieces has the tokens of the whole") {
  plain_bpe::RandomText random(22);
  for (const SpacePrefix prefix : {SpacePrefix::never, SpacePrefix::first, SpacePrefix::always,
                                   SpacePrefix::first_spared, SpacePrefix::always_spared}) {
    const bool bytes = prefix != SpacePrefix::first;
    SentencePieceVocabulary vocabulary = with_merges(bytes);
    vocabulary.prefix = prefix;
    vocabulary.tokens.insert(vocabulary.tokens.end(), {"<s>a", "\u4e2d\u4e2d\u4e2d"});
    vocabulary.kinds.resize(vocabulary.tokens.size(), TokenKind::user_defined);
    const SentencePieceTokenizer tokenizer(vocabulary);
    int cuts = 0;
    for (int i = 0; i < 4000; ++i) {
      const std::string text = random_text(random, 12);
      const std::size_t seen = text.size() - text.size() / 3;
      const std::size_t cut = tokenizer.last_cut(std::string_view(text).substr(0, seen));
      if (cut == 0) continue;
      ++cuts;
      Tokens parts = tokenizer.encode(text.substr(0, cut));
      Tokens rest(tokenizer.most_tokens(text.size()));
      rest.resize(tokenizer.encode_rest(std::string_view(text).substr(cut), rest));
      parts.insert(parts.end(), rest.begin(), rest.end());
      INFO(printable(text, 400), cut);
      CHECK(parts == tokenizer.encode(text));
    }
    CHECK(cuts > 1000);
    std::string text;
    while (text.size() < 300'000) text += random_text(random, 100) + " a";
    Tokens pieces;
    encode_text(tokenizer, MemorySource("x", std::as_bytes(std::span(text))),
                [&](std::span<const Token> some_tokens) {
                  pieces.insert(pieces.end(), some_tokens.begin(), some_tokens.end());
                });
    CHECK(pieces == tokenizer.encode(text));
    pieces.clear();  // in parts that are too short to remember words in
    for (std::string_view rest = text; !rest.empty();) {
      std::size_t cut = rest.size() < 2000 ? rest.size() : tokenizer.last_cut(rest.substr(0, 2000));
      REQUIRE(cut > 0);
      Tokens part(tokenizer.most_tokens(cut));
      const bool first = rest.data() == text.data();
      part.resize(first ? tokenizer.encode(rest.substr(0, cut), part)
                        : tokenizer.encode_rest(rest.substr(0, cut), part));
      pieces.insert(pieces.end(), part.begin(), part.end());
      rest.remove_prefix(cut);
    }
    CHECK(pieces == tokenizer.encode(text));
  }
}

TEST_CASE("long lines of one kind are encoded quickly, and words without a heap call") {
  const SentencePieceTokenizer tokenizer(with_merges(true));
  CHECK(tokenizer.encode(std::string(1'000'000, 'a')).size() < 300'000);
  CHECK(tokenizer.encode(std::string(1'000'000, ' ')).size() < 300'000);
  CHECK(tokenizer.encode(std::string(1'000'000, '{')).size() == 1'000'001);
  std::string text;
  while (text.size() < 10'000) text += "the ab aa ";
  Tokens tokens(tokenizer.most_tokens(text.size()));
  const octavo_test::HeapGuard guard;
  const std::size_t count = tokenizer.encode(text, tokens);
  CHECK(guard.allocations() == 0);
  CHECK(count > 1000);
}

TEST_CASE("vocabularies are checked") {
  const auto refused = [](const SentencePieceVocabulary& vocabulary, const char* message) {
    CHECK_THROWS_WITH_AS(SentencePieceTokenizer{vocabulary}, message, ConfigError);
  };
  const SentencePieceVocabulary good = with_merges(true);
  SentencePieceVocabulary bad = good;
  bad.kinds.pop_back();
  refused(bad, "vocabulary: expected at most 2^19 tokens, each with a kind, and 2^20 merges");
  bad = good;
  bad.tokens[300 - 20] = "a";
  refused(bad, "vocabulary: token 280, 'a', occurs twice");
  bad = good;
  bad.tokens[1] = "";
  refused(bad, "vocabulary: token 1 has 0 bytes, expected 1 to 512");
  bad = good;
  bad.tokens[3] = "<0x1>";
  refused(bad, "vocabulary: token 3, '<0x1>', is of a byte, expected '<0x00>'");
  bad.kinds[3] = TokenKind::normal;
  refused(bad, "vocabulary: 255 bytes have tokens, expected 256 or none");
  bad = good;
  bad.tokens.back() = "a b";
  refused(bad, "vocabulary: token 284, 'a b', has a space, or is not UTF-8");
  bad.tokens.back() = "a\xff";
  refused(bad, "vocabulary: token 284, 'a\\xff', has a space, or is not UTF-8");
  bad = good;
  bad.merges.push_back(bad.merges.front());
  refused(bad, "merges: merge 20, which makes 'th', occurs twice");
  bad.merges.back() = {1, 300};
  refused(bad, "merges: merge 20: token 1 is not a normal token");
  bad.merges.back() = {number_of(good, "b"), number_of(good, "b")};
  refused(bad, "merges: merge 20 makes 'bb', which is not a token");
  bad = with_scores(true);
  bad.scores.pop_back();
  refused(bad, "vocabulary: expected a score for each token and no merges, or no scores");
  bad.scores.push_back(std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_AS(SentencePieceTokenizer{bad}, ConfigError);
  bad = with_merges(false);
  bad.kinds[0] = TokenKind::control;
  refused(bad, "vocabulary: neither do the bytes have tokens, nor is there an unknown token");
  bad = good;
  bad.rules[number_of(good, "a")].late = true;
  refused(bad, "vocabulary: a name rule is empty, or its token has no name");
  SentencePieceTokenizer left(good);
  const SentencePieceTokenizer taken = std::move(left);
  CHECK(taken.encode("a").size() == 1);
  CHECK_THROWS_AS(taken.decode(1000), ConfigError);
}
