// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE_TEMPLATE("cross-entropy and its gradient are the formula", T, float, double) {
  for (const Index vocabulary : {1, 2, 16, 35, 66, 300}) {
    const Index rows = 4;
    auto logits = random_block<T>(rows * vocabulary, 9, 3);
    const auto original = logits;
    const std::vector<Token> targets{0, static_cast<Token>(vocabulary - 1), ignored_target, 0};
    std::vector<T> losses(4);
    softmax_cross_entropy<T>(Worker{}, MatrixView<T>(logits.data(), rows, vocabulary), targets,
                             losses, T(0.25), true);
    for (Index r = 0; r < rows; ++r) {
      const T* row = &original[static_cast<std::size_t>(r * vocabulary)];
      const Token target = targets[static_cast<std::size_t>(r)];
      long double total = 0;
      for (Index j = 0; j < vocabulary; ++j) total += std::exp(static_cast<long double>(row[j]));
      const long double loss =
          target < 0 ? 0 : std::log(total) - static_cast<long double>(row[target]);
      CHECK(distance(losses[static_cast<std::size_t>(r)], loss) < 20 * tolerance<T>);
      for (Index j = 0; j < vocabulary; ++j) {
        const long double p = std::exp(static_cast<long double>(row[j])) / total;
        const long double expected = target < 0 ? 0 : (p - (j == target ? 1 : 0)) * 0.25L;
        const T got = logits[static_cast<std::size_t>(r * vocabulary + j)];
        CHECK(distance(got, expected) < 4 * tolerance<T>);
      }
    }
  }
}

TEST_CASE("cross-entropy of extreme logits is finite or the documented limit") {
  std::vector<float> logits{1e38f, -1e38f, 0}, losses(1);
  const std::vector<Token> likely{0}, unlikely{1};
  softmax_cross_entropy<float>(Worker{}, MatrixView<float>(logits.data(), 1, 3), likely, losses, 1,
                               false);
  CHECK(losses[0] == 0);
  softmax_cross_entropy<float>(Worker{}, MatrixView<float>(logits.data(), 1, 3), unlikely, losses,
                               1, false);
  CHECK(losses[0] == doctest::Approx(2e38));
}

TEST_CASE("the gradient is the quotient of small differences of the sum of losses times scale") {
  const Index rows = 3, vocabulary = 35;
  const std::vector<Token> targets{34, ignored_target, 7};
  auto logits = random_block<double>(rows * vocabulary, 1);
  const MatrixView<double> view(logits.data(), rows, vocabulary);
  std::vector<double> losses(3);
  const auto quotients = central_differences(logits, 1e-5, [&] {
    softmax_cross_entropy<double>(Worker{}, view, targets, losses, 0.25, false);
    return weighted_sum(std::vector<double>(3, 0.25), losses);
  });
  softmax_cross_entropy<double>(Worker{}, view, targets, losses, 0.25, true);
  CHECK(distance(logits, quotients) < 1e-10);
}

TEST_CASE_TEMPLATE("however many workers, and rows that lie apart: the same bits, and no others", T,
                   float, double) {
  const Index rows = 7, vocabulary = 35, stride = 48;
  const auto before = random_block<T>(rows * stride, 1);
  const std::vector<Token> targets{3, 34, -1, 0, -100, 17, 5};
  std::vector<T> expected, expected_losses;
  for (const Index workers : {1, 2, 3, 8}) {
    auto logits = before;
    std::vector<T> losses(7, T(-1));
    const MatrixView<T> view(logits.data(), rows, vocabulary, stride);
    ThreadPool threads(workers);
    threads.run([&](const Worker& worker) {
      softmax_cross_entropy<T>(worker, view, targets, losses, T(0.5), false);
    });
    CHECK(logits == before);  // without a gradient they stay
    const auto without = losses;
    threads.run([&](const Worker& worker) {
      softmax_cross_entropy<T>(worker, view, targets, losses, T(0.5), true);
    });
    CHECK(losses == without);
    if (workers == 1) expected = logits, expected_losses = losses;
    CHECK(logits == expected);
    CHECK(losses == expected_losses);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (static_cast<Index>(i) % stride >= vocabulary) CHECK(logits[i] == before[i]);
    }
  }
}

TEST_CASE("targets that count are those that are not negative") {
  const std::vector<Token> targets{3, ignored_target, 0, -100};
  CHECK(count_targets(targets) == 2);
  CHECK(count_targets({}) == 0);
}

TEST_CASE_TEMPLATE("the gradient of some columns, from what was kept, has the bits of all", T,
                   float, double) {
  const Index rows = 5, vocabulary = 150;
  const std::vector<Token> targets{3, 149, -1, 64, 63};
  for (const T cap : {T{0}, T{2}}) {
    const auto before = random_block<T>(rows * vocabulary, 4);
    auto whole = before;
    std::vector<T> losses(5), largest(5), factors(5);
    const SoftmaxStatistics<T> statistics{largest.data(), factors.data()};
    softmax_cross_entropy<T>(Worker{}, MatrixView<T>(whole.data(), rows, vocabulary), targets,
                             losses, T(0.5), true, cap, statistics);
    for (const Index size : {1, 16, 64, 150}) {
      for (const Index workers : {1, 3}) {
        auto parts = before;
        const MatrixView<T> all(parts.data(), rows, vocabulary);
        ThreadPool threads(workers);
        for (Index first = 0; first < vocabulary; first += size) {
          const Range columns{first, std::min(first + size, vocabulary)};
          threads.run([&](const Worker& worker) {
            softmax_gradient<T>(worker, all.block(0, rows, first, columns.size()), columns, targets,
                                statistics, T(0.5), cap);
          });
        }
        CHECK(parts == whole);
      }
    }
  }
}
