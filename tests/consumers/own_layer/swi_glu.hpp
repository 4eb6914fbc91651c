// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <octavo/octavo.hpp>

/// y = (silu(x G) * (x U)) D, elementwise product, silu(v) = v / (1 + exp(-v)) (Shazeer 2020, "GLU
/// Variants Improve Transformer"): a feed-forward part that Octavo does not have.
/// x, y [rows, width], G, U [width, hidden], D [hidden, width].
template <octavo::Scalar T>
class SwiGlu {
 public:
  using Value = T;
  using Index = octavo::Index;

  constexpr SwiGlu(const octavo::Builder<T>& builder, const octavo::ModelConfig& config)
      : gate_(builder / "gate", config.width, config.feed_forward.d_ff, false),
        up_(builder / "up", config.width, config.feed_forward.d_ff, false),
        down_(builder / "down", config.feed_forward.d_ff, config.width, false,
              octavo::InitialValue::normal_residual),
        gate_values_(builder.saved("gate", config.feed_forward.d_ff)),
        up_values_(builder.saved("up", config.feed_forward.d_ff)),
        forward_product_(builder.forward_scratch("product", config.feed_forward.d_ff)),
        backward_product_(builder.backward_scratch("product", config.feed_forward.d_ff)),
        second_input_gradient_(builder.backward_scratch("dx of up", config.width)) {}

  void forward(const octavo::Pass<T>& pass, octavo::MatrixView<const T> input,
               octavo::MatrixView<T> output) const {
    gate_.forward(pass, input, pass[gate_values_]);
    up_.forward(pass, input, pass[up_values_]);
    multiply_gate(pass, pass[forward_product_]);
    down_.forward(pass, pass[forward_product_], output);
  }

  void backward(const octavo::Pass<T>& pass, octavo::MatrixView<const T> input,
                octavo::MatrixView<const T> output_gradient,
                octavo::MatrixView<T> input_gradient) const {
    const auto gate = pass[gate_values_];
    const auto up = pass[up_values_];
    const auto product = pass[backward_product_];
    multiply_gate(pass, product);
    down_.backward_parameters(pass, product, output_gradient);
    pass.worker().barrier();
    down_.backward_input(pass, output_gradient, product);  // now the product's gradient
    pass.worker().barrier();
    down_.complete(pass);
    for_each(pass, product, [&](Index row, Index column) {
      const T g = gate(row, column);
      const T sigmoid = 1 / (1 + std::exp(-g));
      const T d = product(row, column);
      gate(row, column) = d * up(row, column) * sigmoid * (1 + g * (1 - sigmoid));
      up(row, column) = d * g * sigmoid;
    });
    const auto second = pass[second_input_gradient_];
    gate_.backward(pass, input, gate, input_gradient);
    up_.backward(pass, input, up, second);
    octavo::add<T>(pass.worker(), second, input_gradient);
    pass.worker().barrier();
  }

 private:
  /// Calls body(row, column) for this worker's share of a matrix; ends with a barrier.
  template <typename Body>
  static void for_each(const octavo::Pass<T>& pass, octavo::MatrixView<T> matrix, Body body) {
    pass.for_each_row([&](Index row) {
      for (Index column = 0; column < matrix.columns; ++column) body(row, column);
    });
  }

  void multiply_gate(const octavo::Pass<T>& pass, octavo::MatrixView<T> product) const {
    const auto gate = pass[gate_values_];
    const auto up = pass[up_values_];
    for_each(pass, product, [&](Index row, Index column) {
      const T g = gate(row, column);
      product(row, column) = g / (1 + std::exp(-g)) * up(row, column);
    });
  }

  octavo::Linear<T> gate_;
  octavo::Linear<T> up_;
  octavo::Linear<T> down_;
  octavo::Buffer<T> gate_values_;
  octavo::Buffer<T> up_values_;
  octavo::Buffer<T> forward_product_;
  octavo::Buffer<T> backward_product_;
  octavo::Buffer<T> second_input_gradient_;
};
