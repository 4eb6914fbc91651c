// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_stored.hpp>

#include "kernels/stored_product.hpp"

using namespace octavo;
using namespace kernel_test;
using octavo_test::RandomMatrix;

TEST_CASE_TEMPLATE("products with a stored matrix have the bits of those with its numbers", T,
                   float, double) {
  for_each_instruction_set([] {
    octavo_test::for_each_stored_type([](StoredType type, StoredLayout layout) {
      const bool numbers = block_of(type) == 1;
      for (const Index length : numbers ? std::vector<Index>{33, 300} : std::vector<Index>{512}) {
        const RandomMatrix random(type, layout, length == 33 ? 5 : 35, length);
        for (const Index rows : {1, 3, 5, 9}) {
          check_stored_product<T>(random, rows, 1, Output::overwrite);
        }
        check_stored_product<T>(random, 1, 3, Output::bias);
        check_stored_product<T>(random, 9, 2, Output::accumulate);
      }
    });
  });
}

TEST_CASE("heads whose halves alternate in the file are put in order") {
  const RandomMatrix random(StoredType::q8_0, StoredLayout::lines, 24, 64, 12);
  for (const Index rows : {1, 9}) {
    check_stored_product<float>(random, rows, 1, Output::overwrite);
  }
}
