// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_CONVOLVE_HPP)
#define OCTAVO_KERNELS_CONVOLVE_HPP

#include <algorithm>
#include <array>
#include <cstddef>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Depthwise causal convolution over positions with a residual connection, as in the Canon layers of
// Allen-Zhu 2025 (arXiv 2512.17351): every channel c has its own taps w_k,
//   y[t, c] = x[t, c] + sum over k of w[k, c] * x[t - k, c],   k = 0 .. taps - 1, k <= t.
// What lies before the first position of a sequence is left out, as if it were zero.
//
// Matrices are [rows, width], rows = sequences * positions; w [taps, width]. Workers divide the
// columns, so a kernel needs no result of another worker. Sums begin with the residual term and go
// on from k = 0.
namespace OCTAVO_NAMESPACE {

/// The most taps of a convolution.
inline constexpr Index most_taps = 8;

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/convolve.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Forward, for sequences of `sequence` positions each. Overwrites y, which is other memory than x.
template <Scalar T>
void convolve(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              MatrixView<const std::type_identity_t<T>> w, Index sequence, MatrixView<T> y)
    OCTAVO_KERNEL(convolve<T>(worker, x, w, sequence, y));

/// Forward for the next rows of one sequence, of which `position` positions came before. `newest`
/// [taps - 1, width] has the inputs of the last of them, that of position p in row
/// p mod (taps - 1); the rows of x are stored in their place.
template <Scalar T>
void convolve_next(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   MatrixView<const std::type_identity_t<T>> w, Index position,
                   MatrixView<T> newest, MatrixView<T> y)
    OCTAVO_KERNEL(convolve_next<T>(worker, x, w, position, newest, y));

/// Backward to the input: dx[t] = dy[t] + sum over k of w[k] * dy[t + k], within the sequence.
/// Overwrites dx, which may be the same memory as dy.
template <Scalar T>
void convolve_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                             MatrixView<const std::type_identity_t<T>> w, Index sequence,
                             MatrixView<T> dx)
    OCTAVO_KERNEL(convolve_backward_input<T>(worker, dy, w, sequence, dx));

/// Backward to the taps: dw[k] (+)= sum over rows, in order, of dy[t] * x[t - k]. Overwrites or
/// adds to dw [taps, width], as `output` says.
template <Scalar T>
void convolve_backward_taps(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                            MatrixView<const std::type_identity_t<T>> dy, Index sequence,
                            MatrixView<T> dw, Output output)
    OCTAVO_KERNEL(convolve_backward_taps<T>(worker, x, dy, sequence, dw, output));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// to = rows[0] + sum over k of w[k] * rows[k], in these columns; a null row ends the sum.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void add_taps(const std::array<const T*, most_taps>& rows,
                                   MatrixView<const T> w, Range columns, T* to) {
  using P = Pack<T>;
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    P sum = P::load(rows[0] + j, n);
    for (Index k = 0; k < w.rows && rows[static_cast<std::size_t>(k)] != nullptr; ++k) {
      const T* const row = rows[static_cast<std::size_t>(k)];
      sum = fma(P::load(w.row(k) + j, n), P::load(row + j, n), sum);
    }
    sum.store(to + j, n);
  });
}

}  // namespace detail

template <Scalar T>
void convolve(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              MatrixView<const std::type_identity_t<T>> w, Index sequence, MatrixView<T> y) {
  OCTAVO_ASSERT(w.rows >= 1 && w.rows <= most_taps && w.columns == x.columns);
  const Range columns = worker.split(x.columns, Pack<T>::lanes);
  for (Index i = 0; i < x.rows; ++i) {
    std::array<const T*, most_taps> rows{};
    for (Index k = 0; k < std::min(w.rows, i % sequence + 1); ++k) {
      rows[static_cast<std::size_t>(k)] = x.row(i - k);
    }
    detail::add_taps<T>(rows, w, columns, y.row(i));
  }
}

template <Scalar T>
void convolve_next(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   MatrixView<const std::type_identity_t<T>> w, Index position,
                   MatrixView<T> newest, MatrixView<T> y) {
  OCTAVO_ASSERT(w.rows >= 1 && w.rows <= most_taps && newest.rows == w.rows - 1);
  const Range columns = worker.split(x.columns, Pack<T>::lanes);
  for (Index i = 0; i < x.rows; ++i) {
    std::array<const T*, most_taps> rows{};
    for (Index k = 0; k < std::min(w.rows, position + i + 1); ++k) {
      rows[static_cast<std::size_t>(k)] =
          k <= i ? x.row(i - k) : newest.row((position + i - k) % newest.rows);
    }
    detail::add_taps<T>(rows, w, columns, y.row(i));
  }
  for (Index i = std::max<Index>(0, x.rows - newest.rows); i < x.rows; ++i) {
    std::copy_n(x.row(i) + columns.begin, columns.size(),
                newest.row((position + i) % newest.rows) + columns.begin);
  }
}

template <Scalar T>
void convolve_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                             MatrixView<const std::type_identity_t<T>> w, Index sequence,
                             MatrixView<T> dx) {
  OCTAVO_ASSERT(w.rows >= 1 && w.rows <= most_taps && w.columns == dy.columns);
  const Range columns = worker.split(dy.columns, Pack<T>::lanes);
  for (Index i = 0; i < dy.rows; ++i) {
    std::array<const T*, most_taps> rows{};
    for (Index k = 0; k < std::min(w.rows, sequence - i % sequence); ++k) {
      rows[static_cast<std::size_t>(k)] = dy.row(i + k);
    }
    detail::add_taps<T>(rows, w, columns, dx.row(i));
  }
}

template <Scalar T>
void convolve_backward_taps(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                            MatrixView<const std::type_identity_t<T>> dy, Index sequence,
                            MatrixView<T> dw, Output output) {
  using P = Pack<T>;
  constexpr Index together = 4;  // taps whose sums are in registers
  const Range columns = worker.split(x.columns, P::lanes);
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    for (Index first = 0; first < dw.rows; first += together) {
      const Index last = std::min(first + together, dw.rows);
      std::array<P, static_cast<std::size_t>(together)> sums;
      for (Index k = first; k < first + together; ++k) {
        sums[static_cast<std::size_t>(k - first)] = k < last && output != Output::overwrite
                                                        ? P::load(dw.row(k) + j, n)
                                                        : P::broadcast(T{0});
      }
      for (Index i = 0; i < x.rows; ++i) {
        const P gradient = P::load(dy.row(i) + j, n);
        const Index end = std::min(last, i % sequence + 1);
        for (Index k = 0; k < together; ++k) {
          if (first + k >= end) break;
          P& sum = sums[static_cast<std::size_t>(k)];
          sum = fma(gradient, P::load(x.row(i - first - k) + j, n), sum);
        }
      }
      for (Index k = first; k < last; ++k) {
        sums[static_cast<std::size_t>(k - first)].store(dw.row(k) + j, n);
      }
    }
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
