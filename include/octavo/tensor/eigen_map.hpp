// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <Eigen/Core>

#include <octavo/base/config.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Conversions between the library's views and Eigen's maps, without a copy.
namespace OCTAVO_NAMESPACE {

/// A row-major matrix in Eigen.
template <typename T>
using EigenMatrix =
    Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A map of contiguous rows: weights, gradients, logits.
template <typename T>
using EigenMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<T>, EigenMatrix<T>>>;

/// A map of rows with a stride that may exceed the number of columns.
template <typename T>
using EigenView =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<T>, EigenMatrix<T>>,
               Eigen::Unaligned, Eigen::OuterStride<>>;

/// An Eigen map of the view's numbers.
template <typename T>
EigenView<T> to_eigen(MatrixView<T> view) {
  return {view.data, view.rows, view.columns, Eigen::OuterStride<>(view.stride)};
}

/// A view of the numbers of a row-major Eigen matrix, map, block or Ref, which must outlive the
/// view.
template <typename Matrix>
auto to_view(Matrix&& matrix) {
  using Plain = std::remove_reference_t<Matrix>;
  static_assert(Plain::IsRowMajor, "to_view takes row-major matrices: Eigen::RowMajor");
  static_assert(Plain::InnerStrideAtCompileTime == 1, "to_view takes rows without gaps");
  return MatrixView(matrix.data(), matrix.rows(), matrix.cols(), matrix.outerStride());
}

}  // namespace OCTAVO_NAMESPACE
