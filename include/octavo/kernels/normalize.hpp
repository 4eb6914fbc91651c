// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_NORMALIZE_HPP)
#define OCTAVO_KERNELS_NORMALIZE_HPP

#include <array>
#include <cmath>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Normalisation of rows of `width` numbers: layer normalisation (Ba, Kiros, Hinton 2016, eq. 3-4),
//   normalized = (x - mean) / sqrt(variance + epsilon),   y = normalized * gain + bias,
// and RMS norm (Zhang, Sennrich 2019, eq. 4), which subtracts no mean:
//   normalized = x / sqrt(mean(x^2) + epsilon),           y = normalized * gain + bias.
// Backward needs only `normalized` and rstd, the reciprocal of the root, so only these two are
// saved.
namespace OCTAVO_NAMESPACE {

/// Added to the variance; PyTorch's and GPT-2's value.
inline constexpr double layer_norm_epsilon = 1e-5;

/// What a norm divides by.
enum class NormKind {
  layer,  ///< the standard deviation, after the mean is subtracted (Ba et al. 2016)
  rms,    ///< the root of the mean square; no mean is subtracted (Zhang, Sennrich 2019)
};

/// The names in options and files.
constexpr std::array<std::string_view, 2> choice_names(NormKind) noexcept {
  return {"layer", "rms"};
}

/// Which normalisation the kernels compute.
struct Normalization {
  NormKind kind = NormKind::layer;
  double epsilon = layer_norm_epsilon;  ///< added under the root
  bool unit_offset = false;             ///< 1 + gain multiplies in the place of gain, as in Gemma
  /// Each row of a matrix is so many rows of `width` numbers next to each other, such as the heads
  /// of a position. Each of them is normalised by itself; all share gain and bias [width].
  Index groups = 1;
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/normalize.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// y = normalized * gain + bias.  normalized, y [rows, groups * width]; gain, bias [width], bias
/// may be null. Computes a normalisation's output again from the saved values; overwrites y.
template <Scalar T>
void scale_and_shift(const Worker& worker, MatrixView<const std::type_identity_t<T>> normalized,
                     const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
                     MatrixView<T> y, const Normalization& norm = {})
    OCTAVO_KERNEL(scale_and_shift<T>(worker, normalized, gain, bias, y, norm));

/// Forward: overwrites normalized [rows, groups * width], rstd [rows, groups] = 1 / sqrt(variance +
/// epsilon), or 1 / sqrt(mean square + epsilon), and y [rows, groups * width]. Mean and variance
/// are taken in two passes over the row. x may be the same memory as y.
template <Scalar T>
void normalize(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
               MatrixView<T> normalized, T* rstd, MatrixView<T> y, const Normalization& norm = {})
    OCTAVO_KERNEL(normalize<T>(worker, x, gain, bias, normalized, rstd, y, norm));

/// Backward to the input: dx += rstd * (g - mean(g) - normalized * mean(g normalized)) with
/// g = dy * gain; RMS norm lacks the term mean(g). Adds to dx [rows, groups * width].
template <Scalar T>
void normalize_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                              MatrixView<const std::type_identity_t<T>> normalized, const T* rstd,
                              const T* gain, MatrixView<T> dx, const Normalization& norm = {})
    OCTAVO_KERNEL(normalize_backward_input<T>(worker, dy, normalized, rstd, gain, dx, norm));

/// Backward to the parameters: dgain (+)= sum over rows and groups of dy * normalized, dbias (+)=
/// sum of dy, rows in order and within a row its groups in order. Overwrites or adds to dgain and
/// dbias [width], as `output` says. Either may be null and is then left out.
template <Scalar T>
void normalize_backward_parameters(const Worker& worker,
                                   MatrixView<const std::type_identity_t<T>> dy,
                                   MatrixView<const std::type_identity_t<T>> normalized, T* dgain,
                                   T* dbias, Output output, const Normalization& norm = {})
    OCTAVO_KERNEL(normalize_backward_parameters<T>(worker, dy, normalized, dgain, dbias, output,
                                                   norm));

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

/// What multiplies the normalised numbers: gain, or 1 + gain.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> load_gain(const T* gain, Index lanes, bool unit_offset) {
  const Pack<T> stored = Pack<T>::load(gain, lanes);
  return unit_offset ? stored + Pack<T>::broadcast(T{1}) : stored;
}

}  // namespace detail

template <Scalar T>
void scale_and_shift(const Worker& worker, MatrixView<const std::type_identity_t<T>> normalized,
                     const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
                     MatrixView<T> y, const Normalization& norm) {
  using P = Pack<T>;
  const Index width = y.columns / norm.groups;
  const Range rows = worker.split(y.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for (Index first = 0; first < y.columns; first += width) {
      const T* from = normalized.row(i) + first;
      T* to = y.row(i) + first;
      for_each_pack(width, [&](Index j, Index lanes) {
        const P shift = bias == nullptr ? P::broadcast(T{0}) : P::load(bias + j, lanes);
        const P scale = detail::load_gain<T>(gain + j, lanes, norm.unit_offset);
        fma(P::load(from + j, lanes), scale, shift).store(to + j, lanes);
      });
    }
  }
}

