// SPDX-License-Identifier: MIT
#include <vector>

#include <Eigen/Core>
#include <doctest/doctest.h>

#include <octavo/kernels/matmul.hpp>

#include "kernels/product_check.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE_TEMPLATE("every output is one chain of fused multiply-adds, to the last bit", T, float,
                   double) {
  for (const auto product : products) {
    for (const Index m : {1, 2, 13, 14, 15, 29, 43}) {
      for (const Index n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 66}) {
        check_product<T>(product, m, 9, n, 1, Output::overwrite);
      }
    }
    for (const Index n : {48, 63, 64, 65, 128, 193}) {
      check_product<T>(product, 23, 300, n, 1, Output::accumulate);
      check_product<T>(product, 23, 70, n, 1, Output::bias);
    }
    for (const Index k : {1, 31, 255, 256, 257, 600})
      check_product<T>(product, 17, k, 35, 1, Output::bias);
    for (const Index workers : {2, 3, 5}) {
      for (const Index n : {3, 35, 160}) {
        check_product<T>(product, 33, 40, n, workers, Output::accumulate);
      }
    }
  }
}

TEST_CASE("Eigen's product agrees within rounding") {
  const auto a = random_block<float>(70 * 300, 1);
  const auto b = random_block<float>(300 * 130, 2);
  std::vector<float> c(70 * 130);
  std::vector<float> pack_buffer(array_size(pack_buffer_elements<float>(256)));
  matmul<float>(Worker{}, {a.data(), 70, 300}, {b.data(), 300, 130}, {c.data(), 70, 130},
                Output::overwrite, nullptr, pack_buffer);
  using Map = Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>;
  const Eigen::MatrixXf expected = Map(a.data(), 70, 300) * Map(b.data(), 300, 130);
  CHECK((Map(c.data(), 70, 130) - expected).norm() < 1e-6f * expected.norm());
}

TEST_CASE("rows that lie apart are read and written where they are, and nothing between them") {
  std::vector<double> a(5 * 10, 2.0), b(4 * 20, 3.0), c(5 * 30, -1.0);
  std::vector<double> pack_buffer(array_size(pack_buffer_elements<double>(256)));
  const MatrixView<const double> left(a.data(), 5, 4, 10), right(b.data(), 4, 6, 20);
  matmul<double>(Worker{}, left, right, MatrixView<double>(c.data(), 5, 6, 30), Output::overwrite,
                 nullptr, pack_buffer);
  for (std::size_t i = 0; i < c.size(); ++i) CHECK(c[i] == (i % 30 < 6 ? 24.0 : -1.0));
}

TEST_CASE("the pack buffer holds as much of the depth as a panel does, and at least one row") {
  const Index row = pack_buffer_elements<float>(1);
  CHECK(row * 4 == pack_buffer_elements<float>(4));
  CHECK(pack_buffer_elements<float>(0) == row);
  CHECK(pack_buffer_elements<float>(256) == 256 * row);
  CHECK(pack_buffer_elements<float>(100'000) == 256 * row);
  CHECK(pack_buffer_elements<double>(1) * 2 == row);  // as many bytes
}
