// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/key_value_cache.hpp>

using namespace octavo;

static_assert(KeyValueCache<float>::elements(7, 3) == 42);
static_assert(KeyValueCaches<float>::elements(2, 4, 7, 3) == 2 * 4 * 42);

// A window and a block of whole tiles, or every position if that is not more.
static_assert(CacheLayout::of(128, 0).rows == 128);
static_assert(CacheLayout::of(128, 1).rows == 32);
static_assert(CacheLayout::of(128, 16).rows == 15 + 32);
static_assert(CacheLayout::of(128, 96).rows == 127);
static_assert(CacheLayout::of(128, 97).rows == 128 && CacheLayout::of(128, 97).block == 0);
static_assert(CacheLayout::of(128, 1'000'000'000).block == 0);
static_assert(CacheLayout::of(8192, 256).rows == 255 + 32);
static_assert(CacheLayout::of(8192, 257).rows == 256 + 64);
static_assert(CacheLayout::of(8192, 4096).rows == 4095 + 512);
static_assert(KeyValueCaches<float>::elements(3, 7, 128, 5, {.window = 16, .window_pattern = 6}) ==
              3 * 2 * (6 * 47 + 128) * 5);

TEST_CASE("keys and values are two matrices, one after the other") {
  std::vector<float> memory(42);
  const KeyValueCache<float> cache(memory.data(), {7}, 3);
  CHECK(cache.keys().data == memory.data());
  CHECK(cache.keys().rows == 7);
  CHECK(cache.keys().columns == 3);
  CHECK(cache.values().data == memory.data() + 21);
  CHECK(cache.values().rows == 7);
}

TEST_CASE("no two caches share a number, and all of them together are the memory") {
  constexpr Index sequences = 2, layers = 5, length = 40, width = 5;
  for (const AttentionConfig& attention : {AttentionConfig{},
                                           {.window = 7},
                                           {.window = 7, .window_pattern = 2},
                                           {.window = 7, .window_pattern = 1},
                                           {.window_pattern = 2},
                                           {.window = 30}}) {
    const Index count =
        KeyValueCaches<double>::elements(sequences, layers, length, width, attention);
    std::vector<double> memory(static_cast<std::size_t>(count));
    const KeyValueCaches<double> caches(memory.data(), layers, length, width, attention);
    for (Index sequence = 0; sequence < sequences; ++sequence) {
      for (Index layer = 0; layer < layers; ++layer) {
        const KeyValueCache<double> cache = caches.of(sequence, layer);
        CHECK(cache.layout().rows ==
              (attention.is_local(layer) && attention.window == 7 ? 38 : 40));
        for (const MatrixView<double> part : {cache.keys(), cache.values()}) {
          for (Index i = 0; i < part.rows; ++i) {
            for (Index j = 0; j < width; ++j) part(i, j) += 1;
          }
        }
      }
    }
    CHECK(std::set<double>(memory.begin(), memory.end()) == std::set<double>{1});
  }
}

TEST_CASE(
    "before a query lie the positions of its window, in order, whatever was read and dropped") {
  constexpr Index width = 3;
  for (const Index window : {1, 2, 5, 33, 60}) {
    const CacheLayout layout = CacheLayout::of(100, window);
    REQUIRE(layout.rows == window - 1 + 32);
    std::vector<float> memory(static_cast<std::size_t>(2 * layout.rows * width), -1);
    const KeyValueCache<float> cache(memory.data(), layout, width);
    Index past = 0, dropped = 0, begun = 0;
    const auto store = [&](const CachedRows& piece) {
      const Index row = layout.row_of(piece);
      const bool begins = piece.position() % 32 == 0;
      bool moved = false;
      for (Index i = 0; i < 2; ++i) moved = cache.make_room(Worker(i, 2, nullptr), piece);
      CHECK(moved == (begins && past > 0 && window > 1));
      begun += begins;
      REQUIRE(row + piece.rows <= layout.rows);
      for (Index i = 0; i < piece.rows; ++i) {
        for (Index j = 0; j < width; ++j) {
          cache.keys()(row + i, j) = static_cast<float>(piece.position() + i);
          cache.values()(row + i, j) = static_cast<float>(piece.position() + i) + 0.5F;
        }
      }
      const Index before = layout.past_of(piece);
      CHECK(before <= piece.past);
      CHECK(before >= std::min(piece.past, window - 1));
      for (Index i = -before; i < piece.rows; ++i) {
        for (Index j = 0; j < width; ++j) {
          CHECK(cache.keys()(row + i, j) == static_cast<float>(piece.position() + i));
          CHECK(cache.values()(row + i, j) == static_cast<float>(piece.position() + i) + 0.5F);
        }
      }
    };
    for (const Index rows : {1, 1, 40, 31, 27, 1, 64, 1, 32, 3, 100, 1, 33, 1}) {
      if (past + rows > 100) {  // slides
        const Index kept = std::min<Index>(past, 100 - rows);
        dropped += past - kept;
        past = kept;
      }
      const CachedRows part{0, past, rows, dropped};
      Index stored = 0;
      for (Index i = 0; i < layout.pieces(part); ++i) {
        const CachedRows piece = layout.piece(part, i);
        CHECK(piece.rows > 0);
        CHECK(piece.past == past);
        CHECK(piece.dropped == dropped);
        store(piece);
        stored += piece.rows;
        past += piece.rows;
      }
      CHECK(stored == rows);
      CHECK(layout.piece(part, layout.pieces(part)).rows == 0);
    }
    CHECK(begun == 11);
  }
}

TEST_CASE("the caches of a sequence lie together, layer by layer") {
  std::vector<double> memory(
      static_cast<std::size_t>(KeyValueCaches<double>::elements(2, 3, 4, 5)));
  const KeyValueCaches<double> caches(memory.data(), 3, 4, 5);
  const auto at = [&](Index sequence, Index layer) {
    return caches.of(sequence, layer).keys().data - memory.data();
  };
  CHECK(at(0, 0) == 0);
  CHECK(at(0, 1) == 40);
  CHECK(at(1, 0) == 120);
}
