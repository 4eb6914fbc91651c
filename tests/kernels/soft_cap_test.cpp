// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/soft_cap.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE("no number exceeds the cap, and small ones stay what they are") {
  std::vector<double> x{-1e9, -3, -1e-9, 0, 1e-9, 0.5, 3, 1e9};
  const std::vector<double> before = x;
  soft_cap<double>(Worker{}, 2, MatrixView<double>(x.data(), 2, 4));
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(x[i] == doctest::Approx(2 * std::tanh(before[i] / 2)).epsilon(1e-14));
  }
  CHECK(x.front() == -2);
  CHECK(x.back() == 2);
}

TEST_CASE_TEMPLATE("rows are shared out: the same bits for any number of workers", T, float,
                   double) {
  for (const Index columns : {1, 16, 37}) {
    const Index rows = 7, stride = columns + 2;
    const auto before = random_block<T>(rows * stride, 1);
    const auto capped = [&](Index workers) {
      auto x = before;
      ThreadPool(workers).run([&](const Worker& worker) {
        soft_cap<T>(worker, T(0.3), MatrixView<T>(x.data(), rows, columns, stride));
      });
      return x;
    };
    CHECK(capped(3) == capped(1));
    CHECK(capped(1)[static_cast<std::size_t>(columns)] ==
          before[static_cast<std::size_t>(columns)]);
  }
}

TEST_CASE("the gradient of the loss goes through the cap: quotients of small differences") {
  constexpr Index rows = 3, columns = 19;
  constexpr double cap = 0.7, scale = 0.4;
  std::vector<double> logits = random_block<double>(rows * columns, 4);
  const std::vector<Token> targets{3, ignored_target, 18};
  const auto loss = [&](bool gradient, std::vector<double>& numbers) {
    std::vector<double> losses(rows);
    const MatrixView<double> view(numbers.data(), rows, columns);
    soft_cap<double>(Worker{}, cap, view);
    softmax_cross_entropy<double>(Worker{}, view, targets, losses, scale, gradient, cap);
    return scale * (losses[0] + losses[1] + losses[2]);
  };
  const auto quotients = central_differences(logits, 1e-5, [&] {
    std::vector<double> copy = logits;
    return static_cast<long double>(loss(false, copy));
  });
  std::vector<double> gradient = logits;
  loss(true, gradient);
  double worst = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    worst = std::max(worst, distance(gradient[i], quotients[i]));
  }
  CHECK(worst < 1e-9);
}
