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

namespace detail {

// (tanh(x) - x) / x^3 by powers of x^2, for |x| <= 1/4
inline constexpr std::array<double, 9> tanh_series{-1.0 / 3,
                                                   2.0 / 15,
                                                   -17.0 / 315,
                                                   62.0 / 2835,
                                                   -1382.0 / 155925,
                                                   21844.0 / 6081075,
                                                   -929569.0 / 638512875,
                                                   6404582.0 / 10854718875,
                                                   -443861162.0 / 1856156927625};

/// As many of them as T has digits for.
template <Scalar T>
inline constexpr auto tanh_coefficients = [] {
  std::array<T, std::same_as<T, float> ? 4 : tanh_series.size()> rounded{};
  for (std::size_t i = 0; i < rounded.size(); ++i) rounded[i] = static_cast<T>(tanh_series[i]);
  return rounded;
}();

template <Scalar T>
OCTAVO_ALWAYS_INLINE simd::Vector<T> vector_tanh(simd::Vector<T> x) {
  using V = simd::Vector<T>;
  const V zero = V{};
  const V one = simd::broadcast(T{1});
  const V size = zero > x ? -x : x;
  const V square = x * x;
  const V near = simd::fma(polynomial<T>(tanh_coefficients<T>, square), square * x, x);
  const V decayed = vector_exp<T>(simd::broadcast(T{-2}) * size);
  const V far = vector_quotient<T>(one - decayed, one + decayed);
  const V signed_far = zero > x ? -far : far;
  return size > simd::broadcast(T(0.25)) ? signed_far : near;
}

}  // namespace detail

/// The hyperbolic tangent within 4 units in the last place; NaN gives NaN. Near zero it is computed
/// by the Taylor series, because 1 - e^(-2x) would cancel digits.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> tanh(Pack<T> x) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(x.part[i] = detail::vector_tanh<T>(x.part[i]));
  return x;
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
