// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_block.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The three products that training needs. All workers call them together; each computes its share
// of the outputs. The caller puts a barrier between a product and whoever reads all of it.
namespace octavo {

/// Numbers of scratch that each worker needs for any product (its packed panel of the right
/// operand).
template <Scalar T>
inline constexpr Index matmul_panel_elements = detail::MatmulTile<T>::panel_elements;

namespace detail {

/// Deals out whole panels of columns if there is one for everyone, else whole vectors, else rows.
template <Scalar T>
void multiply_shared(const Worker& worker, const LeftOperand<T>& a, const RightOperand<T>& b,
                     MatrixView<T> c, Index depth, Start start, const T* bias,
                     std::span<T> panels) {
  OCTAVO_ASSERT(static_cast<Index>(panels.size()) >= worker.count() * matmul_panel_elements<T>);
  Range rows{0, c.rows};
  Range columns{0, c.columns};
  if (c.columns >= worker.count() * MatmulTile<T>::columns) {
    columns = worker.split(c.columns, MatmulTile<T>::columns);
  } else if (c.columns >= worker.count() * simd::width<T>) {
    columns = worker.split(c.columns, simd::width<T>);
  } else {
    rows = worker.split(c.rows);
  }
  multiply_block(a, b, c, rows, columns, depth, start, bias,
                 panels.data() + worker.index() * matmul_panel_elements<T>);
}

}  // namespace detail

/// Y = X W (+ bias): the forward product.  x [rows, in], w [in, out], y [rows, out], bias [out] or
/// null for Start::zero / Start::accumulate. `panels`: matmul_panel_elements per worker.
template <Scalar T>
void multiply(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              MatrixView<const std::type_identity_t<T>> w, MatrixView<T> y, Start start,
              const std::type_identity_t<T>* bias, std::span<std::type_identity_t<T>> panels) {
  OCTAVO_ASSERT(x.rows == y.rows && x.columns == w.rows && w.columns == y.columns);
  detail::multiply_shared<T>(worker, detail::as_is<T>(x), {w.data, w.stride, false}, y, w.rows,
                             start, bias, panels);
}

/// dX = dY W^T: the input gradient (and the logits of an output head, whose table is [out, in]).
/// dy [rows, out], w [in, out], dx [rows, in].
template <Scalar T>
void multiply_transposed(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                         MatrixView<const std::type_identity_t<T>> w, MatrixView<T> dx, Start start,
                         const std::type_identity_t<T>* bias,
                         std::span<std::type_identity_t<T>> panels) {
  OCTAVO_ASSERT(dy.rows == dx.rows && dy.columns == w.columns && w.rows == dx.columns);
  detail::multiply_shared<T>(worker, detail::as_is<T>(dy), {w.data, w.stride, true}, dx, w.columns,
                             start, bias, panels);
}

/// dW += X^T dY: the weight gradient, rows (tokens) in order.  x [rows, in], dy [rows, out],
/// dw [in, out].
template <Scalar T>
void accumulate_outer(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                      MatrixView<const std::type_identity_t<T>> dy, MatrixView<T> dw,
                      std::span<std::type_identity_t<T>> panels) {
  OCTAVO_ASSERT(x.rows == dy.rows && x.columns == dw.rows && dy.columns == dw.columns);
  detail::multiply_shared<T>(worker, detail::transposed<T>(x), {dy.data, dy.stride, false}, dw,
                             x.rows, Start::accumulate, nullptr, panels);
}

}  // namespace octavo
