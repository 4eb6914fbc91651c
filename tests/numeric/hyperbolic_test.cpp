// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <octavo/numeric/hyperbolic.hpp>

using namespace octavo;

TEST_CASE_TEMPLATE("tanh is within 4 units in the last place", T, float, double) {
  using P = OCTAVO_BASE_ISA::Pack<T>;
  const auto tanh_of = [](T x) {
    T lanes[16];
    tanh(P::broadcast(x)).store(lanes);
    return lanes[0];
  };
  double worst = 0;
  for (int i = -4000; i <= 4000; ++i) {
    const T x = static_cast<T>(i) * static_cast<T>(0.0051) + static_cast<T>(1e-4);
    const auto exact = std::tanh(static_cast<long double>(x));
    const auto unit = std::abs(exact) * static_cast<long double>(std::numeric_limits<T>::epsilon());
    worst = std::max(
        worst, static_cast<double>(std::abs(static_cast<long double>(tanh_of(x)) - exact) / unit));
  }
  CHECK(worst < 4);
  CHECK(tanh_of(T{0}) == T{0});
  CHECK(tanh_of(T{1000}) == T{1});
  CHECK(tanh_of(T{-1000}) == T{-1});
  CHECK(std::isnan(tanh_of(std::numeric_limits<T>::quiet_NaN())));
}
