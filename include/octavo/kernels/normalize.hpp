// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_NORMALIZE_HPP)
#define OCTAVO_KERNELS_NORMALIZE_HPP

#include <cmath>

#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Layer normalisation (Ba, Kiros, Hinton 2016, eq. 3-4) over rows of `width` numbers:
//   normalized = (x - mean) / sqrt(variance + epsilon),   y = normalized * gain + bias.
// Backward needs only `normalized` and rstd, the reciprocal of the standard deviation, so only
// these two are saved.
namespace OCTAVO_NAMESPACE {

/// Added to the variance; PyTorch's and GPT-2's value.
inline constexpr double layer_norm_epsilon = 1e-5;

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/normalize.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// y = normalized * gain + bias.  normalized, y [rows, width]; gain, bias [width], bias may be
/// null. Computes a normalisation's output again from the saved values; overwrites y.
template <Scalar T>
void scale_and_shift(const Worker& worker, MatrixView<const std::type_identity_t<T>> normalized,
                     const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
                     MatrixView<T> y)
    OCTAVO_KERNEL(scale_and_shift<T>(worker, normalized, gain, bias, y));

/// Forward: overwrites normalized [rows, width], rstd [rows] = 1 / sqrt(variance + epsilon) and
/// y [rows, width]. Mean and variance are taken in two passes over the row. x may be the same
/// memory as y.
template <Scalar T>
void normalize(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
               MatrixView<T> normalized, T* rstd, MatrixView<T> y,
               double epsilon = layer_norm_epsilon)
    OCTAVO_KERNEL(normalize<T>(worker, x, gain, bias, normalized, rstd, y, epsilon));

/// Backward to the input: dx += rstd * (g - mean(g) - normalized * mean(g normalized)) with
/// g = dy * gain. Adds to dx [rows, width].
template <Scalar T>
void normalize_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                              MatrixView<const std::type_identity_t<T>> normalized, const T* rstd,
                              const T* gain, MatrixView<T> dx)
    OCTAVO_KERNEL(normalize_backward_input<T>(worker, dy, normalized, rstd, gain, dx));

/// Backward to the parameters: dgain (+)= sum over rows of dy * normalized, dbias (+)= sum of dy,
/// rows in order. Overwrites or adds to dgain and dbias [width], as `output` says. Either may be
/// null and is then left out.
template <Scalar T>
void normalize_backward_parameters(const Worker& worker,
                                   MatrixView<const std::type_identity_t<T>> dy,
                                   MatrixView<const std::type_identity_t<T>> normalized, T* dgain,
                                   T* dbias, Output output)
    OCTAVO_KERNEL(normalize_backward_parameters<T>(worker, dy, normalized, dgain, dbias, output));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// Reduces a row by total = step(total, offset, lanes) on sixteen running totals, then adds these
/// in a fixed tree.
template <Scalar T, typename Step>
OCTAVO_ALWAYS_INLINE T row_sum(Index count, Step step) {
  Pack<T> total = Pack<T>::broadcast(T{0});
  for_each_pack(count, [&](Index j, Index lanes) { total = step(total, j, lanes); });
  return sum(total);
}

}  // namespace detail

template <Scalar T>
void scale_and_shift(const Worker& worker, MatrixView<const std::type_identity_t<T>> normalized,
                     const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
                     MatrixView<T> y) {
  using P = Pack<T>;
  const Range rows = worker.split(y.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(y.columns, [&](Index j, Index lanes) {
      const P shift = bias == nullptr ? P::broadcast(T{0}) : P::load(bias + j, lanes);
      fma(P::load(normalized.row(i) + j, lanes), P::load(gain + j, lanes), shift)
          .store(y.row(i) + j, lanes);
    });
  }
}

template <Scalar T>
void normalize(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
               MatrixView<T> normalized, T* rstd, MatrixView<T> y, double epsilon) {
  using P = Pack<T>;
  const T width = static_cast<T>(x.columns);
  const Range rows = worker.split(x.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    const T* in = x.row(i);
    const T mean =
        detail::row_sum<T>(x.columns,
                           [&](P total, Index j, Index n) { return total + P::load(in + j, n); }) /
        width;
    const P center = P::broadcast(mean);
    const T square = detail::row_sum<T>(x.columns, [&](P total, Index j, Index n) {
      const P deviation = (P::load(in + j, n) - center).keep(n, T{0});
      return fma(deviation, deviation, total);
    });
    // Squares that overflow give NaN; otherwise the row would look like zeros and hide divergence.
    const T inverse =
        T{1} / std::sqrt(square / width + static_cast<T>(epsilon)) + (square - square);
    rstd[i] = inverse;
    const P factor = P::broadcast(inverse);
    for_each_pack(x.columns, [&](Index j, Index n) {
      ((P::load(in + j, n) - center) * factor).store(normalized.row(i) + j, n);
    });
  }
  OCTAVO_ISA::scale_and_shift<T>(worker, normalized, gain, bias, y);
}

template <Scalar T>
void normalize_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                              MatrixView<const std::type_identity_t<T>> normalized, const T* rstd,
                              const T* gain, MatrixView<T> dx) {
  using P = Pack<T>;
  const T width = static_cast<T>(dx.columns);
  const Range rows = worker.split(dx.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    const T* dy_i = dy.row(i);
    const T* x_i = normalized.row(i);
    P total = P::broadcast(T{0});
    P weighted = P::broadcast(T{0});
    for_each_pack(dx.columns, [&](Index j, Index n) {
      const P g = P::load(dy_i + j, n) * P::load(gain + j, n);
      total = total + g;
      weighted = fma(g, P::load(x_i + j, n), weighted);
    });
    const P mean = P::broadcast(sum(total) / width);
    const P slope = P::broadcast(-(sum(weighted) / width));
    const P factor = P::broadcast(rstd[i]);
    for_each_pack(dx.columns, [&](Index j, Index n) {
      const P centered = fma(P::load(dy_i + j, n), P::load(gain + j, n), -mean);
      const P g = fma(P::load(x_i + j, n), slope, centered);
      fma(g, factor, P::load(dx.row(i) + j, n)).store(dx.row(i) + j, n);
    });
  }
}

template <Scalar T>
void normalize_backward_parameters(const Worker& worker,
                                   MatrixView<const std::type_identity_t<T>> dy,
                                   MatrixView<const std::type_identity_t<T>> normalized, T* dgain,
                                   T* dbias, Output output) {
  using P = Pack<T>;
  const Range columns = worker.split(dy.columns, P::lanes);
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    P gain = P::broadcast(T{0});
    P bias = gain;
    if (output != Output::overwrite) {
      if (dgain != nullptr) gain = P::load(dgain + j, n);
      if (dbias != nullptr) bias = P::load(dbias + j, n);
    }
    for (Index i = 0; i < dy.rows; ++i) {
      const P dy_i = P::load(dy.row(i) + j, n);
      gain = fma(dy_i, P::load(normalized.row(i) + j, n), gain);
      bias = bias + dy_i;
    }
    if (dgain != nullptr) gain.store(dgain + j, n);
    if (dbias != nullptr) bias.store(dbias + j, n);
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
