// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <type_traits>

#include <Eigen/Core>

#include <octavo/base/check.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// A row-major matrix as Eigen sees it, with sizes fixed where the view's are.
template <typename T, Index Rows = dynamic, Index Columns = dynamic>
using EigenMatrix =
    Eigen::Matrix<std::remove_const_t<T>, static_cast<int>(Rows), static_cast<int>(Columns),
                  Rows != 1 && Columns == 1 ? Eigen::ColMajor : Eigen::RowMajor>;

template <typename T, Index Rows = dynamic, Index Columns = dynamic>
using EigenMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<T, Rows, Columns>,
                                  EigenMatrix<T, Rows, Columns>>>;

/// A tensor of rank 1 to 4 over memory that somebody else owns: contiguous, row-major, the last
/// axis fastest. `TensorView<float, dynamic, 128>` is [rows, 128]. Copying copies the view.
template <typename T, Index... Fixed>
class TensorView {
 public:
  using Value = T;
  using Sizes = Extents<Fixed...>;
  static constexpr int rank = Sizes::rank;

  constexpr TensorView() = default;

  /// A view of `data`; sizes as in Extents.
  template <typename... Axis>
  requires(sizeof...(Axis) == sizeof...(Fixed)) constexpr explicit TensorView(T* data,
                                                                              Axis... sizes)
      : data_(data), sizes_(sizes...) {}

  /// The same from a span, which must hold exactly the product of the sizes.
  template <typename... Axis>
  requires(sizeof...(Axis) == sizeof...(Fixed)) constexpr explicit TensorView(std::span<T> data,
                                                                              Axis... sizes)
      : data_(data.data()), sizes_(sizes...) {
    require_equal("tensor: numbers in memory", static_cast<Index>(data.size()), sizes_.count());
  }

  /// From a view of other extents (fixed to dynamic or back, checked) or of non-const numbers.
  template <typename U, Index... Other>
  requires(
      sizeof...(Other) == sizeof...(Fixed) &&
      std::is_convertible_v<U (*)[], T (*)[]>) constexpr TensorView(TensorView<U, Other...> other)
      : TensorView(convert(other, std::make_integer_sequence<int, rank>{})) {}

  constexpr T* data() const noexcept { return data_; }
  constexpr Index size(int axis) const { return sizes_.size(axis); }
  constexpr Index count() const { return sizes_.count(); }
  constexpr std::span<T> span() const { return {data_, static_cast<std::size_t>(count())}; }

  template <typename... Subscript>
  requires(sizeof...(Subscript) == sizeof...(Fixed)) constexpr T& operator()(
      Subscript... subscript) const {
    Index offset = 0;
    int axis = 0;
    ((OCTAVO_ASSERT(static_cast<Index>(subscript) >= 0 &&
                    static_cast<Index>(subscript) < size(axis)),
      offset = offset * size(axis++) + static_cast<Index>(subscript)),
     ...);
    return data_[offset];
  }

  /// As an Eigen map: all axes but the last become rows; a rank-1 tensor becomes a column.
  auto map() const {
    if constexpr (rank == 1) {
      return EigenMap<T, Sizes::fixed[0], 1>(data_, size(0), 1);
    } else if constexpr (rank == 2) {
      return EigenMap<T, Sizes::fixed[0], Sizes::fixed[1]>(data_, size(0), size(1));
    } else {
      const Index columns = size(rank - 1);
      return EigenMap<T, dynamic, Sizes::fixed[rank - 1]>(
          data_, columns == 0 ? 0 : count() / columns, columns);
    }
  }

 private:
  template <typename Other, int... axis>
  static constexpr TensorView convert(Other other, std::integer_sequence<int, axis...>) {
    return TensorView(static_cast<T*>(other.data()), other.size(axis)...);
  }

  T* data_ = nullptr;
  Sizes sizes_;
};

}  // namespace OCTAVO_NAMESPACE
