// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/convolve.hpp>
#include <octavo/layers/convolution_cache.hpp>
#include <octavo/layers/layer.hpp>

namespace OCTAVO_NAMESPACE {

/// Depthwise causal convolution with a residual connection: y_t = x_t + sum over k of w_k * x_{t-k}
/// within the sequence (Canon layers, Allen-Zhu 2025).  x, y [rows, width], w [taps, width], zero
/// at first, so that the layer begins as the identity. Saves nothing: backward gets forward's input
/// from the caller.
template <Scalar T>
class CausalConvolution {
 public:
  using Value = T;

  /// `place`: convolutions of the block before this one.
  OCTAVO_SETUP constexpr CausalConvolution(const Builder<T>& builder, Index width, Index taps,
                                           Index place = 0)
      : weight_(builder.table("weight", taps, width, InitialValue::zeros, builder.begin_unit())),
        place_(place) {}

  constexpr Index input_width() const noexcept { return weight_.columns; }
  constexpr Index output_width() const noexcept { return weight_.columns; }

  /// `output` is other memory than `input`.
  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    if (pass.rows.cached != nullptr) {
      forward_cached(pass, input, output);
    } else {
      convolve<T>(pass.worker(), input, pass.matrix(weight_), pass.rows.positions(), output);
    }
    pass.worker().barrier();
  }

  /// `input_gradient` may be the same memory as `output_gradient`.
  void backward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    const RowPositions positions = pass.rows.positions();
    if (const GradientPlace<T> weight = pass.gradient(weight_)) {
      convolve_backward_taps<T>(pass.worker(), input, output_gradient, positions,
                                {weight.numbers, weight_.rows, weight_.columns}, weight.output);
    }
    convolve_backward_input<T>(pass.worker(), output_gradient, pass.matrix(weight_), positions,
                               input_gradient);
    pass.worker().barrier();
    pass.complete(weight_, 1);
  }

 private:
  /// Forward for new positions of sequences whose newest inputs lie in the cache; theirs are
  /// stored. Gives the bits of forward over each whole sequence.
  void forward_cached(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    const CachedSequences<T>& cached = *pass.rows.cached;
    Index first = 0;
    for (const CachedRows& part : cached.parts) {
      convolve_next<T>(pass.worker(), input.row_block(first, part.rows), pass.matrix(weight_),
                       part.position(), cached.convolutions.of(part.sequence, pass.block, place_),
                       output.row_block(first, part.rows));
      first += part.rows;
    }
  }

  ParameterSlot weight_;
  Index place_;
};

}  // namespace OCTAVO_NAMESPACE
