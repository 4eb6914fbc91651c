// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace octavo {

/// Keys and values of one attention layer for the positions seen so far: two [length, width]
/// matrices, one behind the other, over memory of elements(length, width) numbers.
template <Scalar T>
class KeyValueCache {
 public:
  static constexpr Index elements(Index length, Index width) noexcept { return 2 * length * width; }

  constexpr KeyValueCache(T* memory, Index length, Index width)
      : memory_(memory), length_(length), width_(width) {}

  constexpr MatrixView<T> keys() const { return {memory_, length_, width_}; }
  constexpr MatrixView<T> values() const { return {memory_ + length_ * width_, length_, width_}; }

 private:
  T* memory_;
  Index length_;
  Index width_;
};

}  // namespace octavo
