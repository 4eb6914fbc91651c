// SPDX-License-Identifier: MIT
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/key_value_cache.hpp>

using namespace octavo;

static_assert(KeyValueCache<float>::elements(7, 3) == 42);
static_assert(KeyValueCaches<float>::elements(2, 4, 7, 3) == 2 * 4 * 42);

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
  constexpr Index sequences = 2, layers = 3, length = 4, width = 5;
  constexpr Index count = KeyValueCaches<double>::elements(sequences, layers, length, width);
  std::vector<double> memory(static_cast<std::size_t>(count));
  const KeyValueCaches<double> caches(memory.data(), layers, length, width);
  for (Index sequence = 0; sequence < sequences; ++sequence) {
    for (Index layer = 0; layer < layers; ++layer) {
      const KeyValueCache<double> cache = caches.of(sequence, layer);
      for (const MatrixView<double> part : {cache.keys(), cache.values()}) {
        for (Index i = 0; i < length; ++i) {
          for (Index j = 0; j < width; ++j) part(i, j) += 1;
        }
      }
    }
  }
  CHECK(std::set<double>(memory.begin(), memory.end()) == std::set<double>{1});
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
