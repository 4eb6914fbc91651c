// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/stored_stream.hpp>

#include "kernels/stored_product.hpp"

using namespace octavo;
using namespace kernel_test;
using octavo_test::RandomMatrix;

TEST_CASE("few rows are multiplied with groups as many are, whatever the outputs") {
  for_each_instruction_set([] {
    for (const StoredType type :
         {StoredType::q8_0, StoredType::q4_0, StoredType::bf16, StoredType::f16, StoredType::f32}) {
      for (const Index lines : {1, 15, 16, 17, 63, 64, 65, 130}) {
        const RandomMatrix random(type, StoredLayout::grouped, lines, 96);
        for (const Index rows : {1, 2, 4}) {
          check_stored_product<float>(random, rows, 1, Output::overwrite);
          check_stored_product<float>(random, rows, 2, Output::bias);
        }
      }
    }
  });
}

TEST_CASE("nothing is written beside the outputs") {
  const RandomMatrix random(StoredType::q4_0, StoredLayout::grouped, 21, 32);
  const std::vector<float> x(2 * 32, 1.f);
  std::vector<float> y(2 * 40, 77.f), pack_buffer(array_size(pack_buffer_elements<float>(32)));
  matmul_stored<float>(Worker{}, {x.data(), 2, 32}, random.matrix, {y.data() + 3, 2, 21, 40},
                       Output::overwrite, nullptr, pack_buffer);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK((y[i] == 77.f) == (i % 40 < 3 || i % 40 >= 24));
  }
}
