// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ACTIVATE_HPP)
#define OCTAVO_KERNELS_ACTIVATE_HPP

#include <array>
#include <string_view>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The non-linearity between the two layers of a feed-forward network.
enum class Activation {
  relu,          ///< max(x, 0)
  gelu,          ///< x Phi(x), Phi the normal distribution (Hendrycks, Gimpel 2016), exact
  gelu_tanh,     ///< its approximation 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), GPT-2's
  silu,          ///< x sigma(x), sigma(x) = 1 / (1 + exp(-x)) (Elfwing, Uchibe, Doya 2017)
  relu_squared,  ///< max(x, 0)^2 (So et al. 2021)
};

/// The names in options and files.
constexpr std::array<std::string_view, 5> choice_names(Activation) noexcept {
  return {"relu", "gelu", "gelu-tanh", "silu", "relu2"};
}

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/activate.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// a = activation(h), elementwise; h, a [rows, columns]; overwrites a.
template <Scalar T>
void activate(const Worker& worker, Activation kind, MatrixView<const std::type_identity_t<T>> h,
              MatrixView<T> a) OCTAVO_KERNEL(activate<T>(worker, kind, h, a, MatrixView<T>{}));

/// The same, and h is overwritten by activation'(h), which backward multiplies by: together they
/// cost little more than either.
template <Scalar T>
void activate_with_slope(const Worker& worker, Activation kind, MatrixView<T> h, MatrixView<T> a)
    OCTAVO_KERNEL(activate<T>(worker, kind, h, a, h));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <Scalar T>
struct ValueAndSlope {
  Pack<T> value;
  Pack<T> slope;
};

template <Activation kind, Scalar T>
OCTAVO_ALWAYS_INLINE ValueAndSlope<T> activate_pack(Pack<T> x) {
  using P = Pack<T>;
  const P zero = P::broadcast(T{0});
  const P one = P::broadcast(T{1});
  if constexpr (kind == Activation::relu) {
    // Written so that a NaN stays NaN: divergence must show in the loss.
    return {select_greater(zero, x, zero, x), select_greater(x, zero, one, zero)};
  } else if constexpr (kind == Activation::gelu) {
    const Gaussian<T> g = gaussian(x);
    return {x * g.cumulative, fma(x, g.density, g.cumulative)};
  } else if constexpr (kind == Activation::silu) {
    const P s = one / (one + exp(-x));
    return {x * s, fma(x, s * (one - s), s)};
  } else if constexpr (kind == Activation::relu_squared) {
    const P positive = select_greater(zero, x, zero, x);
    return {positive * positive, positive + positive};
  } else {
    // 0.5 (1 + tanh u) = 1 / (1 + exp(-2u)) = s;   d s / d u = 2 s (1 - s)
    const P c = P::broadcast(static_cast<T>(0.7978845608028653559L));  // sqrt(2/pi)
    const P cubic = P::broadcast(static_cast<T>(0.044715L));
    // For abs(x) > 100 GELU is x or 0: x^2 is clamped so that it cannot overflow.
    const P limit = P::broadcast(T{10000});
    const P exact = x * x;
    const P square = select_greater(exact, limit, limit, exact);
    const P u = c * x * fma(cubic, square, one);
    const P s = one / (one + exp(P::broadcast(T{-2}) * u));
    const P du = c * fma(P::broadcast(T{3}) * cubic, square, one);
    const P ds = P::broadcast(T{2}) * s * (one - s) * du;
    return {x * s, fma(x, ds, s)};
  }
}

/// Calls body(constant), where constant() is the activation as a constant expression.
template <typename Body>
OCTAVO_ALWAYS_INLINE void with_activation(Activation kind, Body body) {
  switch (kind) {
    case Activation::relu:
      return body(std::integral_constant<Activation, Activation::relu>{});
    case Activation::gelu:
      return body(std::integral_constant<Activation, Activation::gelu>{});
    case Activation::gelu_tanh:
      return body(std::integral_constant<Activation, Activation::gelu_tanh>{});
    case Activation::silu:
      return body(std::integral_constant<Activation, Activation::silu>{});
    case Activation::relu_squared:
      return body(std::integral_constant<Activation, Activation::relu_squared>{});
  }
}

template <Activation kind, Scalar T>
void activate_rows(const Worker& worker, MatrixView<const T> h, MatrixView<T> a,
                   MatrixView<T> slope) {
  const Range rows = worker.split(h.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(h.columns, [&](Index j, Index n) {
      const ValueAndSlope<T> f = activate_pack<kind>(Pack<T>::load(h.row(i) + j, n));
      f.value.store(a.row(i) + j, n);
      if (slope.data != nullptr) f.slope.store(slope.row(i) + j, n);
    });
  }
}

}  // namespace detail

/// `slope` may be h, and has no data where none is wanted: one function for both is half as much to
/// compile.
template <Scalar T>
void activate(const Worker& worker, Activation kind, MatrixView<const std::type_identity_t<T>> h,
              MatrixView<T> a, MatrixView<T> slope) {
  detail::with_activation(
      kind, [&](auto constant) { detail::activate_rows<constant(), T>(worker, h, a, slope); });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
