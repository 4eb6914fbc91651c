// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_CONVOLVE_HPP)
#define OCTAVO_KERNELS_CONVOLVE_HPP

#include <algorithm>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/row_positions.hpp>
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
#define OCTAVO_FILE "octavo/kernels/convolve.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Forward; a row sees the rows of its sequence or document, by `positions`. Overwrites y, which is
/// other memory than x.
template <Scalar T>
void convolve(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              MatrixView<const std::type_identity_t<T>> w, RowPositions positions, MatrixView<T> y)
    OCTAVO_KERNEL(convolve<T>(worker, x, w, positions, y));

/// Forward for the next rows of one sequence, of which `position` positions came before. `newest`
/// [taps - 1, width] has the inputs of the last of them, that of position p in row
/// p mod (taps - 1); the rows of x are stored in their place.
template <Scalar T>
void convolve_next(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   MatrixView<const std::type_identity_t<T>> w, Index position,
                   MatrixView<T> newest, MatrixView<T> y)
    OCTAVO_KERNEL(convolve_next<T>(worker, x, w, position, newest, y));

/// Backward to the input: dx[t] = dy[t] + sum over k of w[k] * dy[t + k], within the
/// sequence or document.
/// Overwrites dx, which may be the same memory as dy.
template <Scalar T>
void convolve_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                             MatrixView<const std::type_identity_t<T>> w, RowPositions positions,
                             MatrixView<T> dx)
    OCTAVO_KERNEL(convolve_backward_input<T>(worker, dy, w, positions, dx));

/// Backward to the taps: dw[k] (+)= sum over rows, in order, of dy[t] * x[t - k]. Overwrites or
/// adds to dw [taps, width], as `output` says.
template <Scalar T>
void convolve_backward_taps(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                            MatrixView<const std::type_identity_t<T>> dy, RowPositions positions,
                            MatrixView<T> dw, Output output)
    OCTAVO_KERNEL(convolve_backward_taps<T>(worker, x, dy, positions, dw, output));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// to = from + a * b, in these columns.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void add_product(const T* a, const T* b, const T* from, Range columns, T* to) {
  using P = Pack<T>;
  for_each_pack(columns.size(), [&](Index offset, Index n) {
    const Index j = columns.begin + offset;
    fma(P::load(a + j, n), P::load(b + j, n), P::load(from + j, n)).store(to + j, n);
  });
}

}  // namespace detail

template <Scalar T>
void convolve(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              MatrixView<const std::type_identity_t<T>> w, RowPositions positions,
              MatrixView<T> y) {
  const Range columns = worker.split(x.columns, Pack<T>::lanes);
  for (Index i = 0; i < x.rows; ++i) {
    T* const sum = y.row(i);
    for (Index k = 0; k < std::min(w.rows, positions[i] + 1); ++k) {
      detail::add_product<T>(w.row(k), x.row(i - k), k == 0 ? x.row(i) : sum, columns, sum);
    }
  }
}

template <Scalar T>
void convolve_next(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   MatrixView<const std::type_identity_t<T>> w, Index position,
                   MatrixView<T> newest, MatrixView<T> y) {
  OCTAVO_ASSERT(newest.rows == w.rows - 1);
  const Range columns = worker.split(x.columns, Pack<T>::lanes);
  for (Index i = 0; i < x.rows; ++i) {
    T* const sum = y.row(i);
    for (Index k = 0; k < std::min(w.rows, position + i + 1); ++k) {
      const T* const row = k <= i ? x.row(i - k) : newest.row((position + i - k) % newest.rows);
      detail::add_product<T>(w.row(k), row, k == 0 ? row : sum, columns, sum);
    }
  }
  for (Index i = std::max<Index>(0, x.rows - newest.rows); i < x.rows; ++i) {
    std::copy_n(x.row(i) + columns.begin, columns.size(),
                newest.row((position + i) % newest.rows) + columns.begin);
  }
}

template <Scalar T>
void convolve_backward_input(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                             MatrixView<const std::type_identity_t<T>> w, RowPositions positions,
                             MatrixView<T> dx) {
  const Range columns = worker.split(dy.columns, Pack<T>::lanes);
  for (Index i = 0; i < dy.rows; ++i) {
    T* const sum = dx.row(i);
    for (Index k = 0; k < w.rows && positions.reaches(i, k, dy.rows); ++k) {
      detail::add_product<T>(w.row(k), dy.row(i + k), k == 0 ? dy.row(i) : sum, columns, sum);
    }
  }
}

template <Scalar T>
void convolve_backward_taps(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                            MatrixView<const std::type_identity_t<T>> dy, RowPositions positions,
                            MatrixView<T> dw, Output output) {
  const Range columns = worker.split(x.columns, Pack<T>::lanes);
  if (output == Output::overwrite) {
    for (Index k = 0; k < dw.rows; ++k) {
      std::fill_n(dw.row(k) + columns.begin, columns.size(), T{0});
    }
  }
  for (Index i = 0; i < x.rows; ++i) {
    for (Index k = 0; k < std::min(dw.rows, positions[i] + 1); ++k) {
      detail::add_product<T>(dy.row(i), x.row(i - k), dw.row(k), columns, dw.row(k));
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
