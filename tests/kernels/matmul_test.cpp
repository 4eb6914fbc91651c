// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <Eigen/Core>
#include <doctest/doctest.h>

#include <octavo/kernels/matmul.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

namespace {

enum class Product { forward, input_gradient, weight_gradient };

template <Scalar T>
std::vector<T> random_block(Index count, std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::initial_weights);
  std::vector<T> block(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<T>(random.normal(i));
  return block;
}

/// One product [m, n] over depth k, by the library and by one chain of std::fma per output.
template <Scalar T>
void compare(Product product, Index m, Index k, Index n, Index workers, Output output,
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

}  // namespace

TEST_CASE_TEMPLATE("every output is one chain of fused multiply-adds, to the last bit", T, float,
                   double) {
  for (const auto product : {Product::forward, Product::input_gradient, Product::weight_gradient}) {
    for (const Index m : {1, 2, 13, 14, 15, 29, 43}) {
      for (const Index n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 66}) {
        compare<T>(product, m, 9, n, 1, Output::overwrite);
      }
    }
    for (const Index n : {48, 63, 64, 65, 128, 193}) {
      compare<T>(product, 23, 300, n, 1, Output::accumulate);
      compare<T>(product, 23, 70, n, 1, Output::bias);
    }
    for (const Index k : {1, 31, 255, 256, 257, 600})
      compare<T>(product, 17, k, 35, 1, Output::bias);
    for (const Index workers : {2, 3, 5}) {
      for (const Index n : {3, 35, 160}) {
        compare<T>(product, 33, 40, n, workers, Output::accumulate);
      }
    }
  }
}

TEST_CASE_TEMPLATE("few rows, which are streamed, have the bits of many", T, float, double) {
  for (const auto product : {Product::forward, Product::input_gradient}) {
    for (const Index m : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      for (const auto output : {Output::overwrite, Output::accumulate, Output::bias}) {
        for (const Index k : {1, 7, 16, 33, 300}) {
          for (const Index n : {1, 15, 40}) compare<T>(product, m, k, n, 1, output);
        }
        for (const Index workers : {2, 3}) compare<T>(product, m, 50, 130, workers, output);
      }
    }
  }
}

TEST_CASE("a panel too small for all of k is filled several times, for the same bits") {
  for (const auto product : {Product::forward, Product::input_gradient, Product::weight_gradient}) {
    for (const Index panel_rows : {1, 5, 100}) {
      compare<float>(product, 20, 130, 70, 2, Output::accumulate, panel_rows);
      compare<double>(product, 20, 130, 70, 2, Output::accumulate, panel_rows);
    }
  }
}

TEST_CASE("more rows, depth and columns than a block holds") {
  for (const auto product : {Product::forward, Product::input_gradient, Product::weight_gradient}) {
    compare<float>(product, 1101, 130, 50, 1, Output::accumulate);
    compare<float>(product, 230, 600, 545, 1, Output::bias);
    compare<double>(product, 300, 300, 290, 2, Output::overwrite);
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

TEST_CASE("a product over nothing is what its sums start from") {
  std::vector<float> c{1, 2, 3, 4}, bias{5, 6},
      pack_buffer(array_size(pack_buffer_elements<float>(256)));
  const MatrixView<const float> left(nullptr, 2, 0), right(nullptr, 0, 2);
  matmul<float>(Worker{}, left, right, {c.data(), 2, 2}, Output::bias, bias.data(), pack_buffer);
  CHECK(c == std::vector<float>{5, 6, 5, 6});
}
