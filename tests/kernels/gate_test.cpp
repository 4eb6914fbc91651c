// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/gate.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

namespace {

constexpr Activation kinds[] = {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                Activation::silu, Activation::relu_squared};

}  // namespace

TEST_CASE("a gate with SiLU is gate / (1 + exp(-gate)) * up") {
  std::vector<double> h{1, -2, 3, 5}, y(2);
  gate<double>(Worker{}, Activation::silu, {h.data(), 1, 4}, MatrixView<double>(y.data(), 1, 2));
  CHECK(y[0] == doctest::Approx(1 / (1 + std::exp(-1.0)) * 3).epsilon(1e-14));
  CHECK(y[1] == doctest::Approx(-2 / (1 + std::exp(2.0)) * 5).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("gates agree with the activation and its slope, at every width", T, float,
                   double) {
  const Index rows = 3;
  for (const Index width : {1, 2, 15, 16, 17, 37, 64}) {
    for (const auto kind : kinds) {
      const auto h = random_block<T>(rows * 2 * width, 1, 2), d = random_block<T>(rows * width, 2);
      auto slope = h, value = h, gradient = h;
      activate_with_slope<T>(Worker{}, kind, MatrixView<T>(slope.data(), rows, 2 * width),
                             MatrixView<T>(value.data(), rows, 2 * width));
      std::vector<T> y(d.size());
      gate<T>(Worker{}, kind, {h.data(), rows, 2 * width}, MatrixView<T>(y.data(), rows, width));
      gate_backward<T>(Worker{}, kind, {d.data(), rows, width},
                       MatrixView<T>(gradient.data(), rows, 2 * width));
      std::vector<long double> expected, expected_gradient(h.size());
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < width; ++j) {
          const auto gate_at = static_cast<std::size_t>(i * 2 * width + j);
          const std::size_t up_at = gate_at + static_cast<std::size_t>(width);
          const auto act = static_cast<long double>(value[gate_at]);
          const auto up = static_cast<long double>(h[up_at]);
          const auto dy = static_cast<long double>(d[static_cast<std::size_t>(i * width + j)]);
          expected.push_back(act * up);
          expected_gradient[gate_at] = dy * up * static_cast<long double>(slope[gate_at]);
          expected_gradient[up_at] = dy * act;
        }
      }
      INFO(name_of(kind), ", width ", width);
      CHECK(distance(y, expected) < 50 * tolerance<T>);
      CHECK(distance(gradient, expected_gradient) < 50 * tolerance<T>);
    }
  }
}

TEST_CASE("the gradient of a gate is the quotient of small differences") {
  const Index rows = 2;
  for (const Index width : {1, 5, 19}) {
    for (const auto kind : kinds) {
      auto h = random_block<double>(rows * 2 * width, 1, 2);
      const auto d = random_block<double>(rows * width, 2);
      std::vector<double> y(d.size());
      const auto expected = central_differences(h, 1e-6, [&] {
        gate<double>(Worker{}, kind, {h.data(), rows, 2 * width},
                     MatrixView<double>(y.data(), rows, width));
        return weighted_sum(d, y);
      });
      gate_backward<double>(Worker{}, kind, {d.data(), rows, width},
                            MatrixView<double>(h.data(), rows, 2 * width));
      INFO(name_of(kind), ", width ", width);
      CHECK(distance(h, expected) < 1e-8);
    }
  }
}

TEST_CASE_TEMPLATE("gates: however many workers, and rows that lie apart: the same bits", T, float,
                   double) {
  const Index rows = 7, width = 21, stride = 48;
  const auto before = random_block<T>(rows * stride, 2), d = random_block<T>(rows * stride, 3);
  for (const auto kind : kinds) {
    std::vector<T> expected, expected_gradient;
    for (const Index workers : {1, 2, 3, 4, 8}) {
      auto h = before, y = d;
      ThreadPool(workers).run([&](const Worker& worker) {
        const MatrixView<T> both(h.data(), rows, 2 * width, stride);
        gate<T>(worker, kind, both, MatrixView<T>(y.data(), rows, width, stride));
        worker.barrier();
        gate_backward<T>(worker, kind, {d.data(), rows, width, stride}, both);
      });
      if (workers == 1) expected = y, expected_gradient = h;
      CHECK(y == expected);
      CHECK(h == expected_gradient);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const Index column = static_cast<Index>(i) % stride;
        if (column >= width) CHECK(y[i] == d[i]);
        if (column >= 2 * width) CHECK(h[i] == before[i]);
      }
    }
  }
}

TEST_CASE("a NaN goes through every gate, from either side") {
  for (const auto kind : kinds) {
    std::vector<float> h{std::nanf(""), 1, 1, std::nanf("")}, y(2);
    gate<float>(Worker{}, kind, {h.data(), 1, 4}, MatrixView<float>(y.data(), 1, 2));
    CHECK(std::all_of(y.begin(), y.end(), [](float x) { return std::isnan(x); }));
  }
}
