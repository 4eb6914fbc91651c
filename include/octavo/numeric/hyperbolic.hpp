// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_NUMERIC_HYPERBOLIC_HPP)
#define OCTAVO_NUMERIC_HYPERBOLIC_HPP

#include <array>
#include <concepts>

#include <octavo/base/config.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>

#define OCTAVO_FILE "octavo/numeric/hyperbolic.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

/// The hyperbolic tangent within 4 units in the last place; NaN gives NaN. Near zero it is computed
/// by the Taylor series, because 1 - e^(-2x) would cancel digits.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> tanh(Pack<T> x) {
  using P = Pack<T>;
  // (tanh(x) - x) / x^3 by powers of x^2, for |x| <= 1/4
  constexpr std::array<double, 9> series{-1.0 / 3,
                                         2.0 / 15,
                                         -17.0 / 315,
                                         62.0 / 2835,
                                         -1382.0 / 155925,
                                         21844.0 / 6081075,
                                         -929569.0 / 638512875,
                                         6404582.0 / 10854718875,
                                         -443861162.0 / 1856156927625};
  constexpr std::size_t terms = std::same_as<T, float> ? 4 : series.size();
  constexpr std::array<T, terms> coefficients = [&] {
    std::array<T, terms> rounded{};
    for (std::size_t i = 0; i < terms; ++i) rounded[i] = static_cast<T>(series[i]);
    return rounded;
  }();
  const P zero = P::broadcast(T{0});
  const P one = P::broadcast(T{1});
  const P size = select_greater(zero, x, -x, x);
  const P square = x * x;
  const P near = fma(detail::polynomial(coefficients, square), square * x, x);
  const P decayed = exp(P::broadcast(T{-2}) * size);
  const P far = divide_by_positive(one - decayed, one + decayed);
  const P signed_far = select_greater(zero, x, -far, far);
  return select_greater(size, P::broadcast(T(0.25)), signed_far, near);
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
