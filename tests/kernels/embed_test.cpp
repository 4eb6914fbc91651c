// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/embed.hpp>
#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"
#include "tensor/stored_numbers.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE("embedding picks rows, its gradient adds them up in order") {
  const std::vector<double> table{1, 2, 3, 4, 5, 6}, positions{10, 20, 30, 40};
  const std::vector<Token> tokens{2, 0, 2, 1};
  std::vector<double> x(8);
  embed<double>(Worker{}, tokens, 2, 0, {table.data()}, 1, positions.data(),
                MatrixView<double>(x.data(), 4, 2));
  CHECK(x == std::vector<double>{15, 26, 31, 42, 15, 26, 33, 44});
  std::vector<double> gradient(6, 0.5);
  accumulate_rows<double>(
      Worker{}, MatrixView<const double>(x.data(), 4, 2),
      [&](Index row) { return static_cast<Index>(tokens[static_cast<std::size_t>(row)]); }, 1,
      gradient.data());
  CHECK(gradient == std::vector<double>{31.5, 42.5, 33.5, 44.5, 30.5, 52.5});
}

TEST_CASE("a scale multiplies the rows of tokens alone, and their gradient; positions may lack") {
  const std::vector<double> table{1, 2, 3}, positions{10, 20};
  const std::vector<Token> tokens{2, 0};
  std::vector<double> x(2);
  embed<double>(Worker{}, tokens, 2, 0, {table.data()}, 4, positions.data(),
                MatrixView<double>(x.data(), 2, 1));
  CHECK(x == std::vector<double>{22, 24});
  embed<double>(Worker{}, tokens, 2, 0, {table.data()}, 4, nullptr,
                MatrixView<double>(x.data(), 2, 1));
  CHECK(x == std::vector<double>{12, 4});
  std::vector<double> gradient(3, 1);
  accumulate_rows<double>(
      Worker{}, MatrixView<const double>(x.data(), 2, 1), [](Index row) { return 2 * row; }, 4,
      gradient.data());
  CHECK(gradient == std::vector<double>{49, 1, 17});
}

TEST_CASE("positions may begin behind the first") {
  const std::vector<float> table{1, 2}, positions{10, 20, 30, 40};
  const std::vector<Token> tokens{0, 1};
  std::vector<float> x(2);
  embed<float>(Worker{}, tokens, 2, 2, {table.data()}, 1, positions.data(),
               MatrixView<float>(x.data(), 2, 1));
  CHECK(x == std::vector<float>{31, 42});
}

TEST_CASE_TEMPLATE("however wide, and however many workers: rows are added in order, to the bit", T,
                   float, double) {
  const Index rows = 40, vocabulary = 5;
  const auto index_of = [](Index row) { return row * row % vocabulary; };
  for (const Index width : {1, 8, 15, 16, 17, 37, 64}) {
    const Index stride = width + 3;
    const auto dx = random_block<T>(rows * stride, 1);
    const auto before = random_block<T>(vocabulary * width, 2);
    std::vector<Token> tokens;
    auto expected = before;
    for (Index r = 0; r < rows; ++r) {
      tokens.push_back(static_cast<Token>(index_of(r)));
      for (Index j = 0; j < width; ++j) {
        expected[static_cast<std::size_t>(index_of(r) * width + j)] +=
            dx[static_cast<std::size_t>(r * stride + j)];
      }
    }
    for (const Index workers : {1, 2, 3, 5}) {
      auto table = before;
      std::vector<T> x(static_cast<std::size_t>(rows * width));
      ThreadPool(workers).run([&](const Worker& worker) {
        embed<T>(worker, tokens, rows, 0, {before.data()}, 1, dx.data(),
                 MatrixView<T>(x.data(), rows, width));
        accumulate_rows<T>(worker, {dx.data(), rows, width, stride}, index_of, 1, table.data());
      });
      INFO("width ", width, ", workers ", workers);
      CHECK(table == expected);
      Index wrong = 0;
      for (Index r = 0; r < rows; ++r) {
        for (Index j = 0; j < width; ++j) {
          const T sum = before[static_cast<std::size_t>(index_of(r) * width + j)] +
                        dx[static_cast<std::size_t>(r * width + j)];
          wrong += x[static_cast<std::size_t>(r * width + j)] != sum;
        }
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE_TEMPLATE("rows of a stored table are picked, scaled and moved as its numbers are", T,
                   float, double) {
  octavo_test::for_each_stored_type([](StoredType type, StoredLayout layout) {
    const Index width = block_of(type) == 1 ? 300 : 512;
    const octavo_test::RandomMatrix table(type, layout, 20, width);
    const std::vector<T> numbers(table.numbers.begin(), table.numbers.end());
    const auto positions = random_block<T>(3 * width, 1);
    const std::vector<Token> tokens{19, 0, 7, 16, 15, 19};
    std::vector<T> x(static_cast<std::size_t>(6 * width)), y = x;
    const auto pick = [&](const Weight<T>& from, std::vector<T>& to) {
      embed<T>(Worker{}, tokens, 3, 0, from, T{3}, positions.data(),
               MatrixView<T>(to.data(), 6, width));
    };
    pick({nullptr, {&table.matrix, 1}, &stored_kernels<T>}, x);
    pick({numbers.data(), {}}, y);
    INFO(std::string(name_of(type)));
    CHECK(x == y);
  });
}
