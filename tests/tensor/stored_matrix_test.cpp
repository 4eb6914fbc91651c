// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/tensor/stored_matrix.hpp>

#include "tensor/stored_numbers.hpp"

using namespace octavo_test;

TEST_CASE("a line of every type and layout has the numbers that its bytes have") {
  for_each_stored_type([](StoredType type, StoredLayout layout) {
    INFO(std::string(name_of(type)), layout == StoredLayout::grouped ? ", grouped" : "");
    const Index length = block_of(type) == 1 ? 37 : 512;
    const RandomMatrix random(type, layout, 19, length);
    for (Index i = 0; i < 19; ++i) {
      const Index step = block_of(type) == 1 ? 10 : static_cast<Index>(block_of(type));
      for (Index first = 0; first < length; first += step) {
        std::vector<float> numbers(static_cast<std::size_t>(std::min(step, length - first)));
        decode_line(random.matrix, i, first, numbers);
        const float* const expected = random.numbers.data() + i * length + first;
        CHECK(std::equal(numbers.begin(), numbers.end(), expected));
      }
    }
  });
}

TEST_CASE("groups take the bytes of the file, and whole groups") {
  using enum StoredLayout;
  CHECK(stored_matrix_bytes(StoredType::q4_0, lines, 48, 64) == 48 * 2 * 18);
  CHECK(stored_matrix_bytes(StoredType::q4_0, grouped, 48, 64) == 48 * 2 * 18);
  CHECK(stored_matrix_bytes(StoredType::q8_0, grouped, 48, 64) == 48 * 2 * 34);
  CHECK(stored_matrix_bytes(StoredType::q8_0, grouped, 49, 64) == 64 * 2 * 34);
  CHECK(stored_matrix_bytes(StoredType::bf16, grouped, 16, 7) == 16 * 8 * 2);
  CHECK(stored_matrix_bytes(StoredType::q6_k, lines, 3, 512) == 3 * 2 * 210);
}

TEST_CASE("halves of heads that alternate in the file are found") {
  StoredMatrix matrix;
  CHECK(matrix.file_line(5) == 5);
  matrix.pairs = 6;  // outputs 0 1 2 3 4 5 of a head are lines 0 2 4 1 3 5
  const Index expected[] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
  for (Index i = 0; i < 12; ++i) CHECK(matrix.file_line(i) == expected[i]);
}
