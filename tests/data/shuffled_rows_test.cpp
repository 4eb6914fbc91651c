// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/shuffled_rows.hpp>

using namespace octavo;

TEST_CASE("each row is drawn once in an epoch, in another order in the next and for another seed") {
  for (const Index rows : {1, 2, 3, 5, 16, 17, 100, 1000}) {
    const ShuffledRows order(rows, 1), other(rows, 2);
    std::vector<Index> all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::vector<Index>> epochs;
    for (Index epoch = 0; epoch < 3; ++epoch) {
      std::vector<Index> drawn;
      for (Index i = 0; i < rows; ++i) drawn.push_back(order(epoch * rows + i));
      epochs.push_back(drawn);
      std::sort(drawn.begin(), drawn.end());
      CHECK(drawn == all);
    }
    if (rows < 16) continue;
    CHECK(epochs[0] != epochs[1]);
    CHECK(epochs[1] != epochs[2]);
    CHECK(epochs[0] != all);
    std::vector<Index> others;
    for (Index i = 0; i < rows; ++i) others.push_back(other(i));
    CHECK(others != epochs[0]);
    Index neighbours = 0;
    for (std::size_t i = 1; i < all.size(); ++i) neighbours += epochs[0][i] == epochs[0][i - 1] + 1;
    CHECK(neighbours < rows / 4);
  }
  CHECK_THROWS_WITH_AS(ShuffledRows(0, 1), "shuffled rows: expected a row or more", ConfigError);
}
