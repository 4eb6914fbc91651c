// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// logits = y E^T + b with a table E [vocabulary, width] of its own, or tied to the token table
/// (Press, Wolf 2017; then without bias). The end of a model rather than a Layer: it leads to the
/// loss, by slices of at most 64 rows, so that the logits of all rows never exist at once.
template <Scalar T, Index Width = dynamic>
class OutputHead {
 public:
  using Value = T;
  static constexpr Index slice_rows = 64;

  constexpr OutputHead(Index vocabulary, Index width, bool tied, bool bias)
      : vocabulary_(vocabulary), width_(width), tied_(tied), has_bias_(bias && !tied) {}

  constexpr void declare(ParameterDeclarations& declarations) {
    declarations.begin_layer("lm_head");
    if (!tied_) {
      table_ = declarations.matrix("weight", vocabulary_, width_.value(), InitialValue::normal);
    }
    if (has_bias_) bias_ = declarations.vector("bias", vocabulary_, InitialValue::zeros);
  }

  /// Forward and backward of a head are one: what it books lives in scope.forward.
  constexpr void book(BookingScope& scope) {
    logits_ = scope.forward_scratch<T>("logits", std::min(scope.rows(), slice_rows) * vocabulary_);
  }

  /// logits [rows, vocabulary] = y E^T + b. `shared_table` is the token table's values if tied.
  void forward(const LayerContext<T>& context, const T* shared_table, MatrixView<const T> y,
               MatrixView<T> logits) const {
    matmul_nt<T>(context.worker, y, table(context.weights, shared_table), logits,
                 has_bias_ ? Output::bias : Output::overwrite, bias_.in(context.weights),
                 context.pack_buffer);
    context.worker.barrier();
  }

  /// losses [rows] of y [rows, width] against targets [rows]. With context.gradients also adds to
  /// (or overwrites, see LayerContext::gradient_start) the table's and bias's gradients and
  /// overwrites y_gradient [rows, width]; everything is the gradient of scale * (sum of losses).
  void loss(const LayerContext<T>& context, const T* shared_table, T* shared_table_gradient,
            MatrixView<const T> y, std::span<const Token> targets, std::span<T> losses, T scale,
            MatrixView<T> y_gradient) const {
    const Worker& worker = context.worker;
    const bool backward = context.gradients != nullptr;
    OCTAVO_ASSERT(tokens_lie_in(targets, vocabulary_, Negative::ignored));
    for (Index first = 0; first < y.rows; first += slice_rows) {
      const Index count = std::min(slice_rows, y.rows - first);
      const auto from = static_cast<std::size_t>(first);
      const auto size = static_cast<std::size_t>(count);
      const MatrixView<T> logits(context.scratch(logits_), count, vocabulary_);
      const MatrixView<const T> y_slice = y.row_block(first, count);
      forward(context, shared_table, y_slice, logits);
      softmax_cross_entropy<T>(worker, logits, targets.subspan(from, size),
                               losses.subspan(from, size), scale, backward);
      worker.barrier();
      if (!backward) continue;
      const Output start = first == 0 ? context.gradient_start : Output::accumulate;
      matmul_tn<T>(worker, logits, y_slice, table(context.gradients, shared_table_gradient), start,
                   context.pack_buffer);
      if (has_bias_) sum_columns<T>(worker, logits, bias_.in(context.gradients), start);
      matmul<T>(worker, logits, table(context.weights, shared_table),
                y_gradient.row_block(first, count), Output::overwrite, nullptr,
                context.pack_buffer);
      worker.barrier();
    }
  }

 private:
  template <typename U>
  MatrixView<U> table(U* block, U* shared) const {
    return {tied_ ? shared : table_.in(block), vocabulary_, width_.value()};
  }

  Index vocabulary_ = 0;
  [[no_unique_address]] Extent<Width> width_;
  bool tied_ = false;
  bool has_bias_ = true;
  ParameterSlot table_;
  ParameterSlot bias_;
  Booking<T> logits_;
};

}  // namespace OCTAVO_NAMESPACE
