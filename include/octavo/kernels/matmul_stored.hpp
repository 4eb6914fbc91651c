// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_MATMUL_STORED_HPP)
#define OCTAVO_KERNELS_MATMUL_STORED_HPP

#include <span>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/matmul_block.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/kernels/stored_stream.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// Products with weights that stay in the number type of a file: decoded in registers or while a
// panel is packed, never as a whole. Results have the bits of the product with the decoded numbers.
#define OCTAVO_FILE "octavo/kernels/matmul_stored.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Y (+)= X W^T (+ bias), as matmul and matmul_nt.  x [rows, length], w [lines, length], y [rows,
/// lines]; pack_buffer: pack_buffer_elements(length) for each worker, not less.
template <Scalar T>
void matmul_stored(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   const StoredMatrix& w, MatrixView<T> y, Output output,
                   const std::type_identity_t<T>* bias,
                   std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_stored<T>(worker, x, w, y, output, bias, pack_buffer));

/// dX (+)= dY W: the input gradient.  dy [rows, lines], w [lines, length], dx [rows, length];
/// pack_buffer: pack_buffer_elements(lines) for each worker, not less.
template <Scalar T>
void matmul_stored_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                      const StoredMatrix& w, MatrixView<T> dx, Output output,
                      std::span<std::type_identity_t<T>> pack_buffer)
    OCTAVO_KERNEL(matmul_stored_nt<T>(worker, dy, w, dx, output, pack_buffer));

// The products of layers, whose weight may be numbers or stored matrices.

/// Y = X W (+ bias) with the weight of a linear map [in, out].  x [rows, in], y [rows, out].
template <Scalar T>
void multiply(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
              const Weight<std::type_identity_t<T>>& w, MatrixView<T> y, Output output,
              const std::type_identity_t<T>* bias, std::span<std::type_identity_t<T>> pack_buffer) {
  if (w.stored.empty()) {
    return matmul<T>(worker, x, {w.numbers, x.columns, y.columns}, y, output, bias, pack_buffer);
  }
  Index first = 0;
  for (const StoredMatrix& map : w.stored) {
    matmul_stored<T>(worker, x, map, y.block(0, y.rows, first, map.lines), output,
                     bias == nullptr ? nullptr : bias + first, pack_buffer);
    first += map.lines;
  }
}

/// dX = dY W^T.  dy [rows, out], dx [rows, in].
template <Scalar T>
void multiply_backward(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                       const Weight<std::type_identity_t<T>>& w, MatrixView<T> dx,
                       std::span<std::type_identity_t<T>> pack_buffer) {
  if (w.stored.empty()) {
    return matmul_nt<T>(worker, dy, {w.numbers, dx.columns, dy.columns}, dx, Output::overwrite,
                        nullptr, pack_buffer);
  }
  Index first = 0;
  for (const StoredMatrix& map : w.stored) {
    matmul_stored_nt<T>(worker, dy.block(0, dy.rows, first, map.lines), map, dx,
                        first == 0 ? Output::overwrite : Output::accumulate, pack_buffer);
    first += map.lines;
  }
}

/// Y = X E^T (+ bias) with a table [rows of the table, width].  x [rows, width], y [rows, rows of
/// the table].
template <Scalar T>
void multiply_table(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                    const Weight<std::type_identity_t<T>>& table, MatrixView<T> y, Output output,
                    const std::type_identity_t<T>* bias,
                    std::span<std::type_identity_t<T>> pack_buffer) {
  if (table.stored.empty()) {
    return matmul_nt<T>(worker, x, {table.numbers, y.columns, x.columns}, y, output, bias,
                        pack_buffer);
  }
  matmul_stored<T>(worker, x, table.stored.front(), y, output, bias, pack_buffer);
}

/// dX = dY E.  dy [rows, rows of the table], dx [rows, width].
template <Scalar T>
void multiply_table_backward(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                             const Weight<std::type_identity_t<T>>& table, MatrixView<T> dx,
                             std::span<std::type_identity_t<T>> pack_buffer) {
  if (table.stored.empty()) {
    return matmul<T>(worker, dy, {table.numbers, dy.columns, dx.columns}, dx, Output::overwrite,
                     nullptr, pack_buffer);
  }
  matmul_stored_nt<T>(worker, dy, table.stored.front(), dx, Output::overwrite, pack_buffer);
}

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void matmul_stored(const Worker& worker, MatrixView<const std::type_identity_t<T>> x,
                   const StoredMatrix& w, MatrixView<T> y, Output output,
                   const std::type_identity_t<T>* bias,
                   std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(x.rows == y.rows && x.columns == w.length && w.lines == y.columns);
  octavo::detail::prefetch_operand<T>(worker, x);
  const Rectangle share = octavo::detail::output_share(worker, y);
  if constexpr (std::is_same_v<T, float>) {
    const Range rows = share.rows;
    if (w.layout == StoredLayout::grouped && rows.size() <= detail::most_rows_of_groups) {
      if (rows.empty()) return;
      return detail::stream_groups({x.row(rows.begin), x.stride, &w,
                                    y.row_block(rows.begin, rows.size()), share.columns, output,
                                    bias});
    }
  }
  detail::multiply_block<T>(detail::as_is<T>(x), {nullptr, 0, true, &w}, y, share, w.length, output,
                            bias, octavo::detail::panel_of(worker, pack_buffer));
}

template <Scalar T>
void matmul_stored_nt(const Worker& worker, MatrixView<const std::type_identity_t<T>> dy,
                      const StoredMatrix& w, MatrixView<T> dx, Output output,
                      std::span<std::type_identity_t<T>> pack_buffer) {
  OCTAVO_ASSERT(dy.rows == dx.rows && dy.columns == w.lines && w.length == dx.columns);
  octavo::detail::prefetch_operand<T>(worker, dy);
  detail::multiply_block<T>(detail::as_is<T>(dy), {nullptr, 0, false, &w}, dx,
                            octavo::detail::output_share(worker, dx), w.lines, output, nullptr,
                            octavo::detail::panel_of(worker, pack_buffer));
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
