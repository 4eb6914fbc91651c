// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/tensor/extents.hpp>

namespace octavo {

/// Causal multi-head self-attention with its projections: [q k v] = x W + b, o = attend(q, k, v),
/// y = o Wo + bo.  x, y [rows, width], rows = sequences * positions; q, k, v lie side by side in
/// [rows, 3 width]. Keeps q, k, v, o and per row and head the log-sum-exp of the scores.
template <Scalar T, Index Width = dynamic>
class CausalSelfAttention {
 public:
  using Value = T;

  constexpr CausalSelfAttention(Index width, Index heads, bool bias)
      : width_(width),
        heads_(heads),
        project_in_(width, 3 * width, bias),
        project_out_(width, width, bias, InitialValue::normal_residual) {}

  constexpr Index input_width() const { return width_.value(); }
  constexpr Index output_width() const { return width_.value(); }

  constexpr void declare(ParameterDeclarations& declarations) {
    declarations.begin_layer("attn.c_attn");
    project_in_.declare(declarations);
    declarations.begin_layer("attn.c_proj");
    project_out_.declare(declarations);
  }

  constexpr void book(BookingScope& scope) {
    const AttentionShape<T> shape = shape_of(scope.sequences, scope.sequence, scope.sequence);
    const Index rows = scope.rows();
    qkv_ = scope.saved<T>("queries, keys, values", rows * 3 * width_.value());
    attended_ = scope.saved<T>("attended", rows * width_.value());
    log_sum_ = scope.saved<T>("log-sum-exp", rows * heads_);
    forward_scores_ = scope.forward_scratch<T>("scores", scope.workers * shape.forward_scratch());
    backward_scores_ =
        scope.backward_scratch<T>("scores", scope.workers * shape.backward_scratch());
    attended_gradient_ = scope.backward_scratch<T>("attended gradient", rows * width_.value());
  }

  void forward(const LayerContext<T>& context, MatrixView<const T> input,
               MatrixView<T> output) const {
    const MatrixView<T> qkv = queries_keys_values(context);
    const MatrixView<T> attended = attended_rows(context);
    project_in_.forward(context, input, qkv);
    attend<T>(context.worker, shape_of(context.sequences, context.sequence, context.sequence),
              part(qkv, 0), part(qkv, 1), part(qkv, 2), attended, context.saved(log_sum_),
              context.scratch(forward_scores_), context.panels);
    context.worker.barrier();
    project_out_.forward(context, attended, output);
  }

  /// Forward for `input.rows` new positions of one sequence whose keys and values up to `past` lie
  /// in the cache; theirs are added to it. Gives the bits of forward over the whole sequence.
  void forward_cached(const LayerContext<T>& context, const KeyValueCache<T>& cache, Index past,
                      MatrixView<const T> input, MatrixView<T> output) const {
    const Index rows = input.rows;
    const MatrixView<T> qkv = queries_keys_values(context).row_block(0, rows);
    const MatrixView<T> attended = attended_rows(context).row_block(0, rows);
    project_in_.forward(context, input, qkv);
    copy<T>(context.worker, part(qkv, 1), cache.keys().row_block(past, rows));
    copy<T>(context.worker, part(qkv, 2), cache.values().row_block(past, rows));
    context.worker.barrier();
    attend<T>(context.worker, shape_of(1, rows, past + rows), part(qkv, 0),
              cache.keys().row_block(0, past + rows), cache.values().row_block(0, past + rows),
              attended, nullptr, context.scratch(forward_scores_), context.panels);
    context.worker.barrier();
    project_out_.forward(context, attended, output);
  }

  /// The gradients of q, k and v overwrite q, k and v.
  void backward(const LayerContext<T>& context, MatrixView<const T> input,
                MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const {
    const MatrixView<T> qkv = queries_keys_values(context);
    const MatrixView<T> attended = attended_rows(context);
    const MatrixView<T> attended_gradient =
        context.scratch_matrix(attended_gradient_, width_.value());
    project_out_.backward(context, attended, output_gradient, attended_gradient);
    attend_backward<T>(context.worker,
                       shape_of(context.sequences, context.sequence, context.sequence),
                       part(qkv, 0), part(qkv, 1), part(qkv, 2), attended, attended_gradient,
                       context.saved(log_sum_), context.scratch(backward_scores_), context.panels);
    context.worker.barrier();
    project_in_.backward(context, input, qkv, input_gradient);
  }

 private:
  constexpr AttentionShape<T> shape_of(Index sequences, Index queries, Index keys) const {
    return {sequences, queries, keys, heads_, width_.value() / heads_};
  }
  MatrixView<T> queries_keys_values(const LayerContext<T>& context) const {
    return {context.saved(qkv_), context.rows(), 3 * width_.value()};
  }
  MatrixView<T> attended_rows(const LayerContext<T>& context) const {
    return {context.saved(attended_), context.rows(), width_.value()};
  }
  /// Queries (0), keys (1) or values (2) within [rows, 3 width].
  MatrixView<T> part(MatrixView<T> qkv, Index which) const {
    return qkv.block(0, qkv.rows, which * width_.value(), width_.value());
  }

  [[no_unique_address]] Extent<Width> width_;
  Index heads_ = 1;
  Linear<T, Width, Width == dynamic ? dynamic : 3 * Width> project_in_;
  Linear<T, Width, Width> project_out_;
  Booking<T> qkv_;
  Booking<T> attended_;
  Booking<T> log_sum_;
  Booking<T> forward_scores_;
  Booking<T> backward_scores_;
  Booking<T> attended_gradient_;
};

}  // namespace octavo
