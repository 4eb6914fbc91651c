// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/stored_blocks.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;
using namespace octavo::OCTAVO_BASE_ISA::detail;

TEST_CASE_TEMPLATE("a panel holds its part of a stored matrix", T, float, double) {
  for_each_stored_type([](StoredType type, StoredLayout layout) {
    const RandomMatrix random(type, layout, 70, 512);
    constexpr Index width = OCTAVO_BASE_ISA::simd::width<T>;
    for (const bool outputs : {true, false}) {
      for (const Index columns : {width, 2 * width - 3}) {
        const Index depth = outputs ? 256 : 19, panel_row = 2 * width;
        const Index first_k = outputs ? 256 : 3, first_j = outputs ? 16 : 256 + 16;
        std::vector<T> panel(static_cast<std::size_t>(depth * panel_row), T{77});
        const auto unpack = outputs ? unpack_outputs<T> : unpack_inputs<T>;
        unpack(random.matrix, first_k, depth, first_j, columns, panel.data(), panel_row);
        Index wrong = 0;
        for (Index k = 0; k < depth; ++k) {
          for (Index j = 0; j < panel_row; ++j) {
            const Index at =
                outputs ? (first_j + j) * 512 + first_k + k : (first_k + k) * 512 + first_j + j;
            if (j >= columns) continue;  // nobody reads these
            const float expected = random.numbers[static_cast<std::size_t>(at)];
            wrong += panel[static_cast<std::size_t>(k * panel_row + j)] != static_cast<T>(expected);
          }
        }
        INFO(std::string(name_of(type)), ", outputs ", outputs, ", columns ", columns);
        CHECK(wrong == 0);
      }
    }
  });
}
