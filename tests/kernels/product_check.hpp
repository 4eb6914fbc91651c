// SPDX-License-Identifier: MIT
// The products of matrices against one chain of fused multiply-adds per output.
#pragma once

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

namespace kernel_test {

using namespace octavo;

enum class Product { forward, input_gradient, weight_gradient };

inline constexpr Product products[] = {Product::forward, Product::input_gradient,
                                       Product::weight_gradient};

/// One product [m, n] over depth k, by the library and by one chain of std::fma per output.
template <Scalar T>
void check_product(Product product, Index m, Index k, Index n, Index workers, Output output,
                   Index panel_rows = 256) {
  const auto a = random_block<T>(m * k, 1);
  const auto b = random_block<T>(k * n, 2);
  const auto bias = random_block<T>(n, 3);
  const auto before = random_block<T>(m * n, 4);
  std::vector<T> c = before;
  std::vector<T> pack_buffer(
      static_cast<std::size_t>(workers * pack_buffer_elements<T>(panel_rows)));
  const MatrixView<T> out(c.data(), m, n);
  if (product == Product::weight_gradient && output == Output::bias) output = Output::accumulate;
  ThreadPool threads(workers);
  threads.run([&](const Worker& worker) {
    switch (product) {
      case Product::forward:
        return matmul<T>(worker, {a.data(), m, k}, {b.data(), k, n}, out, output, bias.data(),
                         pack_buffer);
      case Product::input_gradient:
        return matmul_nt<T>(worker, {a.data(), m, k}, {b.data(), n, k}, out, output, bias.data(),
                            pack_buffer);
      case Product::weight_gradient:
        return matmul_tn<T>(worker, {a.data(), k, m}, {b.data(), k, n}, out, output, pack_buffer);
    }
  });
  Index wrong = 0;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      const auto at = static_cast<std::size_t>(i * n + j);
      T sum = output == Output::overwrite ? T{0}
              : output == Output::bias    ? bias[static_cast<std::size_t>(j)]
                                          : before[at];
      for (Index d = 0; d < k; ++d) {
        const Index left = product == Product::weight_gradient ? d * m + i : i * k + d;
        const Index right = product == Product::input_gradient ? j * k + d : d * n + j;
        sum = std::fma(a[static_cast<std::size_t>(left)], b[static_cast<std::size_t>(right)], sum);
      }
      wrong += sum != c[at] ? 1 : 0;
    }
  }
  INFO("m ", m, " k ", k, " n ", n, " workers ", workers);
  CHECK(wrong == 0);
}

}  // namespace kernel_test
