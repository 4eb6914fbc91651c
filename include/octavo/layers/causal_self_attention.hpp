// SPDX-License-Identifier: MIT
#pragma once

#include <iterator>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/tensor/extents.hpp>

namespace OCTAVO_NAMESPACE {

/// Causal multi-head self-attention with its projections: [q k v] = x W + b, o = attend(q, k, v),
/// y = o Wo + bo.  x, y [rows, width], rows = sequences * positions; q, k, v lie side by side in
/// [rows, 3 width]. Keeps q, k, v, o and per row and head the log-sum-exp of the scores.
template <Scalar T, Index Width = dynamic>
class CausalSelfAttention {
 public:
  using Value = T;

  /// ConfigError where `heads` do not divide the width.
  constexpr CausalSelfAttention(Index width, Index heads, bool bias)
      : width_(width),
        heads_(heads),
        project_in_(width, 3 * width, bias),
        project_out_(width, width, bias, InitialValue::normal_residual) {
    require(heads > 0 && width % heads == 0, [&] {
      return detail::concat({"attention: width ", width, " is not a multiple of heads ", heads});
    });
  }

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
    if (context.cached != nullptr) return forward_cached(context, input, output);
    const MatrixView<T> qkv = queries_keys_values(context);
    const MatrixView<T> attended = attended_rows(context);
    project_in_.forward(context, input, qkv);
    attend<T>(context.worker, shape_of(context.sequences, context.sequence, context.sequence),
              part(qkv, 0), part(qkv, 1), part(qkv, 2), attended, context.saved(log_sum_),
              context.scratch(forward_scores_), context.pack_buffer);
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
    attend_backward<T>(
        context.worker, shape_of(context.sequences, context.sequence, context.sequence),
        part(qkv, 0), part(qkv, 1), part(qkv, 2), attended, attended_gradient,
        context.saved(log_sum_), context.scratch(backward_scores_), context.pack_buffer);
    context.worker.barrier();
    project_in_.backward(context, input, qkv, input_gradient);
  }

 private:
  /// Forward for new positions of sequences whose keys and values so far lie in the caches; theirs
  /// are added. Gives the bits of forward over each whole sequence.
  void forward_cached(const LayerContext<T>& context, MatrixView<const T> input,
                      MatrixView<T> output) const {
    const auto& [caches, parts] = *context.cached;
    const MatrixView<T> qkv = queries_keys_values(context).row_block(0, input.rows);
    const MatrixView<T> attended = attended_rows(context).row_block(0, input.rows);
    project_in_.forward(context, input, qkv);
    Index first = 0;
    for (const CachedRows& new_rows : parts) {
      const KeyValueCache<T> cache = caches.of(new_rows.sequence, context.block);
      const MatrixView<T> of_part = qkv.row_block(first, new_rows.rows);
      copy<T>(context.worker, part(of_part, 1),
              cache.keys().row_block(new_rows.past, new_rows.rows));
      copy<T>(context.worker, part(of_part, 2),
              cache.values().row_block(new_rows.past, new_rows.rows));
      first += new_rows.rows;
    }
    context.worker.barrier();
    first = 0;
    for (const CachedRows& new_rows : parts) {
      attend_cached(context, caches.of(new_rows.sequence, context.block), new_rows,
                    part(qkv.row_block(first, new_rows.rows), 0),
                    attended.row_block(first, new_rows.rows));
      first += new_rows.rows;
    }
    context.worker.barrier();
    project_out_.forward(context, attended, output);
  }

  /// Workers need not wait between one part and the next: each stays in its own share of the
  /// scratch, though attend deals out less of it the fewer keys there are.
  void attend_cached(const LayerContext<T>& context, const KeyValueCache<T>& cache,
                     const CachedRows& new_rows, MatrixView<const T> queries,
                     MatrixView<T> attended) const {
    const Index keys = new_rows.past + new_rows.rows;
    const AttentionShape<T> shape = shape_of(1, new_rows.rows, keys);
    const std::span<T> scratch = context.scratch(forward_scores_);
    const Index share = std::ssize(scratch) / context.worker.count();
    const Index shift = context.worker.index() * (share - shape.forward_scratch());
    attend<T>(context.worker, shape, queries, cache.keys().row_block(0, keys),
              cache.values().row_block(0, keys), attended, nullptr,
              scratch.subspan(static_cast<std::size_t>(shift)), context.pack_buffer);
  }

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

}  // namespace OCTAVO_NAMESPACE
