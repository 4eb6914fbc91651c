// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/layers/layer.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The contract between a transformer's blocks and the model that runs them; layer.hpp has that of
// layers.
namespace OCTAVO_NAMESPACE {

namespace detail {

template <typename B>
concept BlockForward = requires(const B block, const Pass<typename B::Value>& pass,
                                MatrixView<typename B::Value> x) {
  block.forward(pass, x);
};

template <typename B>
concept BlockBackward = requires(const B block, const Pass<typename B::Value>& pass,
                                 MatrixView<typename B::Value> x) {
  block.backward(pass, x);
};

}  // namespace detail

/// A block that a Transformer repeats between its embedding and its head. One object serves all
/// blocks of a model; pass.block is the index of the running block.
///
/// - The constructor takes a Builder<T> and the model's config: see Layer.
/// - forward(pass, x) works in place on the residual stream x [rows, width]; backward(pass, dx)
///   replaces the gradient of the block's output by that of its input. Between blocks each worker
///   reads only its own rows of the stream, Worker::split(rows), so no barrier is needed between
///   blocks; the parameters' gradients must be complete when backward returns.
/// - A block may also offer width(), which must be the model's width; otherwise the model's
///   constructor throws.
/// - A block may also offer forward_saved(pass, x), a forward that skips what backward does not
///   need, and may overwrite x: recomputation then calls it.
template <typename B>
concept TransformerBlock =
    detail::HasValue<B> && detail::BlockForward<B> && detail::BlockBackward<B>;

/// The third template argument of a model: the feed-forward part of the standard Block, or a block
/// of the user's own.
template <typename P>
concept BlockPart = Layer<P> || TransformerBlock<P>;

}  // namespace OCTAVO_NAMESPACE
