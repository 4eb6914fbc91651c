// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/activate.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

constexpr Activation kinds[] = {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                Activation::silu, Activation::relu_squared};

struct Expected {
  double value, slope;
};

Expected expected_of(Activation kind, double v) {
  const double pi = std::acos(-1.0);
  const double cdf = 0.5 * std::erfc(-v / std::sqrt(2.0));
  const double u = std::sqrt(2 / pi) * (v + 0.044715 * v * v * v);
  const double t = std::tanh(u);
  const double du = std::sqrt(2 / pi) * (1 + 3 * 0.044715 * v * v);
  const double sigma = 1 / (1 + std::exp(-v));
  switch (kind) {
    case Activation::relu:
      return {std::max(v, 0.0), v > 0 ? 1.0 : 0.0};
    case Activation::gelu:
      return {v * cdf, cdf + v * std::exp(-v * v / 2) / std::sqrt(2 * pi)};
    case Activation::gelu_tanh:
      return {0.5 * v * (1 + t), 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * du};
    case Activation::silu:
      return {v * sigma, sigma * (1 + v * (1 - sigma))};
    case Activation::relu_squared:
      return {v > 0 ? v * v : 0.0, v > 0 ? 2 * v : 0.0};
  }
  return {};
}

}  // namespace

TEST_CASE_TEMPLATE("activations agree with the C library", T, float, double) {
  const Index count = 4001;
  std::vector<T> x(count), y(count), again(count), slope(count);
  for (Index i = 0; i < count; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<T>(static_cast<double>(i - 2000) / 200);
  }
  for (const auto kind : kinds) {
    activate<T>(Worker{}, kind, {x.data(), 1, count}, MatrixView<T>(y.data(), 1, count));
    slope = x;
    activate_with_slope<T>(Worker{}, kind, MatrixView<T>(slope.data(), 1, count),
                           MatrixView<T>(again.data(), 1, count));
    CHECK(again == y);
    double worst = 0, worst_slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(x[i]);
      const Expected expected = expected_of(kind, v);
      const double size = kind == Activation::relu_squared ? v * v : std::abs(v);
      worst = std::max(worst,
                       std::abs(static_cast<double>(y[i]) - expected.value) / std::max(1.0, size));
      worst_slope = std::max(worst_slope, std::abs(static_cast<double>(slope[i]) - expected.slope));
    }
    INFO(name_of(kind));
    CHECK(worst < 4 * tolerance<T>);
    CHECK(worst_slope < 10 * tolerance<T>);
  }
}

TEST_CASE("a NaN goes through every activation, so that divergence shows") {
  for (const auto kind : kinds) {
    std::vector<float> x{1, std::nanf(""), 2}, y(3);
    activate<float>(Worker{}, kind, {x.data(), 1, 3}, MatrixView<float>(y.data(), 1, 3));
    CHECK(std::isfinite(y[0]));
    CHECK(std::isnan(y[1]));
  }
}

TEST_CASE("the slope is the quotient of small differences") {
  for (const auto kind : kinds) {
    auto x = random_block<double>(200, 1, 2);
    const std::vector<double> ones(1, 1);
    std::vector<double> slope = x, y(x.size());
    activate_with_slope<double>(Worker{}, kind, MatrixView<double>(slope.data(), 8, 25),
                                MatrixView<double>(y.data(), 8, 25));
    std::vector<long double> quotients;
    for (double& number : x) {
      std::vector<double> one{number}, value(1);
      const auto expected = central_differences(one, 1e-6, [&] {
        activate<double>(Worker{}, kind, {one.data(), 1, 1},
                         MatrixView<double>(value.data(), 1, 1));
        return weighted_sum(ones, value);
      });
      quotients.push_back(expected[0]);
    }
    INFO(name_of(kind));
    CHECK(distance(slope, quotients) < (kind == Activation::relu_squared ? 1e-8 : 1e-9));
  }
}

TEST_CASE_TEMPLATE("however many workers, and rows that lie apart: the same bits, and no others", T,
                   float, double) {
  const Index rows = 7, columns = 37, stride = 40;
  const auto before = random_block<T>(rows * stride, 2);
  for (const auto kind : kinds) {
    std::vector<T> expected_slope, expected;
    for (const Index workers : {1, 2, 3, 8}) {
      auto h = before;
      std::vector<T> a = random_block<T>(rows * stride, 3);
      const auto untouched = a;
      ThreadPool(workers).run([&](const Worker& worker) {
        activate_with_slope<T>(worker, kind, MatrixView<T>(h.data(), rows, columns, stride),
                               MatrixView<T>(a.data(), rows, columns, stride));
      });
      if (workers == 1) expected = a, expected_slope = h;
      CHECK(a == expected);
      CHECK(h == expected_slope);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const bool outside = static_cast<Index>(i) % stride >= columns;
        if (outside) CHECK((a[i] == untouched[i] && h[i] == before[i]));
      }
    }
  }
}

TEST_CASE("activations have the names that files have for them") {
  CHECK(name_of(Activation::relu) == "relu");
  CHECK(name_of(Activation::gelu) == "gelu");
  CHECK(name_of(Activation::gelu_tanh) == "gelu-tanh");
  CHECK(name_of(Activation::silu) == "silu");
  CHECK(name_of(Activation::relu_squared) == "relu2");
}
