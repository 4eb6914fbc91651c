// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/layers/pass.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The contract between layers and the model that runs them. A layer is a description: it stores its
// sizes, the places of its parameters in their part of the model, and its buffers. It owns no
// numbers, so one layer object serves all blocks of a model and all threads.
namespace OCTAVO_NAMESPACE {

namespace detail {

// The requirements of a layer, one concept each, so that compilers name the missing one.

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

/// A layer from [rows, width] to [rows, other width], with forward and backward.
///
/// - The constructor takes a Builder<T> and asks it for parameters, memory and, with `builder /
///   "name"`, for the places of layers within. The layer never changes afterwards. With a constexpr
///   constructor, as in this library's layers, the bytes of a run are known at compile time. As a
///   part of a Transformer the arguments are (builder, model config).
/// - `using Value = T`: the number type.
/// - forward(pass, input, output) overwrites output.
/// - backward(pass, input, output_gradient, input_gradient) gets forward's input again and
///   overwrites input_gradient. It writes the gradient of each parameter to pass.gradient(slot),
///   overwriting or adding as its `output` says, or adds it to pass.gradient_to_add_to(slot).
///   Layers of this library do this for their own parameters, so a layer composed only of them has
///   nothing to do.
/// - forward and backward are called by all workers of the thread pool at the same time with the
///   same arguments. Each worker does its share, and both end with pass.worker().barrier(), so that
///   the whole output is complete when a layer returns. Neither may throw or allocate.
/// - A feed-forward part may also offer input_width() and output_width(), which must be the model's
///   width; otherwise the model's constructor throws.
/// - A feed-forward part may also offer forward_saved(pass, input), the part of forward that saves
///   what backward needs: recomputation then skips the rest.
/// - Every output must be computed in an order that does not depend on the number of workers.
template <typename L>
concept Layer = detail::HasValue<L> && detail::LayerForward<L> && detail::LayerBackward<L>;

}  // namespace OCTAVO_NAMESPACE
