// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <Eigen/Core>

#include <octavo/base/config.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Eigen at the border: every matrix of the library goes in and out without a copy.
namespace OCTAVO_NAMESPACE {

/// A row-major matrix as Eigen sees it.
template <typename T>
using EigenMatrix =
    Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Whole rows without gaps: weights, gradients, logits.
template <typename T>
using EigenMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<T>, EigenMatrix<T>>>;

/// Rows that may lie further apart than they are long.
template <typename T>
using EigenView =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<T>, EigenMatrix<T>>,
               Eigen::Unaligned, Eigen::OuterStride<>>;

/// A view as Eigen sees it, over the same numbers.
template <typename T>
EigenView<T> to_eigen(MatrixView<T> view) {
  return {view.data, view.rows, view.columns, Eigen::OuterStride<>(view.stride)};
}

/// A row-major matrix, map, block or Ref of Eigen's as a view, over the same numbers. What it shows
/// must outlive the view.
template <typename Matrix>
auto to_view(Matrix&& matrix) {
  using Plain = std::remove_reference_t<Matrix>;
  static_assert(Plain::IsRowMajor, "to_view takes row-major matrices: Eigen::RowMajor");
  static_assert(Plain::InnerStrideAtCompileTime == 1, "to_view takes rows without gaps");
  return MatrixView(matrix.data(), matrix.rows(), matrix.cols(), matrix.outerStride());
}

}  // namespace OCTAVO_NAMESPACE
