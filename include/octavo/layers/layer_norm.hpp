// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>

namespace OCTAVO_NAMESPACE {

/// Layer normalisation with gain and, if wanted, bias (kernels/normalize.hpp has the formula).
/// Saves per row the normalised input [width] and its rstd, the inverse standard deviation; the
/// input itself is not needed by backward, and recompute_output() makes the output again.
template <Scalar T>
class LayerNorm {
 public:
  using Value = T;

  constexpr LayerNorm(const Builder<T>& builder, Index width, const NormConfig& config = {})
      : LayerNorm(builder, width, config, builder.begin_unit()) {}

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    normalize<T>(pass.worker(), input, pass.weight(gain_), pass.weight(bias_), pass[normalized_],
                 pass[rstd_].data, output, epsilon_);
    pass.worker().barrier();
  }

  /// The output of forward once more, from what was saved.
  void recompute_output(const Pass<T>& pass, MatrixView<T> output) const {
    scale_and_shift<T>(pass.worker(), pass[normalized_], pass.weight(gain_), pass.weight(bias_),
                       output);
    pass.worker().barrier();
  }

  void backward(const Pass<T>& pass, MatrixView<const T>, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    const Range rows = pass.worker().split(input_gradient.rows);
    for (Index i = rows.begin; i < rows.end; ++i) {
      std::fill_n(input_gradient.row(i), input_gradient.columns, T{0});
    }
    backward_accumulate(pass, output_gradient, input_gradient);
  }

  /// Backward that adds to `input_gradient`: the gradient that went round the residual connection
  /// is there already.
  void backward_accumulate(const Pass<T>& pass, MatrixView<const T> output_gradient,
                           MatrixView<T> input_gradient) const {
    const GradientPlace<T> gain = pass.gradient(gain_);
    const GradientPlace<T> bias = pass.gradient(bias_);
    if (gain || bias) {
      normalize_backward_parameters<T>(pass.worker(), output_gradient, pass[normalized_],
                                       gain.numbers, bias.numbers,
                                       gain ? gain.output : bias.output);
    }
    normalize_backward_input<T>(pass.worker(), output_gradient, pass[normalized_], pass[rstd_].data,
                                pass.weight(gain_), input_gradient);
    pass.worker().barrier();
    pass.complete(gain_, bias_.exists() ? 2 : 1);
  }

 private:
  constexpr LayerNorm(const Builder<T>& builder, Index width, const NormConfig& config,
                      ParameterUnit unit)
      : gain_(builder.vector("weight", width, InitialValue::ones, unit)),
        bias_(config.bias ? builder.vector("bias", width, InitialValue::zeros, unit)
                          : ParameterSlot{}),
        normalized_(builder.saved("normalized input", width)),
        rstd_(builder.saved("inverse deviation", 1)),
        epsilon_(config.epsilon) {}

  ParameterSlot gain_;
  ParameterSlot bias_;
  Buffer<T> normalized_;
  Buffer<T> rstd_;
  double epsilon_;
};

}  // namespace OCTAVO_NAMESPACE