template <Scalar T>
void normalize(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               const std::type_identity_t<T>* gain, const std::type_identity_t<T>* bias,
               MatrixView<T> normalized, T* rstd, MatrixView<T> y, const Normalization& norm) {
  using P = Pack<T>;
  const Index columns = x.columns / norm.groups;
  const T width = static_cast<T>(columns);
  const Range rows = worker.split(x.rows);
  for (Index i = rows.begin * norm.groups; i < rows.end * norm.groups; ++i) {
    const Index first = i % norm.groups * columns;
    const T* in = x.row(i / norm.groups) + first;
    T* out = normalized.row(i / norm.groups) + first;
    T mean{0};  // subtracted, 0 changes no number
    if (norm.kind == NormKind::layer) {
      mean = detail::row_sum<T>(
                 columns, [&](P total, Index j, Index n) { return total + P::load(in + j, n); }) /
             width;
    }
    const P center = P::broadcast(mean);
    const T square = detail::row_sum<T>(columns, [&](P total, Index j, Index n) {
      const P deviation = (P::load(in + j, n) - center).mask_tail(n, T{0});
      return fma(deviation, deviation, total);
    });
    // Squares that overflow give NaN; otherwise the row would look like zeros and hide divergence.
    const T inverse =
        T{1} / std::sqrt(square / width + static_cast<T>(norm.epsilon)) + (square - square);
    rstd[i] = inverse;
    const P factor = P::broadcast(inverse);
    for_each_pack(columns, [&](Index j, Index n) {
      ((P::load(in + j, n) - center) * factor).store(out + j, n);
    });
  }
  OCTAVO_ISA::scale_and_shift<T>(worker, normalized, gain, bias, y, norm);
}

template <Scalar T>
void normalize_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                              MatrixView<const std::type_identity_t<T>> normalized, const T* rstd,
                              const T* gain, MatrixView<T> dx, const Normalization& norm) {
  using P = Pack<T>;
  const Index columns = dx.columns / norm.groups;
  const T width = static_cast<T>(columns);
  const Range rows = worker.split(dx.rows);
  for (Index i = rows.begin * norm.groups; i < rows.end * norm.groups; ++i) {
    const Index first = i % norm.groups * columns;
    const T* dy_i = dy.row(i / norm.groups) + first;
    const T* x_i = normalized.row(i / norm.groups) + first;
    T* dx_i = dx.row(i / norm.groups) + first;
    P total = P::broadcast(T{0});
    P weighted = P::broadcast(T{0});
    for_each_pack(columns, [&](Index j, Index n) {
      const P g = P::load(dy_i + j, n) * detail::load_gain<T>(gain + j, n, norm.unit_offset);
      total = total + g;
      weighted = fma(g, P::load(x_i + j, n), weighted);
    });
    const bool centered = norm.kind == NormKind::layer;
    const P mean = P::broadcast(centered ? sum(total) / width : T{0});
    const P slope = P::broadcast(-(sum(weighted) / width));
    const P factor = P::broadcast(rstd[i]);
    for_each_pack(columns, [&](Index j, Index n) {
      const P scale = detail::load_gain<T>(gain + j, n, norm.unit_offset);
      const P deviation = fma(P::load(dy_i + j, n), scale, -mean);
      const P g = fma(P::load(x_i + j, n), slope, deviation);
      fma(g, factor, P::load(dx_i + j, n)).store(dx_i + j, n);
    });
  }
}

template <Scalar T>
void normalize_backward_parameters(const Worker& worker,
                                   MatrixView<const std::type_identity_t<T>> dy,
                                   MatrixView<const std::type_identity_t<T>> normalized, T* dgain,
                                   T* dbias, Output output, const Normalization& norm) {
  using P = Pack<T>;
  const Index width = dy.columns / norm.groups;
  const Range columns = worker.split(width, P::lanes);
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    P gain = P::broadcast(T{0});
    P bias = gain;
    if (output != Output::overwrite) {
      if (dgain != nullptr) gain = P::load(dgain + j, n);
      if (dbias != nullptr) bias = P::load(dbias + j, n);
    }
    for (Index i = 0; i < dy.rows; ++i) {
      for (Index at = j; at < dy.columns; at += width) {  // the groups
        const P dy_i = P::load(dy.row(i) + at, n);
        gain = fma(dy_i, P::load(normalized.row(i) + at, n), gain);
        bias = bias + dy_i;
      }
    }
    if (dgain != nullptr) gain.store(dgain + j, n);
    if (dbias != nullptr) bias.store(dbias + j, n);
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
