// SPDX-License-Identifier: MIT
// Numbers for tests of kernels, and how far results are from what they should be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <octavo/numeric/random.hpp>
#include <octavo/numeric/scalar.hpp>

namespace kernel_test {

using octavo::Index;
using octavo::Scalar;

/// Normal numbers; the same for the same seed.
template <Scalar T>
std::vector<T> random_block(Index count, std::uint64_t seed, double deviation = 1) {
  const octavo::CounterRandom random(seed, octavo::RandomStream::initial_weights);
  std::vector<T> block(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < block.size(); ++i) {
    block[i] = static_cast<T>(deviation * random.normal(i));
  }
  return block;
}

/// What a formula in T may be off by, for results near 1.
template <Scalar T>
constexpr double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;

template <Scalar T>
double distance(T got, long double expected) {
  return static_cast<double>(std::abs(static_cast<long double>(got) - expected));
}

/// The largest distance of any number; NaN counts as infinitely far.
template <Scalar T>
double distance(const std::vector<T>& got, const std::vector<long double>& expected) {
  double worst = got.size() == expected.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < got.size() && i < expected.size(); ++i) {
    const double off = distance(got[i], expected[i]);
    worst = std::isnan(off) ? HUGE_VAL : std::max(worst, off);
  }
  return worst;
}

/// d f() / d x[i] for every i, by central differences (f(x + h) - f(x - h)) / 2h.
template <typename Function>
std::vector<long double> central_differences(std::vector<double>& x, double step, Function f) {
  std::vector<long double> result;
  for (double& number : x) {
    const double before = number;
    number = before + step;
    const long double above = f();
    number = before - step;
    const long double below = f();
    number = before;
    result.push_back((above - below) / (2 * static_cast<long double>(step)));
  }
  return result;
}

/// The sum of weight[i] * x[i]: a loss whose gradient with respect to x is `weight`.
template <Scalar T>
long double weighted_sum(const std::vector<T>& weight, const std::vector<T>& x) {
  long double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    total += static_cast<long double>(weight[i]) * static_cast<long double>(x[i]);
  }
  return total;
}

}  // namespace kernel_test
