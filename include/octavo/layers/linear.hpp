// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// y = x W + b.  x [rows, in], W [in, out] (as GPT-2's Conv1D stores it, the transpose of PyTorch's
/// nn.Linear), b [out]. Books nothing: backward gets its input back from the caller.
template <Scalar T, Index In = dynamic, Index Out = dynamic>
class Linear {
 public:
  using Value = T;

  constexpr Linear(Index in, Index out, bool bias, InitialValue initial = InitialValue::normal)
      : in_(in), out_(out), has_bias_(bias), initial_(initial) {}

  constexpr Index input_width() const { return in_.value(); }
  constexpr Index output_width() const { return out_.value(); }

  constexpr void declare(ParameterDeclarations& declarations) {
    weight_ = declarations.matrix("weight", in_.value(), out_.value(), initial_);
    if (has_bias_) bias_ = declarations.vector("bias", out_.value(), InitialValue::zeros);
  }

  constexpr void book(BookingScope&) {}

  void forward(const LayerContext<T>& context, MatrixView<const T> input,
               MatrixView<T> output) const {
    context.check_declared(weight_);
    matmul<T>(context.worker, input, weight(context.weights), output,
              has_bias_ ? Output::bias : Output::overwrite, bias_.in(context.weights),
              context.pack_buffer);
    context.worker.barrier();
  }

  void backward(const LayerContext<T>& context, MatrixView<const T> input,
                MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const {
    backward_parameters(context, input, output_gradient);
    backward_input(context, output_gradient, input_gradient);
    context.worker.barrier();
    complete(context);
  }

  /// The first part of backward, without a barrier: dW (+)= x^T dy, db (+)= column sums.
  void backward_parameters(const LayerContext<T>& context, MatrixView<const T> input,
                           MatrixView<const T> output_gradient) const {
    matmul_tn<T>(context.worker, input, output_gradient,
                 {context.gradient(weight_, weight_), in_.value(), out_.value()},
                 context.gradient_start, context.pack_buffer);
    if (has_bias_) {
      sum_columns<T>(context.worker, output_gradient, context.gradient(bias_, weight_),
                     context.gradient_start);
    }
  }

  /// The second part, without a barrier: dx = dy W^T.
  void backward_input(const LayerContext<T>& context, MatrixView<const T> output_gradient,
                      MatrixView<T> input_gradient) const {
    matmul_nt<T>(context.worker, output_gradient, weight(context.weights), input_gradient,
                 Output::overwrite, nullptr, context.pack_buffer);
  }

  /// The third, behind a barrier.
  void complete(const LayerContext<T>& context) const {
    context.complete(weight_, has_bias_ ? bias_ : weight_);
  }

 private:
  template <typename U>
  MatrixView<U> weight(U* block) const {
    return {weight_.in(block), in_.value(), out_.value()};
  }

  [[no_unique_address]] Extent<In> in_;
  [[no_unique_address]] Extent<Out> out_;
  bool has_bias_ = true;
  InitialValue initial_ = InitialValue::normal;
  ParameterSlot weight_;
  ParameterSlot bias_;
};

}  // namespace OCTAVO_NAMESPACE
