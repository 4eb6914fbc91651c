// SPDX-License-Identifier: MIT
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/packed_data.hpp>

using namespace octavo;

TEST_CASE("packed rows come back as they were, with the positions of their documents") {
  PackedData data(300, 6);
  CHECK(data.empty());
  CHECK(data.rows() == 0);
  data.add({{{1, 2, 3, 4, 5, 6}, {-1, 3, -7, 5, 299, 0}}, {0, 4}});
  data.add({{{9, 8, 7, 0, 0, 0}, {8, 7, 6, -1, -1, -1}}, {0}});
  CHECK(data.rows() == 2);
  CHECK(data.positions() == 12);
  CHECK(data.documents() == 3);
  CHECK(data.counted() == 7);
  CHECK(data.bytes() == 12 * 2 + 12 * 2 + 3 * 8);
  std::vector<Token> inputs(6), targets(6);
  std::vector<std::int32_t> positions(6);
  data.copy(0, inputs, targets, positions);
  CHECK(inputs == std::vector<Token>{1, 2, 3, 4, 5, 6});
  CHECK(targets == std::vector<Token>{-1, 3, -1, 5, 299, 0});
  CHECK(positions == std::vector<std::int32_t>{0, 1, 2, 3, 0, 1});
  data.copy(1, inputs, targets, positions);
  CHECK(inputs == std::vector<Token>{9, 8, 7, 0, 0, 0});
  CHECK(targets == std::vector<Token>{8, 7, 6, -1, -1, -1});
  CHECK(positions == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5});
  data.copy(0, inputs, targets, {});
  CHECK(targets[3] == 5);
  CHECK_THROWS_WITH_AS(data.add({{{1}, {2}}, {0}}),
                       "packed data: positions of a row: got 1, expected 6", ConfigError);
  CHECK_THROWS_AS(data.add({{{1, 2, 3, 4, 5, 300}, {1, 2, 3, 4, 5, 6}}, {0}}), DataError);
}
