// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/kernels/matmul_block.hpp>

#include "kernels/product_check.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE("a panel too small for all of k is filled several times, for the same bits") {
  for (const auto product : products) {
    for (const Index panel_rows : {1, 5, 100}) {
      check_product<float>(product, 20, 130, 70, 2, Output::accumulate, panel_rows);
      check_product<double>(product, 20, 130, 70, 2, Output::accumulate, panel_rows);
    }
  }
}

TEST_CASE("more rows, depth and columns than a block holds") {
  for (const auto product : products) {
    check_product<float>(product, 1101, 130, 50, 1, Output::accumulate);
    check_product<float>(product, 230, 600, 545, 1, Output::bias);
    check_product<double>(product, 300, 300, 290, 2, Output::overwrite);
  }
}
