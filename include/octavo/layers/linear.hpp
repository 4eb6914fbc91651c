// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/low_rank_adapter.hpp>

namespace OCTAVO_NAMESPACE {

/// y = x W + b.  x [rows, in], W [in, out] (as GPT-2's Conv1D stores it, the transpose of PyTorch's
/// nn.Linear), b [out]. Backward gets forward's input from the caller, so that only adapters, if
/// the builder gives it some (LowRankAdapter), need memory.
template <Scalar T>
class Linear {
 public:
  using Value = T;

  OCTAVO_SETUP constexpr Linear(const Builder<T>& builder, Index in, Index out, bool bias = true,
                                InitialValue initial = InitialValue::normal)
      : Linear(builder, in, MapColumns{out}, bias, initial) {}
  /// Several maps of one input, their outputs side by side.
  OCTAVO_SETUP constexpr Linear(const Builder<T>& builder, Index in, const MapColumns& outs,
                                bool bias = true, InitialValue initial = InitialValue::normal)
      : Linear(builder, in, outs, bias, initial, builder.begin_unit()) {}

  constexpr Index input_width() const noexcept { return weight_.rows; }
  constexpr Index output_width() const noexcept { return weight_.columns; }

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    multiply<T>(pass.worker(), input, pass.parameter(weight_), output,
                bias_.exists() ? Output::bias : Output::overwrite, pass.weight(bias_),
                pass.run.pack_buffer);
    if (adapter_.exists()) {
      adapter_.save(pass, input);
      adapter_.add_output(pass, output);
    }
    pass.worker().barrier();
  }

  /// The part of forward that saves what backward needs.
  void forward_saved(const Pass<T>& pass, MatrixView<const T> input) const {
    if (adapter_.exists()) adapter_.save(pass, input);
  }
  /// Whether forward_saved does something.
  constexpr bool saves() const noexcept { return adapter_.exists(); }

  void backward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    backward_parameters(pass, input, output_gradient);
    backward_input(pass, output_gradient, input_gradient);
    pass.worker().barrier();
    complete(pass);
  }

  /// The first part of backward, without a barrier at its end: dW (+)= x^T dy, db (+)= column sums.
  void backward_parameters(const Pass<T>& pass, MatrixView<const T> input,
                           MatrixView<const T> output_gradient) const {
    if (const GradientPlace<T> weight = pass.gradient(weight_)) {
      matmul_tn<T>(pass.worker(), input, output_gradient,
                   {weight.numbers, weight_.rows, weight_.columns}, weight.output,
                   pass.run.pack_buffer);
    }
    if (const GradientPlace<T> bias = pass.gradient(bias_)) {
      sum_columns<T>(pass.worker(), output_gradient, bias.numbers, bias.output);
    }
    if (adapter_.exists()) adapter_.backward_parameters(pass, input, output_gradient);
  }

  /// The second part, without a barrier at its end: dx = dy W^T.
  void backward_input(const Pass<T>& pass, MatrixView<const T> output_gradient,
                      MatrixView<T> input_gradient) const {
    multiply_backward<T>(pass.worker(), output_gradient, pass.parameter(weight_), input_gradient,
                         pass.run.pack_buffer);
    if (!adapter_.exists()) return;
    pass.worker().barrier();
    adapter_.add_input_gradient(pass, input_gradient);
  }

  /// The third part, after a barrier: reports that the gradients are complete.
  void complete(const Pass<T>& pass) const {
    pass.complete(weight_, bias_.exists() ? 2 : 1);
    if (adapter_.exists()) adapter_.complete(pass);
  }

 private:
  OCTAVO_SETUP constexpr Linear(const Builder<T>& builder, Index in, const MapColumns& outs,
                                bool bias, InitialValue initial, ParameterUnit unit)
      : weight_(builder.matrix("weight", in, outs, initial, unit)),
        bias_(bias ? builder.vector("bias", weight_.columns, InitialValue::zeros, unit)
                   : ParameterSlot{}),
        adapter_(builder, in, outs) {}

  ParameterSlot weight_;
  ParameterSlot bias_;
  LowRankAdapter<T> adapter_;
};

}  // namespace OCTAVO_NAMESPACE
