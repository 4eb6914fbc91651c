// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/elementwise.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE("column sums, addition and zeros") {
  const std::vector<double> x{1, 2, 3, 4, 5, 6};
  std::vector<double> sums{1, 1, 1}, y{1, 1, 1, 1, 1, 1};
  sum_columns<double>(Worker{}, {x.data(), 2, 3}, sums.data(), Output::accumulate);
  CHECK(sums == std::vector<double>{6, 8, 10});
  add<double>(Worker{}, {x.data(), 2, 3}, MatrixView<double>(y.data(), 2, 3));
  CHECK(y == std::vector<double>{2, 3, 4, 5, 6, 7});
  set_zero<double>(Worker{}, y);
  CHECK(y == std::vector<double>(6, 0.0));
}

TEST_CASE("products and copies") {
  const std::vector<double> x{1, 2, 3, 4, 5, 6};
  std::vector<double> y{2, 3, 4, 5, 6, 7};
  multiply_elementwise<double>(Worker{}, {x.data(), 2, 3}, MatrixView<double>(y.data(), 2, 3));
  CHECK(y == std::vector<double>{2, 6, 12, 20, 30, 42});
  copy<double>(Worker{}, {x.data(), 2, 3}, MatrixView<double>(y.data(), 2, 3));
  CHECK(y == x);
}

TEST_CASE_TEMPLATE("however many workers, and rows that lie apart: each number once, and no others",
                   T, float, double) {
  for (const Index width : {1, 15, 16, 17, 70}) {
    for (const Index workers : {1, 2, 3, 8}) {
      const Index rows = 5, from_row = width + 2, to_row = width + 7;
      const auto from = random_block<T>(rows * from_row, 1),
                 before = random_block<T>(rows * to_row, 2);
      const MatrixView<const T> y(from.data(), rows, width, from_row);
      ThreadPool threads(workers);
      const auto check = [&](auto kernel, auto formula) {
        auto x = before;
        threads.run([&](const Worker& worker) {
          kernel(worker, y, MatrixView<T>(x.data(), rows, width, to_row));
        });
        Index wrong = 0;
        for (Index i = 0; i < rows; ++i) {
          for (Index j = 0; j < to_row; ++j) {
            const auto at = static_cast<std::size_t>(i * to_row + j);
            wrong += x[at] != (j < width ? formula(before[at], y(i, j)) : before[at]);
          }
        }
        CHECK(wrong == 0);
      };
      INFO("width ", width, ", workers ", workers);
      check([](auto&&... a) { add<T>(a...); }, [](T x, T other) { return x + other; });
      check([](auto&&... a) { multiply_elementwise<T>(a...); },
            [](T x, T other) { return x * other; });
      check([](auto&&... a) { copy<T>(a...); }, [](T, T other) { return other; });
      auto zeros = before;
      threads.run([&](const Worker& worker) { set_zero<T>(worker, zeros); });
      CHECK(zeros == std::vector<T>(before.size()));
    }
  }
}

TEST_CASE_TEMPLATE("a bias's gradient is the sum of its column, rows in order, to the bit", T,
                   float, double) {
  const Index rows = 33;
  for (const Index width : {1, 15, 16, 17, 70}) {
    const Index stride = width + 5;
    const auto dy = random_block<T>(rows * stride, 1), before = random_block<T>(width, 2);
    for (const auto output : {Output::overwrite, Output::accumulate}) {
      auto expected = output == Output::overwrite ? std::vector<T>(before.size()) : before;
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < width; ++j) {
          expected[static_cast<std::size_t>(j)] += dy[static_cast<std::size_t>(i * stride + j)];
        }
      }
      for (const Index workers : {1, 2, 3, 5}) {
        auto dbias = before;
        ThreadPool(workers).run([&](const Worker& worker) {
          sum_columns<T>(worker, {dy.data(), rows, width, stride}, dbias.data(), output);
        });
        INFO("width ", width, ", workers ", workers);
        CHECK(dbias == expected);
      }
    }
  }
}
