// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/stored_matrix.hpp>

namespace OCTAVO_NAMESPACE {

/// What is done with stored matrices. Whoever makes a Weight of them gives it these functions
/// (stored_kernels of matmul_stored.hpp), so that programs without stored weights do not compile
/// them.
template <Scalar T>
struct StoredKernels {
  /// Y (+)= X W^T (+ bias); see matmul_stored.
  void (*multiply)(const Worker& worker, MatrixView<const T> x, const StoredMatrix& w,
                   MatrixView<T> y, Output output, const T* bias, std::span<T> pack_buffer);
  /// dX (+)= dY W; see matmul_stored_nt.
  void (*multiply_nt)(const Worker& worker, MatrixView<const T> dy, const StoredMatrix& w,
                      MatrixView<T> dx, Output output, std::span<T> pack_buffer);
  /// The numbers of a row [length].
  void (*copy_row)(const StoredMatrix& table, Index row, T* to);
};

/// A parameter of a model: its numbers, or stored matrices. Those of a linear map [in, out] are up
/// to three whose lines are its outputs (of queries, keys, values, one after the other), that of a
/// table [rows, width] is one whose lines are its rows.
template <Scalar T>
struct Weight {
  const T* numbers = nullptr;
  std::span<const StoredMatrix> stored{};
  const StoredKernels<T>* kernels = nullptr;  ///< for stored matrices
};

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
    w.kernels->multiply(worker, x, map, y.block(0, y.rows, first, map.lines), output,
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
    w.kernels->multiply_nt(worker, dy.block(0, dy.rows, first, map.lines), map, dx,
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
  table.kernels->multiply(worker, x, table.stored.front(), y, output, bias, pack_buffer);
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
  table.kernels->multiply_nt(worker, dy, table.stored.front(), dx, Output::overwrite, pack_buffer);
}

}  // namespace OCTAVO_NAMESPACE
