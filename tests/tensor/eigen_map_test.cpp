// SPDX-License-Identifier: MIT
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/eigen_map.hpp>

using namespace octavo;

TEST_CASE("a view and its Eigen map share the numbers") {
  std::vector<float> numbers(20);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const MatrixView<float> block = MatrixView<float>(numbers.data(), 4, 5).block(1, 2, 2, 3);
  const auto map = to_eigen(block);
  CHECK(map.rows() == 2);
  CHECK(map.cols() == 3);
  CHECK(map(1, 2) == 14);
  to_eigen(block)(0, 0) = 70;
  CHECK(numbers[7] == 70);
  const MatrixView<const float> constant = block;
  CHECK(to_eigen(constant).sum() == 70 + 8 + 9 + 12 + 13 + 14);
  using Ref = Eigen::Ref<EigenMatrix<float>, 0, Eigen::OuterStride<>>;
  const Ref ref = to_eigen(block);
  CHECK(ref.data() == block.data);  // no copy
}

TEST_CASE("Eigen's matrices, maps, blocks and refs are views without a copy") {
  EigenMatrix<double> matrix = EigenMatrix<double>::Random(4, 6);
  const MatrixView<double> view = to_view(matrix);
  CHECK(view.rows == 4);
  CHECK(view.columns == 6);
  view(3, 5) = 8;
  CHECK(matrix(3, 5) == 8);
  auto part = matrix.block(1, 2, 2, 3);
  const auto inner = to_view(part);
  CHECK(inner.stride == 6);
  CHECK(&inner(1, 1) == &matrix(2, 3));
  const EigenMap<const double> constant(matrix.data(), 4, 6);
  const MatrixView<const double> of_constant = to_view(constant);
  CHECK(of_constant.data == matrix.data());
  const Eigen::Ref<const EigenMatrix<double>> ref = matrix;
  CHECK(MatrixView<const double>(to_view(ref)).data == matrix.data());
}
