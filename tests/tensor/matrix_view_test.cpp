// SPDX-License-Identifier: MIT
#include <numeric>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/matrix_view.hpp>

using namespace octavo;

static_assert(!std::is_convertible_v<MatrixView<const float>, MatrixView<float>>);

TEST_CASE("a block of a matrix keeps the distance between rows") {
  std::vector<int> numbers(20);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  const MatrixView<int> matrix(numbers.data(), 4, 5);
  const MatrixView<int> block = matrix.block(1, 2, 2, 3);
  CHECK(block(0, 0) == 7);
  CHECK(block(1, 2) == 14);
  CHECK(block.stride == 5);
}

TEST_CASE("a block of a block is the block of the sum of the offsets") {
  std::vector<int> numbers(7 * 9);
  std::iota(numbers.begin(), numbers.end(), 0);
  const MatrixView<int> matrix(numbers.data(), 7, 9);
  const MatrixView<int> inner = matrix.block(1, 5, 2, 6).block(2, 2, 1, 3);
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 3; ++j) CHECK(inner(i, j) == matrix(3 + i, 3 + j));
    CHECK(inner.row(i) == &matrix(3 + i, 3));
  }
  const MatrixView<int> rows = matrix.row_block(4, 2);
  CHECK(rows.rows == 2);
  CHECK(rows.columns == 9);
  CHECK(rows(1, 8) == 53);
}

TEST_CASE("a view converts to a view of constants, sharing the numbers") {
  std::vector<float> numbers(6);
  const MatrixView<float> matrix(std::span<float>(numbers), 2, 3);
  matrix(1, 2) = 5;
  const MatrixView<const float> constant = matrix.block(1, 1, 1, 2);
  CHECK(constant.stride == 3);
  CHECK(constant(0, 1) == 5);
  CHECK(numbers[5] == 5);
}
