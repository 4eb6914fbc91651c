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
#include <octavo/layers/layer_configs.hpp>
#include <octavo/layers/linear.hpp>

namespace OCTAVO_NAMESPACE {

/// Causal multi-head self-attention with its projections: [q k v] = x W + b, o = attend(q, k, v),
/// y = o Wo + bo.  x, y [rows, width], rows = sequences * positions; q, k, v lie side by side in
/// [rows, 3 width]. Saves q, k, v, o and per row and head the logsumexp of the scores.
template <Scalar T>
class CausalSelfAttention {
 public:
  using Value = T;

  /// ConfigError where the heads do not divide the width.
  constexpr CausalSelfAttention(const Builder<T>& builder, Index width,
                                const AttentionConfig& config)
      : width_(width),
        heads_(checked_heads(width, config.heads)),
        project_in_(builder / "qkv", width, 3 * width, config.bias),
        project_out_(builder / "output", width, width, config.bias, InitialValue::normal_residual),
        qkv_(builder.saved("queries, keys, values", 3 * width)),
        attended_(builder.saved("attended", width)),
        logsumexp_(builder.saved("log-sum-exp", config.heads)),
        forward_scores_(builder.forward_numbers(
            "scores", builder.pass().workers * of_step(builder.pass()).forward_scratch())),
        backward_scores_(builder.backward_numbers(
            "scores", builder.pass().workers * of_step(builder.pass()).backward_scratch())),
        attended_gradient_(builder.backward_scratch("attended gradient", width)) {}

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    if (pass.rows.cached != nullptr) return forward_cached(pass, input, output);
    const MatrixView<T> qkv = pass[qkv_];
    const MatrixView<T> attended = pass[attended_];
    project_in_.forward(pass, input, qkv);
    attend<T>(pass.worker(), of_step(pass.rows), part(qkv, 0), part(qkv, 1), part(qkv, 2), attended,
              pass[logsumexp_].data, pass.numbers(forward_scores_), pass.run.pack_buffer);
    pass.worker().barrier();
    project_out_.forward(pass, attended, output);
  }

  /// The gradients of q, k and v overwrite q, k and v.
  void backward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<const T> output_gradient,
                MatrixView<T> input_gradient) const {
    const MatrixView<T> qkv = pass[qkv_];
    const MatrixView<T> attended = pass[attended_];
    const MatrixView<T> attended_gradient = pass[attended_gradient_];
    project_out_.backward(pass, attended, output_gradient, attended_gradient);
    attend_backward<T>(pass.worker(), of_step(pass.rows), part(qkv, 0), part(qkv, 1), part(qkv, 2),
                       attended, attended_gradient, pass[logsumexp_].data,
                       pass.numbers(backward_scores_), pass.run.pack_buffer);
    pass.worker().barrier();
    project_in_.backward(pass, input, qkv, input_gradient);
  }

 private:
  static constexpr Index checked_heads(Index width, Index heads) {
    require(heads > 0 && width % heads == 0, [&] {
      return detail::concat({"attention: width ", width, " is not a multiple of heads ", heads});
    });
    return heads;
  }

  /// Forward for new positions of sequences whose keys and values so far lie in the caches; theirs
  /// are added. Gives the bits of forward over each whole sequence.
  void forward_cached(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    const auto& [caches, parts] = *pass.rows.cached;
    const MatrixView<T> qkv = pass[qkv_].row_block(0, input.rows);
    const MatrixView<T> attended = pass[attended_].row_block(0, input.rows);
    project_in_.forward(pass, input, qkv);
    Index first = 0;
    for (const CachedRows& new_rows : parts) {
      const KeyValueCache<T> cache = caches.of(new_rows.sequence, pass.block);
      const MatrixView<T> of_part = qkv.row_block(first, new_rows.rows);
      copy<T>(pass.worker(), part(of_part, 1),
              cache.keys().row_block(new_rows.past, new_rows.rows));
      copy<T>(pass.worker(), part(of_part, 2),
              cache.values().row_block(new_rows.past, new_rows.rows));
      first += new_rows.rows;
    }
    pass.worker().barrier();
    first = 0;
    for (const CachedRows& new_rows : parts) {
      attend_cached(pass, caches.of(new_rows.sequence, pass.block), new_rows,
                    part(qkv.row_block(first, new_rows.rows), 0),
                    attended.row_block(first, new_rows.rows));
      first += new_rows.rows;
    }
    pass.worker().barrier();
    project_out_.forward(pass, attended, output);
  }

  /// Workers need not wait between one part and the next: each stays in its own share of the
  /// scratch, though attend deals out less of it the fewer keys there are.
  void attend_cached(const Pass<T>& pass, const KeyValueCache<T>& cache, const CachedRows& new_rows,
                     MatrixView<const T> queries, MatrixView<T> attended) const {
    const Index keys = new_rows.past + new_rows.rows;
    const AttentionShape<T> shape = shape_of(1, new_rows.rows, keys);
    const std::span<T> scratch = pass.numbers(forward_scores_);
    const Index share = std::ssize(scratch) / pass.worker().count();
    const Index shift = pass.worker().index() * (share - shape.forward_scratch());
    attend<T>(pass.worker(), shape, queries, cache.keys().row_block(0, keys),
              cache.values().row_block(0, keys), attended, nullptr,
              scratch.subspan(static_cast<std::size_t>(shift)), pass.run.pack_buffer);
  }

  constexpr AttentionShape<T> shape_of(Index sequences, Index queries, Index keys) const {
    return {sequences, queries, keys, heads_, width_ / heads_};
  }
  /// Whole sequences: `rows` has sequences and the positions of each.
  template <typename Rows>
  constexpr AttentionShape<T> of_step(const Rows& rows) const {
    return shape_of(rows.sequences, rows.sequence, rows.sequence);
  }
  /// Queries (0), keys (1) or values (2) within [rows, 3 width].
  MatrixView<T> part(MatrixView<T> qkv, Index which) const {
    return qkv.block(0, qkv.rows, which * width_, width_);
  }

  Index width_ = 0;
  Index heads_ = 1;
  Linear<T> project_in_;
  Linear<T> project_out_;
  Buffer<T> qkv_;
  Buffer<T> attended_;
  Buffer<T> logsumexp_;
  Buffer<T> forward_scores_;
  Buffer<T> backward_scores_;
  Buffer<T> attended_gradient_;
};

}  // namespace OCTAVO_NAMESPACE
