// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/layers/linear.hpp>

namespace OCTAVO_NAMESPACE {

/// y = activation(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq. 2, with any activation).
/// x, y [rows, width], the hidden values [rows, d_ff]. Saves the hidden values before the
/// activation; backward computes the activation again.
template <Scalar T>
class FeedForward {
 public:
  using Value = T;

  constexpr FeedForward(const Builder<T>& builder, Index width, const FeedForwardConfig& config)
      : widen_(builder / "up", width, config.d_ff, config.bias),
        narrow_(builder / "down", config.d_ff, width, config.bias, InitialValue::normal_residual),
        activation_(config.activation),
        hidden_(builder.saved("hidden", config.d_ff)),
        forward_activated_(builder.forward_scratch("activated", config.d_ff)),
        backward_activated_(builder.backward_scratch("activated", config.d_ff)) {}

  /// The feed-forward part of a model: `Config` is ModelConfig.
  template <typename Config>
  requires requires(const Config& config) { config.feed_forward.d_ff; }
  constexpr FeedForward(const Builder<T>& builder, const Config& config)
      : FeedForward(builder, config.width, config.feed_forward) {}

  constexpr Index input_width() const noexcept { return widen_.input_width(); }
  constexpr Index output_width() const noexcept { return narrow_.output_width(); }

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    const MatrixView<T> activated = pass[forward_activated_];
    widen_.forward(pass, input, pass[hidden_]);
    activate<T>(pass.worker(), activation_, pass[hidden_], activated);
    pass.worker().barrier();
    narrow_.forward(pass, activated, output);
  }

  /// The part of forward that saves something.
  void forward_saved(const Pass<T>& pass, MatrixView<const T> input) const {
    widen_.forward(pass, input, pass[hidden_]);
  }

  /// The activated values are computed again, then overwritten by their own gradient; the
  /// activation's slope, then the gradient of the hidden values, overwrites what forward saved.
  void backward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    const Worker& worker = pass.worker();
    const MatrixView<T> hidden = pass[hidden_];
    const MatrixView<T> activated = pass[backward_activated_];
    activate_with_slope<T>(worker, activation_, hidden, activated);
    worker.barrier();
    narrow_.backward_parameters(pass, activated, output_gradient);
    worker.barrier();
    narrow_.backward_input(pass, output_gradient, activated);
    worker.barrier();
    narrow_.complete(pass);
    multiply_elementwise<T>(worker, activated, hidden);
    worker.barrier();
    widen_.backward(pass, input, hidden, input_gradient);
  }

 private:
  Linear<T> widen_;
  Linear<T> narrow_;
  Activation activation_;
  Buffer<T> hidden_;
  Buffer<T> forward_activated_;
  Buffer<T> backward_activated_;
};

}  // namespace OCTAVO_NAMESPACE
