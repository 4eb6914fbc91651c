// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_pack.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;
using namespace octavo::OCTAVO_BASE_ISA::detail;

TEST_CASE_TEMPLATE("a panel holds its part of the operand row by row, and zeros behind the columns",
                   T, float, double) {
  const Index stride = 90, width = OCTAVO_BASE_ISA::simd::width<T>;
  const auto numbers = random_block<T>(stride * stride, 1);
  for (const bool is_transposed : {false, true}) {
    const RightOperand<T> b{numbers.data(), stride, is_transposed};
    for (const Index depth : {1, 3, 8, 16, 17, 33}) {
      for (const Index columns : {Index{1}, width - 1, width, width + 1, 3 * width}) {
        const Index panel_row = (columns + width - 1) / width * width;
        const T unwritten = 77;
        std::vector<T> panel(static_cast<std::size_t>(depth * panel_row) + 1, unwritten);
        if (is_transposed) {
          pack_columns(b, 5, depth, 2, columns, panel.data(), panel_row);
        } else {
          pack_rows(b, 5, depth, 2, columns, panel.data(), panel_row);
        }
        Index wrong = 0;
        for (Index k = 0; k < depth; ++k) {
          for (Index j = 0; j < panel_row; ++j) {
            const Index at = is_transposed ? (2 + j) * stride + 5 + k : (5 + k) * stride + 2 + j;
            const T expected = j < columns ? numbers[static_cast<std::size_t>(at)] : T{0};
            wrong += panel[static_cast<std::size_t>(k * panel_row + j)] != expected;
          }
        }
        INFO("transposed ", is_transposed, ", depth ", depth, ", columns ", columns);
        CHECK(wrong == 0);
        CHECK(panel.back() == unwritten);
      }
    }
  }
}

TEST_CASE("columns from the third one on are columns, transposed or not") {
  const float numbers[12] = {};
  CHECK(RightOperand<float>{numbers, 4, false}.columns_from(2).data == numbers + 2);
  CHECK(RightOperand<float>{numbers, 4, true}.columns_from(2).data == numbers + 8);
}
