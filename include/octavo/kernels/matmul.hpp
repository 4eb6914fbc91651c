// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_HPP)
#define OCTAVO_KERNELS_MATMUL_HPP

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul_block.hpp>
#include <octavo/kernels/matmul_tile.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The three matrix products of training; n and t tell which operand is transposed, as in BLAS. All
// workers call them together; each computes its share of the output. The caller needs a barrier
// before the whole output is read.
namespace OCTAVO_NAMESPACE {

/// Scratch numbers per worker for products whose sums have up to `longest` terms, for the packed
/// panel of the right operand. With less scratch, products have the same results but are slower.
template <Scalar T>
constexpr Index pack_buffer_elements(Index longest) noexcept {
  return std::clamp<Index>(longest, 1, detail::panel_depth) * detail::panel_row_elements<T>;
}

namespace detail {

/// This worker's part of the pack buffer.
template <Scalar T>
std::span<T> panel_of(const Worker& worker, std::span<T> pack_buffer) {
  const std::size_t size = pack_buffer.size() / static_cast<std::size_t>(worker.count());
  return pack_buffer.subspan(static_cast<std::size_t>(worker.index()) * size, size);
}

/// Prefetches an operand that other workers may just have written, if it fits the cache. Otherwise
/// a tile would wait for lines from other cores, row by row.
template <Scalar T>
void prefetch_operand(const Worker& worker, MatrixView<const T> operand) {
  if (worker.count() == 1 || operand.rows * operand.columns > left_block_elements<T>) return;
  constexpr Index line = static_cast<Index>(alignment_bytes / sizeof(T));
  for (Index i = 0; i < operand.rows; ++i) {
    for (Index j = 0; j < operand.columns; j += line) __builtin_prefetch(operand.row(i) + j);
  }
}

/// A worker's share of the output of a product.
template <typename T>
Rectangle output_share(const Worker& worker, MatrixView<T> y) {
  return worker.split(y.rows, y.columns, static_cast<Index>(alignment_bytes / sizeof(T)));
}

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/matmul.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Y = X W (+ bias): the forward product.  x [rows, in], w [in, out], y [rows, out], bias [out] or
/// null unless Output::bias; pack_buffer: pack_buffer_elements() for each worker.
template <Scalar T>
void matmul(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
            MatrixView<const std::type_identity_t<T>> w, MatrixView<T> y, Output output,
            const std::type_identity_t<T>* bias, std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul<T>(worker, x, w, y, output, bias, pack_buffer));

/// dX = dY W^T: the input gradient (and the logits of an output head, whose table is [out, in]).
/// dy [rows, out], w [in, out], dx [rows, in].
template <Scalar T>
void matmul_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
               MatrixView<const std::type_identity_t<T>> w, MatrixView<T> dx, Output output,
               const std::type_identity_t<T>* bias, std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_nt<T>(worker, dy, w, dx, output, bias, pack_buffer));

/// dW (+)= X^T dY: the weight gradient, summed over tokens in order. Workers divide the rows of dW,
/// as in the update of the weights.  x [rows, in], dy [rows, out], dw [in, out].
template <Scalar T>
void matmul_tn(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               MatrixView<const std::type_identity_t<T>> dy, MatrixView<T> dw, Output output,
               std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_tn<T>(worker, x, dy, dw, output, pack_buffer));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void matmul(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
            MatrixView<const std::type_identity_t<T>> w, MatrixView<T> y, Output output,
            const std::type_identity_t<T>* bias, std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(x.rows == y.rows && x.columns == w.rows && w.columns == y.columns);
  octavo::detail::prefetch_operand<T>(worker, x);
  detail::multiply_block<T>(detail::as_is<T>(x), {w.data, w.stride, false}, y,
                            octavo::detail::output_share(worker, y), w.rows, output, bias,
                            octavo::detail::panel_of(worker, pack_buffer));
}

template <Scalar T>
void matmul_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
               MatrixView<const std::type_identity_t<T>> w, MatrixView<T> dx, Output output,
               const std::type_identity_t<T>* bias,
               std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(dy.rows == dx.rows && dy.columns == w.columns && w.rows == dx.columns);
  octavo::detail::prefetch_operand<T>(worker, dy);
  detail::multiply_block<T>(detail::as_is<T>(dy), {w.data, w.stride, true}, dx,
                            octavo::detail::output_share(worker, dx), w.columns, output, bias,
                            octavo::detail::panel_of(worker, pack_buffer));
}

template <Scalar T>
void matmul_tn(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
               MatrixView<const std::type_identity_t<T>> dy, MatrixView<T> dw, Output output,
               std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(x.rows == dy.rows && x.columns == dw.rows && dy.columns == dw.columns);
  octavo::detail::prefetch_operand<T>(worker, dy);
  detail::multiply_block<T>(detail::transposed<T>(x), {dy.data, dy.stride, false}, dw,
                            {worker.split(dw.rows), {0, dw.columns}}, x.rows, output, nullptr,
                            octavo::detail::panel_of(worker, pack_buffer));
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
