// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>

namespace OCTAVO_NAMESPACE {

/// Layer norm or RMS norm with gain and, if wanted, bias (kernels/normalize.hpp has the formulas).
/// With `groups`, a row consists of `groups` rows of `width` numbers, such as heads, which share
/// the parameters: input and output [rows, groups * width], gain and bias [width]. Saves per row
/// the normalised input [groups * width] and rstd [groups], the reciprocals of the divisors.
/// Backward does not need the input; recompute_output() computes the output again.
template <Scalar T>
class Norm {
 public:
  using Value = T;

  OCTAVO_SETUP constexpr Norm(const Builder<T>& builder, Index width, const NormConfig& config = {},
                              Index groups = 1)
      : Norm(builder, width, config, groups, builder.begin_unit()) {}

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    normalize<T>(pass.worker(), input, pass.weight(gain_), pass.weight(bias_), pass[normalized_],
                 pass[rstd_].data, output, norm_);
    pass.worker().barrier();
  }

  /// Computes the output of forward again from the saved buffers.
  void recompute_output(const Pass<T>& pass, MatrixView<T> output) const {
    scale_and_shift<T>(pass.worker(), pass[normalized_], pass.weight(gain_), pass.weight(bias_),
                       output, norm_);
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

  /// Backward that adds to `input_gradient`, which already contains the gradient from the residual
  /// connection.
  void backward_accumulate(const Pass<T>& pass, MatrixView<const T> output_gradient,
                           MatrixView<T> input_gradient) const {
    const GradientPlace<T> gain = pass.gradient(gain_);
    const GradientPlace<T> bias = pass.gradient(bias_);
    if (gain || bias) {
      normalize_backward_parameters<T>(pass.worker(), output_gradient, pass[normalized_],
                                       gain.numbers, bias.numbers, gain ? gain.output : bias.output,
                                       norm_);
    }
    normalize_backward_input<T>(pass.worker(), output_gradient, pass[normalized_], pass[rstd_].data,
                                pass.weight(gain_), input_gradient, norm_);
    pass.worker().barrier();
    pass.complete(gain_, bias_.exists() ? 2 : 1);
  }

 private:
  OCTAVO_SETUP constexpr Norm(const Builder<T>& builder, Index width, const NormConfig& config,
                              Index groups, ParameterUnit unit)
      : gain_(builder.vector("weight", width,
                             config.unit_offset ? InitialValue::zeros : InitialValue::ones, unit)),
        bias_(config.bias ? builder.vector("bias", width, InitialValue::zeros, unit)
                          : ParameterSlot{}),
        normalized_(builder.saved("normalized input", groups * width)),
        rstd_(builder.saved("inverse deviation", groups)),
        norm_{config.kind, config.epsilon, config.unit_offset, groups} {}

  ParameterSlot gain_;
  ParameterSlot bias_;
  Buffer<T> normalized_;
  Buffer<T> rstd_;
  Normalization norm_;
};

}  // namespace OCTAVO_NAMESPACE
