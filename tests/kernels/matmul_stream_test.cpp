// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_stream.hpp>

#include "kernels/product_check.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE_TEMPLATE("few rows, which are streamed, have the bits of many", T, float, double) {
  for (const auto product : {Product::forward, Product::input_gradient}) {
    for (const Index m : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      for (const auto output : {Output::overwrite, Output::accumulate, Output::bias}) {
        for (const Index k : {1, 7, 16, 33, 300}) {
          for (const Index n : {1, 15, 40}) check_product<T>(product, m, k, n, 1, output);
        }
        for (const Index workers : {2, 3}) check_product<T>(product, m, 50, 130, workers, output);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a streamed product reads and writes rows where they are, and nothing between",
                   T, float, double) {
  using namespace OCTAVO_BASE_ISA::detail;
  const Index depth = 37, columns = 21, a_row = 40, b_row = 45, c_row = 24;
  const auto a = random_block<T>(most_streamed_rows * a_row, 1), b = random_block<T>(45 * 45, 2),
             before = random_block<T>(most_streamed_rows * c_row, 3);
  for (const bool is_transposed : {false, true}) {
    for (Index rows = 1; rows <= most_streamed_rows; ++rows) {
      auto c = before, expected = before;
      stream_product<T>({a.data(),
                         a_row,
                         {b.data(), b_row, is_transposed},
                         MatrixView<T>(c.data(), rows, columns, c_row),
                         depth,
                         Output::accumulate,
                         nullptr});
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
          T& sum = expected[static_cast<std::size_t>(i * c_row + j)];
          for (Index k = 0; k < depth; ++k) {
            const Index of_b = is_transposed ? j * b_row + k : k * b_row + j;
            sum = std::fma(a[static_cast<std::size_t>(i * a_row + k)],
                           b[static_cast<std::size_t>(of_b)], sum);
          }
        }
      }
      INFO("rows ", rows, ", transposed ", is_transposed);
      CHECK(c == expected);
    }
  }
}
