// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/gate.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/layers/linear.hpp>

namespace OCTAVO_NAMESPACE {

/// y = activation(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq. 2, with any activation), or, gated,
/// y = (activation(x Wg + bg) * (x Wu + bu)) Wd + bd (Shazeer 2020, eq. 6). x, y [rows, width], W1,
/// Wg, Wu [width, d_ff], W2, Wd [d_ff, width]. Wg and Wu lie side by side in one parameter,
/// [width, 2 d_ff], so that x is multiplied once. Saves the values before the activation, [rows,
/// d_ff] or [rows, 2 d_ff]; backward computes the activation again.
template <Scalar T>
class FeedForward {
 public:
  using Value = T;

  OCTAVO_SETUP constexpr FeedForward(const Builder<T>& builder, Index width,
                                     const FeedForwardConfig& config)
      : widen_(builder / (config.gated ? "gate_up" : "up"), width,
               config.gated ? MapColumns{config.d_ff, config.d_ff} : MapColumns{config.d_ff},
               config.bias),
        narrow_(builder / "down", config.d_ff, width, config.bias, InitialValue::normal_residual),
        activation_(config.activation),
        gated_(config.gated),
        hidden_(builder.saved("hidden", widen_.output_width())),
        forward_activated_(builder.forward_scratch("activated", config.d_ff)),
        backward_activated_(builder.backward_scratch("activated", config.d_ff)) {}

  /// The feed-forward part of a model: `Config` is ModelConfig.
  template <typename Config>
  requires requires(const Config& config) { config.feed_forward.d_ff; }
  OCTAVO_SETUP constexpr FeedForward(const Builder<T>& builder, const Config& config)
      : FeedForward(builder, config.width, config.feed_forward) {}

  constexpr Index input_width() const noexcept { return widen_.input_width(); }
  constexpr Index output_width() const noexcept { return narrow_.output_width(); }

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    widen_.forward(pass, input, pass[hidden_]);
    narrow_.forward(pass, activated(pass), output);
  }

  /// The part of forward that saves the buffers for backward.
  void forward_saved(const Pass<T>& pass, MatrixView<const T> input) const {
    widen_.forward(pass, input, pass[hidden_]);
    if (narrow_.saves()) narrow_.forward_saved(pass, activated(pass));
  }

  /// The activated values are computed again, then overwritten by their gradient. The saved hidden
  /// values are overwritten by their gradient; without a gate, first by the activation's
  /// derivative.
  void backward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    const Worker& worker = pass.worker();
    const MatrixView<T> hidden = pass[hidden_];
    const MatrixView<T> activated = pass[backward_activated_];
    if (gated_) {
      gate<T>(worker, activation_, hidden, activated);
    } else {
      activate_with_slope<T>(worker, activation_, hidden, activated);
    }
    worker.barrier();
    narrow_.backward_parameters(pass, activated, output_gradient);
    worker.barrier();
    narrow_.backward_input(pass, output_gradient, activated);
    worker.barrier();
    narrow_.complete(pass);
    if (gated_) {
      gate_backward<T>(worker, activation_, activated, hidden);
    } else {
      multiply_elementwise<T>(worker, activated, hidden);
    }
    worker.barrier();
    widen_.backward(pass, input, hidden, input_gradient);
  }

 private:
  MatrixView<const T> activated(const Pass<T>& pass) const {
    const MatrixView<T> activated = pass[forward_activated_];
    if (gated_) {
      gate<T>(pass.worker(), activation_, pass[hidden_], activated);
    } else {
      activate<T>(pass.worker(), activation_, pass[hidden_], activated);
    }
    pass.worker().barrier();
    return activated;
  }

  Linear<T> widen_;
  Linear<T> narrow_;
  Activation activation_;
  bool gated_;
  Buffer<T> hidden_;
  Buffer<T> forward_activated_;
  Buffer<T> backward_activated_;
};

}  // namespace OCTAVO_NAMESPACE
