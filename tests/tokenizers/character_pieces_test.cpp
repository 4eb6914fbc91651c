// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/tokenizers/character_pieces.hpp>

using namespace octavo;
using octavo::detail::CharacterPieces;

namespace {

/// The euro sign by way of its fronts: the token 5 is its first byte.
CharacterPieces euro() {
  CharacterPieces pieces;
  pieces.reserve(2);
  pieces.add("\xe2\x82", 5, 10);
  pieces.add("\xe2\x82\xac", 10, 11);
  return pieces;
}

}  // namespace

TEST_CASE("a character is found byte by byte, by way of its fronts") {
  const CharacterPieces pieces = euro();
  CHECK(pieces.size() == 2);
  CHECK(pieces[0] == "\xe2\x82");
  CHECK(pieces[1] == "\u20ac");
  CHECK(pieces.longer(5, '\x82') == 10);
  CHECK(pieces.longer(10, '\xac') == 11);
  CHECK(pieces.longer(5, '\xac') == CharacterPieces::none);
  CHECK(pieces.longer(11, '\x82') == CharacterPieces::none);
  CHECK(pieces.longer(6, '\x82') == CharacterPieces::none);
}

TEST_CASE("of many pieces each is found, and nothing else") {
  constexpr Token count = 3000;
  CharacterPieces pieces;
  pieces.reserve(count);
  for (Token i = 0; i < count; ++i) {
    const std::string bytes{'\xce', static_cast<char>(i % 64 - 128)};
    pieces.add(bytes, i / 64, 1000 + i);
  }
  for (Token front = 0; front <= count / 64; ++front) {
    for (int byte = -128; byte < 128; ++byte) {
      const Token i = front * 64 + byte + 128;
      const Token expected = byte < -64 && i < count ? 1000 + i : CharacterPieces::none;
      CHECK(pieces.longer(front, static_cast<char>(byte)) == expected);
    }
  }
  CHECK(pieces.memory_bytes() < 100'000);
}

TEST_CASE("pieces are equal if their bytes are") {
  CHECK(CharacterPieces().empty());
  CHECK_FALSE(euro().empty());
  CHECK(euro() == euro());
  CHECK_FALSE(euro() == CharacterPieces());
}
