// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ACTIVATE_HPP)
#define OCTAVO_KERNELS_ACTIVATE_HPP

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>
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
              MatrixView<T> a) OCTAVO_KERNEL(activate<T>(worker, kind, h, a));

/// The same, and h is overwritten by activation'(h), which backward multiplies by: together they
/// cost little more than either.
template <Scalar T>
void activate_with_slope(const Worker& worker, Activation kind, MatrixView<T> h, MatrixView<T> a)
    OCTAVO_KERNEL(activate_with_slope<T>(worker, kind, h, a));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <Scalar T>
struct ValueAndSlope {
  simd::Vector<T> value;
  simd::Vector<T> slope;
};

/// Of one vector.
template <Activation kind, Scalar T>
OCTAVO_ALWAYS_INLINE ValueAndSlope<T> activate_vector(simd::Vector<T> x) {
  using V = simd::Vector<T>;
  const V zero = V{};
  const V one = simd::broadcast(T{1});
  if constexpr (kind == Activation::relu) {
    // Written so that a NaN stays NaN: divergence must show in the loss.
    return {zero > x ? zero : x, x > zero ? one : zero};
  } else if constexpr (kind == Activation::gelu) {
    const VectorGaussian<T> g = vector_gaussian<T>(x);
    return {x * g.cumulative, simd::fma(x, g.density, g.cumulative)};
  } else if constexpr (kind == Activation::silu) {
    const V s = one / (one + vector_exp<T>(-x));
    return {x * s, simd::fma(x, s * (one - s), s)};
  } else if constexpr (kind == Activation::relu_squared) {
    const V positive = zero > x ? zero : x;
    return {positive * positive, positive + positive};
  } else {
    // 0.5 (1 + tanh u) = 1 / (1 + exp(-2u)) = s;   d s / d u = 2 s (1 - s)
    const V c = simd::broadcast(static_cast<T>(0.7978845608028653559L));  // sqrt(2/pi)
    const V cubic = simd::broadcast(static_cast<T>(0.044715L));
    // For abs(x) > 100 GELU is x or 0: x^2 is clamped so that it cannot overflow.
    const V limit = simd::broadcast(T{10000});
    const V exact = x * x;
    const V square = exact > limit ? limit : exact;
    const V u = c * x * simd::fma(cubic, square, one);
    const V s = one / (one + vector_exp<T>(simd::broadcast(T{-2}) * u));
    const V du = c * simd::fma(simd::broadcast(T{3}) * cubic, square, one);
    const V ds = simd::broadcast(T{2}) * s * (one - s) * du;
    return {x * s, simd::fma(x, ds, s)};
  }
}

/// What is made of a row x of `count` numbers, with f(x) the activation and f'(x) its slope.
/// Without `up` and `d`: value = f(x) and, where slopes are wanted, slope = f'(x); with up: value =
/// f(x) up; with both, and slopes: value = d f(x), slope = d up f'(x). All may be the same memory
/// as x.
template <Scalar T>
struct ActivatedRow {
  Index count = 0;
  const T* x = nullptr;
  T* value = nullptr;
  T* slope = nullptr;
  const T* up = nullptr;
  const T* d = nullptr;
};

/// Two functions for all that is made of an activation, without and with its slope: to compile one
/// for each use takes as long again.
template <Activation kind, bool with_slope, Scalar T>
void activate_row(const ActivatedRow<T>& row) {
  using P = Pack<T>;
  for_each_pack(row.count, [row](Index j, Index n) {
    P value = P::load(row.x + j, n), slope;
    OCTAVO_UNROLL
    for (int i = 0; i < P::parts; ++i) {
      const ValueAndSlope<T> f = activate_vector<kind, T>(value.part[i]);
      value.part[i] = f.value;
      slope.part[i] = f.slope;
    }
    if constexpr (with_slope) {
      if (row.d != nullptr) {
        const P d_out = P::load(row.d + j, n);
        slope = d_out * P::load(row.up + j, n) * slope;
        value = d_out * value;
      }
      slope.store(row.slope + j, n);
    } else {
      if (row.up != nullptr) value = value * P::load(row.up + j, n);
    }
    value.store(row.value + j, n);
  });
}

/// Calls activate_row(row_of(i)) for this worker's share of `count` rows.
template <bool with_slope, Scalar T, typename RowOf>
void activate_rows(const Worker& worker, Activation kind, Index count, RowOf row_of) {
  constexpr void (*functions[])(const ActivatedRow<T>&) = {
      &activate_row<Activation::relu, with_slope, T>,
      &activate_row<Activation::gelu, with_slope, T>,
      &activate_row<Activation::gelu_tanh, with_slope, T>,
      &activate_row<Activation::silu, with_slope, T>,
      &activate_row<Activation::relu_squared, with_slope, T>};
  const auto function = functions[static_cast<int>(kind)];
  const Range rows = worker.split(count);
  for (Index i = rows.begin; i < rows.end; ++i) function(row_of(i));
}

}  // namespace detail

template <Scalar T>
void activate(const Worker& worker, Activation kind, MatrixView<const std::type_identity_t<T>> h,
              MatrixView<T> a) {
  detail::activate_rows<false, T>(worker, kind, h.rows, [&](Index i) {
    return detail::ActivatedRow<T>{.count = h.columns, .x = h.row(i), .value = a.row(i)};
  });
}

template <Scalar T>
void activate_with_slope(const Worker& worker, Activation kind, MatrixView<T> h, MatrixView<T> a) {
  detail::activate_rows<true, T>(worker, kind, h.rows, [&](Index i) {
    return detail::ActivatedRow<T>{
        .count = h.columns, .x = h.row(i), .value = a.row(i), .slope = h.row(i)};
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
