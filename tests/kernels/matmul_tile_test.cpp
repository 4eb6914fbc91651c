// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_tile.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;
using namespace octavo::OCTAVO_BASE_ISA::detail;

namespace {

/// A tile's operands, and the outputs around it.
template <Scalar T>
struct Work {
  static constexpr Index depth = 19, b_row = 60, c_row = 53;
  std::vector<T> a = random_block<T>(40 * 40, 1), b = random_block<T>(depth * b_row, 2),
                 bias = random_block<T>(b_row, 3), before = random_block<T>(10 * c_row, 4),
                 c = before;

  /// One chain of fused multiply-adds per output of `columns` x `rows`, and what was there around.
  std::vector<T> expected(const TileProduct<T>& product, Index columns) const {
    std::vector<T> result = before;
    for (Index i = 0; i < product.rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        T& sum = result[static_cast<std::size_t>(i * c_row + j)];
        if (product.output == Output::overwrite) sum = 0;
        if (product.output == Output::bias) sum = bias[static_cast<std::size_t>(j)];
        for (Index k = 0; k < depth; ++k) {
          sum = std::fma(a[static_cast<std::size_t>(i * product.a_row + k * product.a_depth)],
                         b[static_cast<std::size_t>(k * b_row + j)], sum);
        }
      }
    }
    return result;
  }

  TileProduct<T> product(Index rows, Output output, bool transposed) {
    c = before;
    TileProduct<T> result;
    result.a = a.data();
    result.a_row = transposed ? 1 : 40;
    result.a_depth = transposed ? 40 : 1;
    result.b = b.data();
    result.b_row = b_row;
    result.c = c.data();
    result.c_row = c_row;
    result.depth = depth;
    result.output = output;
    result.rows = rows;
    result.bias = bias.data();
    return result;
  }
};

constexpr Output outputs[] = {Output::overwrite, Output::accumulate, Output::bias};

}  // namespace

TEST_CASE_TEMPLATE("a tile of any size is its chains of fused multiply-adds, and writes no other",
                   T, float, double) {
  Work<T> work;
  for (Index rows = 1; rows <= MatmulTile<T>::rows; ++rows) {
    for (Index vectors = 1; vectors <= MatmulTile<T>::vectors; ++vectors) {
      for (const auto output : outputs) {
        for (const bool transposed : {false, true}) {
          const TileProduct<T> product = work.product(rows, output, transposed);
          tile_function<T>(rows, vectors)(product);
          INFO("rows ", rows, ", vectors ", vectors);
          CHECK(work.c == work.expected(product, vectors * OCTAVO_BASE_ISA::simd::width<T>));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("a packing tile has the same outputs, and leaves the right operand row by row",
                   T, float, double) {
  Work<T> work;
  for (Index vectors = 1; vectors <= MatmulTile<T>::vectors; ++vectors) {
    const Index columns = vectors * OCTAVO_BASE_ISA::simd::width<T>;
    TileProduct<T> product = work.product(MatmulTile<T>::rows, Output::accumulate, false);
    std::vector<T> packed(static_cast<std::size_t>(work.depth * columns));
    product.packed = packed.data();
    packing_tile_table<T>[static_cast<std::size_t>(vectors - 1)](product);
    INFO("vectors ", vectors);
    CHECK(work.c == work.expected(product, columns));
    Index wrong = 0;
    for (Index k = 0; k < work.depth; ++k) {
      for (Index j = 0; j < columns; ++j) {
        wrong += packed[static_cast<std::size_t>(k * columns + j)] !=
                 work.b[static_cast<std::size_t>(k * work.b_row + j)];
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("a tile that ends inside a vector writes no column behind its end", T, float,
                   double) {
  Work<T> work;
  const Index width = OCTAVO_BASE_ISA::simd::width<T>;
  for (Index columns = 1; columns < MatmulTile<T>::columns; ++columns) {
    for (const auto output : outputs) {
      const TileProduct<T> product = work.product(5, output, false);
      multiply_edge_tile<T>(tile_function<T>(5, (columns + width - 1) / width), columns, product);
      INFO("columns ", columns);
      CHECK(work.c == work.expected(product, columns));
    }
  }
}

TEST_CASE("the lines ahead are those of the rows") {
  const float numbers[300] = {};
  const auto ahead = lines_of_rows(numbers, 3, 40, 100);  // a cache line holds 16
  CHECK(ahead.first == numbers);
  CHECK(ahead.lines == 9);
  CHECK(ahead.step == 16);
  CHECK(ahead.period == 3);
  CHECK(3 * ahead.step + ahead.jump == 100);
}

TEST_CASE("what is asked for ahead changes no output") {
  Work<float> work;
  const TileProduct<float> plain = work.product(4, Output::accumulate, false);
  TileProduct<float> asking = plain;
  asking.ahead = lines_of_rows(work.b.data(), 3, 40, work.b_row);
  tile_function<float>(4, 1)(asking);
  CHECK(work.c == work.expected(plain, OCTAVO_BASE_ISA::simd::width<float>));
}
