// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/lines_to_group.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;
using namespace octavo::OCTAVO_BASE_ISA::detail;

TEST_CASE("pieces of lines of a file become the blocks that place_in_group makes") {
  for (const StoredType stored_type : every_stored_type) {
    for (const Index pairs : {0, 8, 32}) {
      with_grouped_type(stored_type, [&](auto type) {
        constexpr bool numbers = block_of(type.value) == 1;
        const Index length = numbers ? 27 : 512, first = numbers ? 4 : 256;
        const RandomMatrix file(type.value, StoredLayout::lines, 32, length, pairs);
        const RandomMatrix groups(type.value, StoredLayout::grouped, 32, length);
        const std::size_t group_bytes = octavo::detail::group_bytes(type.value, length);
        std::vector<std::byte> piece(octavo::detail::group_bytes(type.value, length - first));
        for (Index lane = 0; lane < 16; lane += float_lanes) {
          const FileLines lines(file.matrix, 16 + lane);
          put_lines_in_group<type.value>(lines, first, length - first, piece.data(),
                                         static_cast<std::size_t>(lane));
        }
        const auto expected = std::span(groups.bytes).subspan(2 * group_bytes - piece.size());
        INFO(std::string(name_of(type.value)), ", pairs ", pairs);
        CHECK(std::equal(piece.begin(), piece.end(), expected.begin()));
      });
    }
  }
}

TEST_CASE("lines after the last one repeat it") {
  const RandomMatrix file(StoredType::q8_0, StoredLayout::lines, 18, 32);
  const FileLines lines(file.matrix, 16);
  CHECK(lines.begin[0] == file.bytes.data() + 16 * 34);
  for (std::size_t i = 1; i < array_size(float_lanes); ++i) {
    CHECK(lines.begin[i] == file.bytes.data() + 17 * 34);
  }
  CHECK(lines.step == 0);
}
