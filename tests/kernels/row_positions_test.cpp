// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/kernels/row_positions.hpp>

using octavo::RowPositions;

TEST_CASE("rows stand in their sequences, or in their documents") {
  constexpr RowPositions whole(4);
  static_assert(whole[0] == 0 && whole[3] == 3 && whole[5] == 1);
  CHECK(whole.reaches(1, 2, 8));
  CHECK_FALSE(whole.reaches(1, 3, 8));
  constexpr std::array<std::int32_t, 8> given{0, 1, 0, 1, 0, 1, 2, 0};
  const RowPositions divided(4, given.data());
  CHECK(divided[3] == 1);
  CHECK(divided.reaches(0, 1, 8));
  CHECK_FALSE(divided.reaches(0, 2, 8));
  CHECK_FALSE(divided.reaches(3, 1, 8));
  CHECK(divided.reaches(4, 2, 8));
  CHECK_FALSE(divided.reaches(4, 3, 8));
  CHECK_FALSE(divided.reaches(7, 1, 8));
}
