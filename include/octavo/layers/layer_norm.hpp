// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// Layer normalisation with gain and, if wanted, bias (kernels/normalize.hpp has the formula).
/// Keeps per row the normalised input [width] and the inverse deviation; the input itself is not
/// needed by backward, and the output can be rebuilt by replay().
template <Scalar T, Index Width = dynamic>
class LayerNorm {
 public:
  using Value = T;

  constexpr LayerNorm(Index width, bool bias) : width_(width), has_bias_(bias) {}

  constexpr Index input_width() const { return width_.value(); }
  constexpr Index output_width() const { return width_.value(); }

  constexpr void declare(ParameterDeclarations& declarations) {
    gain_ = declarations.vector("weight", width_.value(), InitialValue::ones);
    if (has_bias_) bias_ = declarations.vector("bias", width_.value(), InitialValue::zeros);
  }

  constexpr void book(BookingScope& scope) {
    normalized_ = scope.saved<T>("normalized input", scope.rows() * width_.value());
    inverse_deviation_ = scope.saved<T>("inverse deviation", scope.rows());
  }

  void forward(const LayerContext<T>& context, MatrixView<const T> input,
               MatrixView<T> output) const {
    context.check_declared(gain_);
    normalize<T>(context.worker, input, gain_.in(context.weights), bias_.in(context.weights),
                 normalized(context), context.saved(inverse_deviation_), output);
    context.worker.barrier();
  }

  /// The output of forward once more, from what was kept.
  void replay(const LayerContext<T>& context, MatrixView<T> output) const {
    scale_and_shift<T>(context.worker, normalized(context), gain_.in(context.weights),
                       bias_.in(context.weights), output);
    context.worker.barrier();
  }

  void backward(const LayerContext<T>& context, MatrixView<const T>,
                MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const {
    const Range rows = context.worker.split(input_gradient.rows);
    for (Index i = rows.begin; i < rows.end; ++i) {
      std::fill_n(input_gradient.row(i), input_gradient.columns, T{0});
    }
    backward_into_residual(context, output_gradient, input_gradient);
  }

  /// Backward that adds to `input_gradient`: the gradient that went round the residual connection
  /// is there already.
  void backward_into_residual(const LayerContext<T>& context, MatrixView<const T> output_gradient,
                              MatrixView<T> input_gradient) const {
    normalize_backward_parameters<T>(context.worker, output_gradient, normalized(context),
                                     context.gradient(gain_, gain_), context.gradient(bias_, gain_),
                                     context.gradient_start);
    normalize_backward_input<T>(context.worker, output_gradient, normalized(context),
                                context.saved(inverse_deviation_), gain_.in(context.weights),
                                input_gradient);
    context.worker.barrier();
    context.complete(gain_, has_bias_ ? bias_ : gain_);
  }

 private:
  MatrixView<T> normalized(const LayerContext<T>& context) const {
    return {context.saved(normalized_), context.rows(), width_.value()};
  }

  [[no_unique_address]] Extent<Width> width_;
  bool has_bias_ = true;
  ParameterSlot gain_;
  ParameterSlot bias_;
  Booking<T> normalized_;
  Booking<T> inverse_deviation_;
};

}  // namespace OCTAVO_NAMESPACE
