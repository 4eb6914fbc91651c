// SPDX-License-Identifier: MIT
#include <set>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/tokenizers/piece_cache.hpp>

using namespace octavo;
using octavo::detail::PieceCache;
using octavo::detail::ShortKey;

TEST_CASE("a key is the bytes of its piece alone, wherever the piece lies and whatever follows") {
  const std::string piece = "0123456789abcdef";
  for (std::size_t size = 1; size <= ShortKey::most; ++size) {
    const std::string own = piece.substr(0, size);
    const ShortKey key(own, 0, size);
    const std::string followed = "xx" + own + "something else that is long";
    CHECK(ShortKey(followed, 2, size) == key);
    CHECK(ShortKey(followed, 2, size).hash() == key.hash());
    const std::string at_end = "x" + own;
    CHECK(ShortKey(at_end, 1, size) == key);
    std::string other = own;
    other.back() = '!';
    CHECK_FALSE(ShortKey(other, 0, size) == key);
    if (size > 1) CHECK_FALSE(ShortKey(own, 0, size - 1) == key);
  }
  const std::string zeros(3, '\0');
  CHECK_FALSE(ShortKey(zeros, 0, 1) == ShortKey(zeros, 0, 2));
}

TEST_CASE("a piece is known once it has been entered, until another takes its place") {
  PieceCache cache;
  std::set<std::string> entered;
  int known_pieces = 0, lost = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3000; ++i) {
      const std::string piece = "piece " + std::to_string(i);
      const ShortKey key(piece, 0, piece.size());
      bool known = true;
      PieceCache::Entry& entry = cache.at(key, known);
      if (known) {
        CHECK(entered.contains(piece));
        CHECK(entry.first == static_cast<std::size_t>(i));
        ++known_pieces;
        continue;
      }
      lost += round;
      entry = {key.words, key.size, 1, static_cast<std::size_t>(i)};
      entered.insert(piece);
      CHECK(&cache.at(key, known) == &entry);
      CHECK(known);
    }
  }
  CHECK(known_pieces > 300);
  CHECK(known_pieces + lost == 3000);
}
