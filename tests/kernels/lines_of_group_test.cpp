// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/lines_of_group.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;
using namespace octavo::OCTAVO_BASE_ISA::detail;

TEST_CASE("a block of neighbouring lines has the numbers of each of them") {
  for (const StoredType stored_type : every_stored_type) {
    INFO(std::string(name_of(stored_type)));
    with_grouped_type(stored_type, [](auto type) {
      using Lines = LinesOfGroup<type.value>;
      constexpr Index length = 2 * Lines::numbers;
      const RandomMatrix random(type.value, StoredLayout::grouped, 16, length);
      Index wrong = 0, numbers = 0;
      for (Index first = 0; first < length; first += Lines::numbers) {
        const std::byte* const block =
            random.matrix.data + static_cast<std::size_t>(first / Lines::numbers) * Lines::bytes;
        for (Index lane = 0; lane < 16; lane += float_lanes) {
          const Lines lines(block, static_cast<std::size_t>(lane));
          for_each_number(lines, [&](Index i, Floats number) {
            for (Index j = 0; j < float_lanes; ++j, ++numbers) {
              const Index at = (lane + j) * length + first + i;
              wrong += number[j] != random.numbers[static_cast<std::size_t>(at)];
            }
          });
        }
      }
      CHECK(numbers == 16 * length);
      CHECK(wrong == 0);
    });
  }
}
