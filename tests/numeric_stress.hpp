// SPDX-License-Identifier: MIT
// Tables of numbers at the edge of what floats hold: what goes in, what must come out.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <octavo/numeric/scalar.hpp>

namespace stress {

using octavo::Scalar;

using Numbers = std::vector<double>;
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
template <Scalar T>
constexpr double largest = static_cast<double>(std::numeric_limits<T>::max());
template <Scalar T>
constexpr double rounding = 32 * static_cast<double>(std::numeric_limits<T>::epsilon());

/// A line of a table: what goes in, what must come out, what must come back as a gradient.
struct Case {
  std::string_view what;
  Numbers in, out, gradient = {};
};

/// Equal up to a relative tolerance; 0, infinity and NaN only equal themselves.
inline bool is(double got, double expected, double tolerance) {
  if (!std::isfinite(expected)) return got == expected || (std::isnan(got) && std::isnan(expected));
  return std::abs(got - expected) <= tolerance * std::abs(expected);
}

template <Scalar T>
bool are(const std::vector<T>& got, const Numbers& expected, double tolerance = rounding<T>) {
  return std::ranges::equal(got, expected, [&](double x, double y) { return is(x, y, tolerance); });
}

}  // namespace stress
