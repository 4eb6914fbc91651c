// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <octavo/layers/layer.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/matrix_view.hpp>
#include <octavo/tensor/parameter_declarations.hpp>

// The contract between a transformer's blocks and whoever runs them; see layer.hpp for layers'.
namespace OCTAVO_NAMESPACE {

/// When a block's parts run within a pass; phases before are the embedding's, after the head's.
struct BlockPhases {
  int attention_forward, feed_forward_forward;
  int feed_forward_backward, attention_backward;
};

/// Where a block books its memory. As it comes, forward, backward and kept span the whole block;
/// one that runs in two halves may tell them apart by the phases.
struct BlockScope : BookingScope {
  BlockPhases phases{};
  bool dropout = false;
};

namespace detail {

template <typename B>
concept SaysWhetherAllIsOverwritten = requires {
  { B::overwrites_all } -> std::convertible_to<bool>;
};

template <typename B>
concept BlockBooks = requires(B block, const BlockScope& scope) {
  block.book(scope);
};

template <typename B>
concept BlockForward = requires(const B block, const LayerContext<typename B::Value>& context,
                                MatrixView<typename B::Value> x) {
  block.forward(context, x);
};

template <typename B>
concept BlockBackward = requires(const B block, const LayerContext<typename B::Value>& context,
                                 MatrixView<typename B::Value> x) {
  block.backward(context, x);
};

}  // namespace detail

/// What a Transformer repeats between its embedding and its head. One object serves all blocks of a
/// model; context.block says which of them runs.
///
/// - declare() adds the parameters of one block, book(BlockScope) its memory: see Layer.
/// - forward(context, x) works in place on the residual stream x [rows, width]; so does
///   backward(context, dx) on its gradient: that behind the block becomes that before it. What they
///   leave in a worker's own rows of the stream, Worker::split(rows), needs no barrier; the
///   parameters' gradients must be complete when backward returns.
/// - overwrites_all: whether every part keeps the promise of Layer's overwrites_gradients, as all
///   of Octavo's do; if not, added_to() is the range of the parameters that do not.
/// - A block may also offer width(), which the model's must be: one of another width is then
///   refused when the model is made.
/// - A block may also offer keep_again(context, x), a forward that leaves out what backward does
///   not need and may overwrite x: recomputation then runs it.
template <typename B>
concept TransformerBlock =
    detail::HasValue<B> && detail::SaysWhetherAllIsOverwritten<B> && detail::HasDeclare<B> &&
    detail::BlockBooks<B> && detail::BlockForward<B> && detail::BlockBackward<B>;

/// What a model's third template argument may be: the feed-forward part of our Block, or a block of
/// the user's.
template <typename P>
concept BlockPart = Layer<P> || TransformerBlock<P>;

}  // namespace OCTAVO_NAMESPACE
