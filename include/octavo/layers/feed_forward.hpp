// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// y = activation(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq. 2, with any activation).
/// x, y [rows, width], the hidden values [rows, d_ff]. Keeps the hidden values before the
/// activation; the activation is computed again in backward.
template <Scalar T, Index Width, Index Hidden>
class FeedForward {
 public:
  using Value = T;
  static constexpr bool overwrites_gradients = true;

  constexpr FeedForward(Index width, Index hidden, Activation activation, bool bias)
      : widen_(width, hidden, bias),
        narrow_(hidden, width, bias, InitialValue::normal_residual),
        activation_(activation) {}

  constexpr Index input_width() const { return widen_.input_width(); }
  constexpr Index output_width() const { return widen_.input_width(); }
  constexpr Index hidden_width() const { return widen_.output_width(); }

  constexpr void declare(ParameterDeclarations& declarations) {
    declarations.begin_layer("mlp.c_fc");
    widen_.declare(declarations);
    declarations.begin_layer("mlp.c_proj");
    narrow_.declare(declarations);
  }

  constexpr void book(BookingScope& scope) {
    hidden_ = scope.saved<T>("hidden", scope.rows() * hidden_width());
    forward_activated_ = scope.forward_scratch<T>("activated", scope.rows() * hidden_width());
    backward_activated_ = scope.backward_scratch<T>("activated", scope.rows() * hidden_width());
  }

  void forward(const LayerContext<T>& context, MatrixView<const T> input,
               MatrixView<T> output) const {
    const MatrixView<T> activated = context.scratch_matrix(forward_activated_, hidden_width());
    widen_.forward(context, input, hidden(context));
    activate<T>(context.worker, activation_, hidden(context), activated);
    context.worker.barrier();
    narrow_.forward(context, activated, output);
  }

  /// The part of forward that keeps something: what a Layer may offer to be run again faster.
  void keep(const LayerContext<T>& context, MatrixView<const T> input) const {
    widen_.forward(context, input, hidden(context));
  }

  /// The activated values are rebuilt, then overwritten by their own gradient; the activation's
  /// slope, then the gradient of the hidden values, overwrites what forward kept.
  void backward(const LayerContext<T>& context, MatrixView<const T> input,
                MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const {
    const Worker& worker = context.worker;
    const MatrixView<T> activated = context.scratch_matrix(backward_activated_, hidden_width());
    activate_with_slope<T>(worker, activation_, hidden(context), activated);
    worker.barrier();
    narrow_.backward_parameters(context, activated, output_gradient);
    worker.barrier();
    narrow_.backward_input(context, output_gradient, activated);
    worker.barrier();
    narrow_.complete(context);
    multiply_elementwise<T>(worker, activated, hidden(context));
    worker.barrier();
    widen_.backward(context, input, hidden(context), input_gradient);
  }

 private:
  MatrixView<T> hidden(const LayerContext<T>& context) const {
    return {context.saved(hidden_), context.rows(), hidden_width()};
  }

  Linear<T, Width, Hidden> widen_;
  Linear<T, Hidden, Width> narrow_;
  Activation activation_;
  Booking<T> hidden_;
  Booking<T> forward_activated_;
  Booking<T> backward_activated_;
};

}  // namespace OCTAVO_NAMESPACE
