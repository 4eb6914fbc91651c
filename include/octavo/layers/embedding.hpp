// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/kernels/embed.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// x = token table row + learned position table row (GPT-2's wte and wpe). From tokens, not from
/// rows, so it is the beginning of a model rather than a Layer. Keeps nothing: backward needs the
/// tokens alone.
template <Scalar T, Index Width = dynamic>
class Embedding {
 public:
  using Value = T;

  constexpr Embedding(Index vocabulary, Index context, Index width)
      : vocabulary_(vocabulary), context_(context), width_(width) {}

  constexpr void declare(ParameterDeclarations& declarations) {
    declarations.begin_layer("wte");
    tokens_ = declarations.matrix("weight", vocabulary_, width_.value(), InitialValue::normal);
    declarations.begin_layer("wpe");
    positions_ = declarations.matrix("weight", context_, width_.value(), InitialValue::normal);
  }

  /// tokens [rows] in sequences that begin at `first_position`; overwrites output [rows, width].
  void forward(const LayerContext<T>& context, std::span<const Token> tokens, Index first_position,
               MatrixView<T> output) const {
    OCTAVO_ASSERT(tokens_lie_in(tokens, vocabulary_));
    OCTAVO_ASSERT(first_position >= 0 &&
                  first_position + std::min(output.rows, context.sequence) <= context_);
    embed<T>(context.worker, tokens, context.sequence, first_position, tokens_.in(context.weights),
             positions_.in(context.weights), output);
    context.worker.barrier();
  }

  /// Adds output_gradient [rows, width] to the rows of the token table that were picked.
  void backward_tokens(const LayerContext<T>& context, std::span<const Token> tokens,
                       MatrixView<const T> output_gradient) const {
    accumulate_rows<T>(
        context.worker, output_gradient,
        [&](Index row) { return static_cast<Index>(tokens[static_cast<std::size_t>(row)]); },
        tokens_.in(context.gradients));
    context.worker.barrier();
  }

  /// ... and to the rows of the position table.
  void backward_positions(const LayerContext<T>& context,
                          MatrixView<const T> output_gradient) const {
    accumulate_rows<T>(
        context.worker, output_gradient, [&](Index row) { return row % context.sequence; },
        positions_.in(context.gradients));
    context.worker.barrier();
  }

  /// The token table, for heads that are tied to it.
  constexpr ParameterSlot token_table() const noexcept { return tokens_; }
  constexpr ParameterSlot position_table() const noexcept { return positions_; }

 private:
  Index vocabulary_ = 0;
  Index context_ = 0;
  [[no_unique_address]] Extent<Width> width_;
  ParameterSlot tokens_;
  ParameterSlot positions_;
};

}  // namespace OCTAVO_NAMESPACE
