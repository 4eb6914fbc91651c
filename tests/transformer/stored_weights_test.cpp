// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/transformer/stored_weights.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;

TEST_CASE("numbers and matrices lie in one block, whose bytes are known beforehand") {
  const RandomMatrix elsewhere(StoredType::q4_k, StoredLayout::lines, 4, 256);
  StoredWeightsPlan plan;
  plan.add_numbers({.name = "a", .rows = 0, .columns = 5});
  const StoredMatrix maps[] = {{StoredType::q8_0, StoredLayout::grouped, nullptr, 17, 32},
                               elsewhere.matrix};
  plan.add_matrices(maps);
  plan.add_numbers({.name = "b", .rows = 2, .columns = 3});
  CHECK(plan.bytes<float>() == 64 + 32 * 34 + 64);
  CHECK(plan.bytes<double>() == 64 + 32 * 34 + 64);

  StoredWeights<float> weights(plan);
  CHECK(weights.bytes() == plan.bytes<float>());
  REQUIRE(weights.parameters().size() == 3);
  CHECK(weights.numbers(0).size() == 5);
  CHECK(weights.numbers(1).empty());
  CHECK(weights.numbers(2).size() == 6);
  CHECK(weights.parameters()[0].numbers == weights.numbers(0).data());
  CHECK(weights.parameters()[1].numbers == nullptr);
  CHECK(weights.parameters()[1].stored.size() == 2);
  CHECK(weights.parameters()[1].stored[1].data == elsewhere.bytes.data());
  CHECK(weights.matrix_bytes(1, 0).size() == 32 * 34);
  CHECK(weights.matrix_bytes(1, 0).data() == weights.parameters()[1].stored[0].data);
  for (const void* const place : {static_cast<const void*>(weights.numbers(0).data()),
                                  static_cast<const void*>(weights.matrix_bytes(1, 0).data()),
                                  static_cast<const void*>(weights.numbers(2).data())}) {
    CHECK(reinterpret_cast<std::uintptr_t>(place) % alignment_bytes == 0);
  }
  weights.numbers(2)[5] = 8;
  const StoredWeights<float> moved = std::move(weights);
  CHECK(moved.parameters()[2].numbers[5] == 8);
  CHECK(moved.parameters()[1].stored[0].lines == 17);
}
