// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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

/// Numbers of scratch that each worker needs for products whose sums have up to `longest` terms:
/// the panel of the right operand that it packs. With less, products are as exact but slower.
template <Scalar T>
constexpr Index matmul_panel_elements(Index longest) noexcept {
  return std::min(longest, detail::panel_depth) * detail::panel_row_elements<T>;
}

namespace detail {

/// One worker's part of all workers' panels.
template <Scalar T>
std::span<T> panel_of(const Worker& worker, std::span<T> panels) {
  const std::size_t size = panels.size() / static_cast<std::size_t>(worker.count());
  return panels.subspan(static_cast<std::size_t>(worker.index()) * size, size);
}

/// Deals out columns by whole vectors, or rows where that leaves the busiest worker less to do.
template <Scalar T>
void multiply_shared(const Worker& worker, const LeftOperand<T>& a, const RightOperand<T>& b,
                     MatrixView<T> c, Index depth, Start start, const T* bias,
                     std::span<T> panels) {
  const auto share = [&](Index parts) { return (parts + worker.count() - 1) / worker.count(); };
  const Index vectors = (c.columns + simd::width<T> - 1) / simd::width<T>;
  const bool by_rows = vectors * share(c.rows) < share(vectors) * c.rows;
  const Range rows = by_rows ? worker.split(c.rows) : Range{0, c.rows};
  const Range columns = by_rows ? Range{0, c.columns} : worker.split(c.columns, simd::width<T>);
  multiply_block(a, b, c, rows, columns, depth, start, bias, panel_of(worker, panels));
}

}  // namespace detail

/// Y = X W (+ bias): the forward product.  x [rows, in], w [in, out], y [rows, out], bias [out] or
/// null for Start::zero / Start::accumulate. `panels`: those of all workers, matmul_panel_elements
/// each.
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
