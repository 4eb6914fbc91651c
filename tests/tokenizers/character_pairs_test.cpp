// SPDX-License-Identifier: MIT
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/tokenizers/character_pairs.hpp>

using namespace octavo::detail;

TEST_CASE("the pairs of neighbours within the texts are known, and no others") {
  CharacterPairs pairs;
  for (const char* text : {"abc", "x", "", "\u2581the", "a\u00e9", "\u4e2d\u6587\u4e2d"})
    pairs.add(text);
  pairs.finish();
  CHECK(pairs.contains('a', 'b'));
  CHECK(pairs.contains('b', 'c'));
  CHECK(!pairs.contains('b', 'a'));
  CHECK(!pairs.contains('a', 'c'));
  CHECK(pairs.contains(' ', 't'));
  CHECK(pairs.contains('a', 0xe9));
  CHECK(!pairs.contains(0xe9, 'a'));
  CHECK(pairs.contains(0x4e2d, 0x6587));
  CHECK(!pairs.contains(0x4e2d, 0x4e2d));
  CHECK(!pairs.contains(0x1100ff, 'a'));
}

TEST_CASE("characters are code points, spaces or single bytes") {
  const std::string_view text = "a\xe2\x96\x81\xff\xf0\x9f\x98\x80\xe2\x96";
  const auto is = [&](std::size_t at, std::uint32_t code, std::uint32_t size) {
    const PieceCharacter found = piece_character(text, at);
    return found.code == code && found.size == size;
  };
  CHECK(is(0, 'a', 1));
  CHECK(is(1, ' ', 3));
  CHECK(is(4, 0x1100ff, 1));
  CHECK(is(5, 0x1f600, 4));
  CHECK(is(9, 0x1100e2, 1));
}
