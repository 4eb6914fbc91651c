// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/layers/pass.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The contract between layers and the model that runs them. A layer is a description: it knows its
// sizes, where its parameters lie within their part of the model, and which memory it asked for. It
// owns no numbers, so one layer object serves every block of a model and every thread.
namespace OCTAVO_NAMESPACE {

namespace detail {

// What a layer must have, each by itself: compilers then name what is missing.

template <typename L>
concept HasValue = Scalar<typename L::Value>;

template <typename L>
concept LayerForward = requires(const L layer, const Pass<typename L::Value>& pass,
                                MatrixView<const typename L::Value> input,
                                MatrixView<typename L::Value> output) {
  layer.forward(pass, input, output);
};

template <typename L>
concept LayerBackward = requires(const L layer, const Pass<typename L::Value>& pass,
                                 MatrixView<const typename L::Value> input,
                                 MatrixView<typename L::Value> input_gradient) {
  layer.backward(pass, input, input, input_gradient);
};

}  // namespace detail

/// From [rows, width] to [rows, other width], forward and backward.
///
/// - The constructor takes a Builder<T> and asks it for parameters, memory and, with
///   `builder / "name"`, for the places of layers within. The layer is const for life. Constexpr
///   constructors, as this library's layers have, let the bytes of a run be known when it is
///   compiled. As a part of a Transformer the arguments are (builder, shape of the model).
/// - `using Value = T`: the number type.
/// - forward(pass, input, output) overwrites output.
/// - backward(pass, input, output_gradient, input_gradient) gets the input of forward again,
///   overwrites input_gradient and leaves the gradient of each parameter at pass.gradient(slot), as
///   the answer says, or adds it at pass.gradient_to_add_to(slot). The layers of this library do so
///   for their own: a layer that is made of them alone has nothing to do.
/// - forward and backward are called by all workers of the thread pool at the same time with the
///   same arguments. Each does its share, and they end with pass.worker().barrier(): when a layer
///   returns, all of its output is there. Neither may throw or allocate.
/// - A feed-forward part may also offer input_width() and output_width(), which must be the model's
///   width: another one is refused when the model is made.
/// - A feed-forward part may also offer forward_saved(pass, input), the part of forward that saves
///   what backward needs: recomputation then skips the rest.
/// - Every output must be computed in an order that does not depend on the number of workers.
template <typename L>
concept Layer = detail::HasValue<L> && detail::LayerForward<L> && detail::LayerBackward<L>;

}  // namespace OCTAVO_NAMESPACE
