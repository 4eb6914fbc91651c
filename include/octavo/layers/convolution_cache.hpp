// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <octavo/base/config.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>

namespace OCTAVO_NAMESPACE {

/// The most taps of the convolutions in a model.
inline constexpr Index most_taps = 8;

/// How many numbers the causal convolutions of a model remember.
struct ConvolutionLayout {
  Index layers = 0;
  Index places = 0;  ///< convolutions in each block
  Index rows = 0;    ///< inputs that each remembers: its taps, less one
  Index width = 0;

  /// For several sequences. ConfigError if the product overflows.
  constexpr Index elements(Index sequences) const {
    std::size_t product = 1;
    for (const Index factor : {sequences, layers, places, rows, width}) {
      product = checked_multiply(product, static_cast<std::size_t>(factor));
    }
    return static_cast<Index>(product);  // a plan refuses a negative number
  }
};

/// The newest inputs of the convolutions of all layers for several sequences, in
/// layout.elements(sequences) numbers of memory. Nothing need be cleared before a sequence begins:
/// which rows are valid follows from the position.
template <Scalar T>
class ConvolutionCaches {
 public:
  constexpr ConvolutionCaches() noexcept = default;
  constexpr ConvolutionCaches(T* memory, const ConvolutionLayout& layout)
      : memory_(memory), layout_(layout) {}

  /// Of one convolution for one sequence, [rows, width]: convolve_next() has the order of the rows.
  constexpr MatrixView<T> of(Index sequence, Index layer, Index place) const {
    const Index before = (sequence * layout_.layers + layer) * layout_.places + place;
    return {memory_ + before * layout_.rows * layout_.width, layout_.rows, layout_.width};
  }

 private:
  T* memory_ = nullptr;
  ConvolutionLayout layout_;
};

}  // namespace OCTAVO_NAMESPACE
