// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/layer.hpp>

namespace OCTAVO_NAMESPACE {

/// Inverted dropout (kernels/dropout.hpp) at the rate and for the step in context.dropout; the
/// identity where that is not set. Keeps nothing: backward draws the same numbers again.
template <Scalar T>
class Dropout {
 public:
  using Value = T;

  /// `site` tells this dropout's draws from every other one's in the model.
  constexpr Dropout(Index width, Index site) : width_(width), site_(site) {}

  constexpr Index input_width() const { return width_; }
  constexpr Index output_width() const { return width_; }
  constexpr void declare(ParameterDeclarations&) {}
  constexpr void book(BookingScope&) {}

  void forward(const LayerContext<T>& context, MatrixView<const T> input,
               MatrixView<T> output) const {
    copy<T>(context.worker, input, output);
    apply(context, 0, output);
  }

  void backward(const LayerContext<T>& context, MatrixView<const T>,
                MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const {
    copy<T>(context.worker, output_gradient, input_gradient);
    apply(context, 0, input_gradient);
  }

  /// In place, forward and backward alike; `block` is added to the site, so that one layer object
  /// serves all blocks of a model.
  void apply(const LayerContext<T>& context, Index block, MatrixView<T> x) const {
    if (context.dropout) {
      DropoutDraw draw = *context.dropout;
      draw.site = static_cast<std::uint64_t>(site_ + block);
      dropout<T>(context.worker, draw, context.first_row, x);
    }
    context.worker.barrier();
  }

 private:
  Index width_;
  Index site_;
};

}  // namespace OCTAVO_NAMESPACE
