// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/tokenizers/alphabet_finder.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

namespace {

template <Tokenizer K>
std::string round_trip(const K& tokenizer, std::string_view text) {
  std::vector<Token> tokens(text.size());
  tokens.resize(tokenizer.encode(text, tokens));
  std::string back;
  for (const Token token : tokens) back += tokenizer.decode(token);
  return back;
}

}  // namespace

TEST_CASE("an alphabet that comes in pieces is that of the whole") {
  std::string all;
  for (int byte = 255; byte >= 0; byte -= 3) all += static_cast<char>(byte);
  AlphabetFinder finder;
  for (const char symbol : all) finder.add({&symbol, 1});
  CHECK(CharacterTokenizer(finder.alphabet()) == CharacterTokenizer::from_text(all));
  CHECK(finder.alphabet().size() == 86);
  CHECK(AlphabetFinder().alphabet().empty());
}

TEST_CASE("an alphabet has the most frequent characters, of more than there is room for") {
  std::string text;
  const std::size_t all = AlphabetFinder::most_characters + 100;
  for (std::uint32_t code = 0; code < all; ++code) append_utf8(text, 0x3400 + code);
  const std::size_t once = text.size();
  for (std::uint32_t code = 50; code < 150; ++code) append_utf8(text, 0x3400 + code);
  AlphabetFinder finder;
  for (std::size_t at = 0; at < text.size(); at += 1000) {  // cuts characters
    finder.add(std::string_view(text).substr(at, 1000));
  }
  CHECK(finder.left_out() == 100);
  CHECK(finder.memory_bytes() < 250'000);
  const CharacterTokenizer tokenizer(finder.alphabet(), UnknownToken::excluded);
  CHECK(tokenizer.characters().size() == 3 * AlphabetFinder::most_characters);
  CHECK(tokenizer == CharacterTokenizer::from_text(text, UnknownToken::excluded));
  CHECK(round_trip(tokenizer, text) == text);
  CHECK(tokenizer.encode(text.substr(3 * 50, 3)).size() == 1);
  CHECK(tokenizer.encode(text.substr(once - 3 * 101, 3)).size() == 1);
  CHECK(tokenizer.encode(text.substr(once - 3 * 100, 3)).size() > 1);
}
