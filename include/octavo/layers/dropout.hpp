// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/layer.hpp>

namespace OCTAVO_NAMESPACE {

/// Inverted dropout (kernels/dropout.hpp) at the rate and for the step in pass.run.dropout; the
/// identity if that is not set. Saves nothing: backward draws the same numbers again.
template <Scalar T>
class Dropout {
 public:
  using Value = T;

  /// `site` distinguishes the draws of this dropout from all others in the model.
  constexpr explicit Dropout(Index site) : site_(site) {}

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    copy<T>(pass.worker(), input, output);
    apply(pass, 0, output);
  }

  void backward(const Pass<T>& pass, MatrixView<const T>, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    copy<T>(pass.worker(), output_gradient, input_gradient);
    apply(pass, 0, input_gradient);
  }

  /// In place, forward and backward alike; `block` is added to the site, so that one layer object
  /// serves all blocks of a model.
  void apply(const Pass<T>& pass, Index block, MatrixView<T> x) const {
    if (pass.run.dropout) {
      DropoutDraw draw = *pass.run.dropout;
      draw.site = static_cast<std::uint64_t>(site_ + block);
      octavo::dropout<T>(pass.worker(), draw, pass.first_row(), x);
    }
    pass.worker().barrier();
  }

 private:
  Index site_;
};

}  // namespace OCTAVO_NAMESPACE
