// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/tensor/line_groups.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;

TEST_CASE("the words of sixteen lines lie side by side, after their scales") {
  std::vector<std::byte> line(34), groups(2 * 16 * 34);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<std::byte>(i + 1);
  place_in_group(StoredType::q8_0, 32, 18, line, groups);  // lane 2 of the second group
  const std::byte* const group = groups.data() + 16 * 34;
  CHECK(static_cast<int>(group[4]) == 1);
  CHECK(static_cast<int>(group[5]) == 2);
  CHECK(static_cast<int>(group[32 + 8]) == 3);             // the first word
  CHECK(static_cast<int>(group[32 + 7 * 64 + 11]) == 34);  // the last byte of the last one
  CHECK(std::count(groups.begin(), groups.end(), std::byte{0}) == 2 * 16 * 34 - 34);
}

TEST_CASE("a line of an odd number of numbers ends with zero") {
  std::vector<std::byte> line(6, std::byte{9}), groups(2 * 64);
  place_in_group(StoredType::bf16, 3, 0, line, groups);
  CHECK(groups[64] == std::byte{9});
  CHECK(groups[65] == std::byte{9});
  CHECK(groups[66] == std::byte{0});
}
