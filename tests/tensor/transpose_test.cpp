// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/transpose.hpp>

using namespace octavo;

TEST_CASE_TEMPLATE("rows become columns, at every size and stride, and nothing else changes", T,
                   float, double) {
  for (const Index rows : {0, 1, 3, 4, 5, 9, 16, 18}) {
    for (const Index columns : {0, 1, 2, 4, 7, 8, 17}) {
      const Index from_stride = columns + 2, to_stride = rows + 3;
      std::vector<T> from(static_cast<std::size_t>(rows * from_stride));
      for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<T>(i + 1);
      std::vector<T> to(static_cast<std::size_t>(columns * to_stride), T{-1});
      detail::transpose<T>({from.data(), rows, columns, from_stride},
                           {to.data(), columns, rows, to_stride});
      bool right = true;
      for (Index i = 0; i < columns; ++i) {
        for (Index j = 0; j < to_stride; ++j) {
          const T expected = j < rows ? from[static_cast<std::size_t>(j * from_stride + i)] : T{-1};
          right = right && to[static_cast<std::size_t>(i * to_stride + j)] == expected;
        }
      }
      INFO(rows, " x ", columns);
      CHECK(right);
    }
  }
}
