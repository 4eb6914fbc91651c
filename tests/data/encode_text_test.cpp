// SPDX-License-Identifier: MIT
// Texts encoded in pieces: the tokens are those of the whole.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/encode_text.hpp>
#include <octavo/data/text_files.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

/// Pairs of digits are one token, 100 + their number; other bytes are themselves.
struct PairTokenizer {
  Index vocabulary_size() const { return 300; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::size_t encode(std::string_view text, std::span<Token> out) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i + 1 < text.size() && is_digit(text[i]) && is_digit(text[i + 1])) {
        out[count++] = 200 + 10 * (text[i] - '0') + (text[i + 1] - '0');
        ++i;
      } else {
        out[count++] = static_cast<unsigned char>(text[i]);
      }
    }
    return count;
  }
  /// Behind the last byte that is no digit.
  std::size_t last_cut(std::string_view text) const {
    std::size_t cut = text.size() - 1;
    while (cut > 0 && is_digit(text[cut - 1])) --cut;
    return cut;
  }
};
/// A token for each byte, after 999 where a text begins; a text stands after 998.
struct BeginningTokenizer {
  struct Frame {
    std::vector<Token> before{998};
  } around{};

  Index vocabulary_size() const { return 1000; }
  const Frame& frame() const { return around; }
  std::size_t most_tokens(std::size_t bytes) const { return bytes + 1; }
  std::size_t encode_rest(std::string_view text, std::span<Token> out) const {
    for (std::size_t i = 0; i < text.size(); ++i) out[i] = static_cast<unsigned char>(text[i]);
    return text.size();
  }
  std::size_t encode(std::string_view text, std::span<Token> out) const {
    out[0] = 999;
    return 1 + encode_rest(text, out.subspan(1));
  }
};

static_assert(CutsText<PairTokenizer>);
static_assert(!CutsText<ByteTokenizer>);
static_assert(CutsText<CharacterTokenizer>);

}  // namespace

TEST_CASE("tokens do not depend on the pieces in which a text is read") {
  const Folder folder;
  std::string text;
  for (std::int64_t i = 0; text.size() < 3 * text_piece_bytes; ++i)
    text += std::to_string(i * i * 7) + ' ';
  // A cut at the end of the first piece would part a pair.
  const auto parts_a_pair = [&] {
    std::size_t digits = 0;
    while (PairTokenizer::is_digit(text[text_piece_bytes - 1 - digits])) ++digits;
    return digits % 2 == 1 && PairTokenizer::is_digit(text[text_piece_bytes]);
  };
  while (!parts_a_pair()) text.insert(0, "x");
  const PairTokenizer tokenizer;
  std::vector<Token> expected(text.size());
  expected.resize(tokenizer.encode(text, expected));
  const std::vector<std::string> names{folder.write("text", text)};
  const TokenStore store = tokenize(tokenizer, TextFiles(names));
  REQUIRE(store.view().size() == static_cast<Index>(expected.size()));
  bool same = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    same &= store.view()[static_cast<Index>(i)] == expected[i];
  }
  CHECK(same);
  // What cannot be cut is cut all the same, in the same places however it is held.
  const std::string digits(2 * text_piece_bytes + 1, '7');
  CHECK(tokenize(tokenizer, digits).view().size() == static_cast<Index>(text_piece_bytes + 1));
}

TEST_CASE("a text of long characters that comes in pieces has the tokens of the whole") {
  std::string text = "a";  // so that pieces of 64 KiB end within characters
  while (text.size() < 3 * text_piece_bytes) text += "\u20ac\u03bc\U0001f600\xf0\x9f";
  const auto tokenizer = CharacterTokenizer::from_text(text);
  const std::vector<Token> expected = tokenizer.encode(text);
  const TokenStore store = tokenize(tokenizer, text);
  REQUIRE(store.view().size() == std::ssize(expected));
  bool same = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    same &= store.view()[static_cast<Index>(i)] == expected[i];
  }
  CHECK(same);
}

TEST_CASE("a symbol that is none is found with its place in the whole text") {
  const auto strict = CharacterTokenizer::from_text("ab", UnknownToken::excluded);
  std::string text(text_piece_bytes + 10, 'a');
  text[text_piece_bytes + 3] = '!';
  const auto offset = [&](std::string_view part) -> std::size_t {
    try {
      encode_text(strict, MemorySource("text", std::as_bytes(std::span(part))),
                  [](std::span<const Token>) {});
    } catch (const UnknownSymbol& error) {
      return error.offset();
    }
    return 0;
  };
  CHECK(offset(text) == text_piece_bytes + 3);
  CHECK(offset(std::string_view(text).substr(text_piece_bytes)) == 3);
  CHECK(offset("ab") == 0);
}

TEST_CASE("the token that ends a text follows each document, and is counted") {
  std::vector<Token> tokens;
  const std::string_view text = "ab\n\nc";
  const std::size_t count = encode_documents(
      ByteTokenizer{}, MemorySource("text", std::as_bytes(std::span(text))),
      DocumentBorders::lines(), 300,
      [&](std::span<const Token> some) { tokens.insert(tokens.end(), some.begin(), some.end()); });
  CHECK(count == 5);
  CHECK(tokens == std::vector<Token>{'a', 'b', 300, 'c', 300});
}

TEST_CASE("a tokenizer learns where a text begins, and its tokens stand before each document") {
  const auto encoded = [](const std::string& text, const DocumentBorders& borders) {
    std::vector<Token> tokens;
    const std::size_t count =
        encode_documents(BeginningTokenizer(), MemorySource("text", std::as_bytes(std::span(text))),
                         borders, 997, [&](std::span<const Token> some) {
                           tokens.insert(tokens.end(), some.begin(), some.end());
                         });
    CHECK(count == tokens.size());
    return tokens;
  };
  CHECK(encoded("a\nb\n", DocumentBorders::lines()) ==
        std::vector<Token>{998, 999, 'a', 997, 998, 999, 'b', 997});
  const std::string text(3 * text_piece_bytes, 'x');
  const std::vector<Token> whole = encoded(text, {});
  CHECK(std::count(whole.begin(), whole.end(), 999) == 1);
  CHECK(whole.size() == text.size() + 1);
  const std::vector<Token> lines = encoded(text + "\ny", DocumentBorders::lines());
  CHECK(std::count(lines.begin(), lines.end(), 999) == 2);
  CHECK(std::count(lines.begin(), lines.end(), 998) == 2);
}
