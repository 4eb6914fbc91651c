// SPDX-License-Identifier: MIT
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/convolution_cache.hpp>

using namespace octavo;

TEST_CASE("every convolution of every sequence has rows of its own, and no number is left over") {
  const ConvolutionLayout layout{.layers = 3, .places = 2, .rows = 4, .width = 5};
  std::vector<float> memory(static_cast<std::size_t>(layout.elements(7)));
  const ConvolutionCaches<float> caches(memory.data(), layout);
  std::set<float*> seen;
  for (Index sequence = 0; sequence < 7; ++sequence) {
    for (Index layer = 0; layer < 3; ++layer) {
      for (const Index place : {0, 1}) {
        const MatrixView<float> rows = caches.of(sequence, layer, place);
        CHECK(rows.rows == 4);
        CHECK(rows.columns == 5);
        for (Index i = 0; i < 4; ++i) {
          for (Index j = 0; j < 5; ++j) seen.insert(rows.row(i) + j);
        }
      }
    }
  }
  CHECK(seen.size() == memory.size());
  CHECK(*seen.begin() == memory.data());
  CHECK(*seen.rbegin() == memory.data() + memory.size() - 1);
}

TEST_CASE("sizes of convolution caches that overflow are refused") {
  const ConvolutionLayout huge{.layers = 1 << 20, .places = 2, .rows = 7, .width = 1 << 30};
  CHECK_THROWS_AS((void)huge.elements(1 << 20), ConfigError);
}
