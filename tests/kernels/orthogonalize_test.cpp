// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Dense>
#include <doctest/doctest.h>

#include <octavo/kernels/orthogonalize.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename T>
Matrix<T> random_matrix(Index rows, Index columns, std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::initial_weights);
  Matrix<T> x(rows, columns);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<T>(1e-3 * random.normal(static_cast<std::uint64_t>(i)));
  }
  return x;
}

template <typename T>
Matrix<T> orthogonalized(const Matrix<T>& matrix, std::size_t polynomials, Index workers = 1) {
  Matrix<T> x = matrix, result(x.rows(), x.cols());
  const std::size_t bytes = orthogonalize_scratch_bytes<T>(x.rows(), x.cols(), workers);
  std::vector<std::byte> memory(bytes + 64);
  void* begin = memory.data();
  std::size_t room = memory.size();
  REQUIRE(std::align(64, bytes, begin, room) != nullptr);
  ThreadPool threads(workers);
  threads.run([&](const Worker& worker) {
    orthogonalize<T>(worker, std::span(polar_express).first(polynomials),
                     MatrixView<T>(x.data(), x.rows(), x.cols()),
                     MatrixView<T>(result.data(), x.rows(), x.cols()),
                     {static_cast<std::byte*>(begin), bytes});
  });
  return result;
}

/// X' = (a I + b X X^T + c (X X^T)^2) X, as it is written.
Matrix<double> by_definition(Matrix<double> x, std::size_t polynomials) {
  x /= 1.01 * x.norm();
  for (const OddPolynomial& p : std::span(polar_express).first(polynomials)) {
    const Matrix<double> gram = x * x.transpose();
    x = p.a * x + p.b * gram * x + p.c * gram * gram * x;
  }
  return x;
}

struct Shape {
  Index rows, columns;
};
constexpr Shape shapes[] = {{1, 1},    {1, 7},     {7, 1},    {16, 16},  {33, 31},
                            {40, 128}, {128, 128}, {97, 300}, {300, 64}, {530, 520}};

}  // namespace

TEST_CASE("a matrix is orthogonalized as by the definition, either side being the smaller") {
  for (const Shape& shape : shapes) {
    const Index rows = shape.rows, columns = shape.columns;
    if (rows * columns > 40'000) continue;  // quick under sanitizers
    for (const std::size_t polynomials : {1U, 2U, 3U, 5U}) {
      INFO(rows, " x ", columns, ", ", polynomials);
      const Matrix<double> x = random_matrix<double>(rows, columns, 1);
      const Matrix<double> expected = by_definition(x, polynomials);
      CHECK((orthogonalized<double>(x, polynomials) - expected).norm() <= 1e-9 * expected.norm());
      const Matrix<float> narrow = orthogonalized<float>(x.cast<float>(), polynomials);
      CHECK((narrow.cast<double>() - expected).norm() <= 1e-4 * expected.norm());
    }
  }
}

TEST_CASE("singular values come near to 1, nearer with every polynomial") {
  const Matrix<double> x = random_matrix<double>(40, 96, 2);
  double before = 1;
  for (std::size_t polynomials = 2; polynomials <= polar_express.size(); ++polynomials) {
    const Matrix<double> y = orthogonalized<float>(x.cast<float>(), polynomials).cast<double>();
    const Eigen::VectorXd values = Eigen::JacobiSVD<Matrix<double>>(y).singularValues();
    const double distance = std::max(values.maxCoeff() - 1, 1 - values.minCoeff());
    INFO(polynomials, ": ", values.minCoeff(), " to ", values.maxCoeff());
    CHECK(distance < before);
    before = distance;
  }
  CHECK(before < 0.02);
  // The orthogonal factor itself.
  const Eigen::JacobiSVD<Matrix<double>> svd(x, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const Matrix<double> factor = svd.matrixU() * svd.matrixV().transpose();
  CHECK((orthogonalized<double>(x, 6) - factor).norm() < 0.02 * factor.norm());
}

TEST_CASE("a matrix of deficient rank, zero, or of numbers near the ends of the range") {
  Matrix<float> x = random_matrix<float>(24, 40, 3);
  x.bottomRows(12) = x.topRows(12);
  CHECK(orthogonalized<float>(x, 5).allFinite());
  for (const float size : {0.0f, 1e-42f, 1e-30f, 1e30f, 3e38f}) {
    const Matrix<float> constant = Matrix<float>::Constant(20, 30, size);
    const Matrix<float> y = orthogonalized<float>(constant, 5);
    INFO(size);
    CHECK(y.allFinite());
    if (size < 1e-30f || size > 1e30f) continue;
    CHECK(y(3, 4) == doctest::Approx(1 / std::sqrt(600.0)).epsilon(0.2));
  }
}

TEST_CASE_TEMPLATE("any number of workers gives the same bits", T, float, double) {
  for (const Shape& shape : shapes) {
    const Index rows = shape.rows, columns = shape.columns;
    if (rows * columns > 40'000 && sizeof(T) == 8) continue;
    const Matrix<T> x = random_matrix<T>(rows, columns, 4);
    const Matrix<T> alone = orthogonalized<T>(x, 3);
    INFO(rows, " x ", columns);
    for (const Index workers : {2, 3, 4}) CHECK(orthogonalized<T>(x, 3, workers) == alone);
  }
}
