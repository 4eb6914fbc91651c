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

  constexpr SwiGlu(Index width, Index hidden)
      : gate_(width, hidden, false),
        up_(width, hidden, false),
        down_(hidden, width, false, octavo::InitialValue::normal_residual) {}

  constexpr Index input_width() const { return gate_.input_width(); }
  constexpr Index output_width() const { return gate_.input_width(); }
  constexpr Index hidden() const { return gate_.output_width(); }

  constexpr void declare(octavo::ParameterDeclarations& declarations) {
    declarations.begin_layer("mlp.gate");
    gate_.declare(declarations);
    declarations.begin_layer("mlp.up");
    up_.declare(declarations);
    declarations.begin_layer("mlp.down");
    down_.declare(declarations);
  }

  constexpr void book(octavo::BookingScope& scope) {
    gate_values_ = scope.saved<T>("gate", scope.rows() * hidden());
    up_values_ = scope.saved<T>("up", scope.rows() * hidden());
    forward_product_ = scope.forward_scratch<T>("product", scope.rows() * hidden());
    backward_product_ = scope.backward_scratch<T>("product", scope.rows() * hidden());
    second_input_gradient_ = scope.backward_scratch<T>("dx of up", scope.rows() * input_width());
  }

  void forward(const octavo::LayerContext<T>& context, octavo::MatrixView<const T> input,
               octavo::MatrixView<T> output) const {
    gate_.forward(context, input, kept(context, gate_values_));
    up_.forward(context, input, kept(context, up_values_));
    const auto product = context.scratch_matrix(forward_product_, hidden());
    multiply_gate(context, product);
    down_.forward(context, product, output);
  }

  void backward(const octavo::LayerContext<T>& context, octavo::MatrixView<const T> input,
                octavo::MatrixView<const T> output_gradient,
                octavo::MatrixView<T> input_gradient) const {
    const auto gate = kept(context, gate_values_);
    const auto up = kept(context, up_values_);
    const auto product = context.scratch_matrix(backward_product_, hidden());
    multiply_gate(context, product);
    down_.backward_parameters(context, product, output_gradient);
    context.worker.barrier();
    down_.backward_input(context, output_gradient, product);  // now the product's gradient
    context.worker.barrier();
    for_my_rows(context, [&](Index row, Index column) {
      const T g = gate(row, column);
      const T sigmoid = 1 / (1 + std::exp(-g));
      const T d = product(row, column);
      gate(row, column) = d * up(row, column) * sigmoid * (1 + g * (1 - sigmoid));
      up(row, column) = d * g * sigmoid;
    });
    const auto second = context.scratch_matrix(second_input_gradient_, input_width());
    gate_.backward(context, input, gate, input_gradient);
    up_.backward(context, input, up, second);
    const octavo::Range rows = context.worker.split(context.rows());
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index i = 0; i < input_width(); ++i) input_gradient(row, i) += second(row, i);
    }
    context.worker.barrier();
  }

 private:
  octavo::MatrixView<T> kept(const octavo::LayerContext<T>& context,
                             octavo::Booking<T> booking) const {
    return {context.saved(booking), context.rows(), hidden()};
  }

  /// Calls body(row, column) for this worker's share of [rows, hidden]; ends with a barrier.
  template <typename Body>
  void for_my_rows(const octavo::LayerContext<T>& context, Body body) const {
    const octavo::Range rows = context.worker.split(context.rows());
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index column = 0; column < hidden(); ++column) body(row, column);
    }
    context.worker.barrier();
  }

  void multiply_gate(const octavo::LayerContext<T>& context, octavo::MatrixView<T> product) const {
    const auto gate = kept(context, gate_values_);
    const auto up = kept(context, up_values_);
    for_my_rows(context, [&](Index row, Index column) {
      const T g = gate(row, column);
      product(row, column) = g / (1 + std::exp(-g)) * up(row, column);
    });
  }

  octavo::Linear<T> gate_;
  octavo::Linear<T> up_;
  octavo::Linear<T> down_;
  octavo::Booking<T> gate_values_;
  octavo::Booking<T> up_values_;
  octavo::Booking<T> forward_product_;
  octavo::Booking<T> backward_product_;
  octavo::Booking<T> second_input_gradient_;
};
