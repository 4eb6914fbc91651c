// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/rotate.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_configs.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/layers/norm.hpp>
#include <octavo/layers/rotary_frequencies.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Numbers per head, of a configuration that makes an attention of that width; else ConfigError.
constexpr Index checked_head_width(const AttentionConfig& attention,
                                   const PositionConfig& positions, Index width) {
  require(attention.heads > 0, "attention: expected heads");
  check_attention(attention, width);
  const Index head = attention.head_width == 0 ? width / attention.heads : attention.head_width;
  check_positions(positions, head);
  return head;
}

}  // namespace detail

/// Causal multi-head self-attention with its projections: [q k v] = x W + b, o = attend(q, k, v),
/// y = o Wo + bo.  x, y [rows, width], rows = sequences * positions; q [rows, heads * head width],
/// k and v [rows, heads of keys * head width] lie side by side. Where the configuration says so,
/// each head of q and k is normalized, then turned by its position. Saves q, k, v, o, per row and
/// head the logsumexp of the scores, and what the norms save.
template <Scalar T>
class CausalSelfAttention {
 public:
  using Value = T;

  /// ConfigError where the heads do not fit each other or the width. `norm` is that of heads.
  OCTAVO_SETUP constexpr CausalSelfAttention(const Builder<T>& builder, Index width,
                                             const AttentionConfig& config,
                                             const PositionConfig& positions = {},
                                             const NormConfig& norm = {})
      : config_(config),
        positions_(positions),
        head_width_(detail::checked_head_width(config, positions, width)),
        project_in_(builder / "qkv", width, MapColumns{query_width(), kv_width(), kv_width()},
                    config.bias),
        query_norm_(norm_of_heads(builder / "query_norm", norm, config.heads)),
        key_norm_(norm_of_heads(builder / "key_norm", norm, kv_heads())),
        project_out_(builder / "output", query_width(), width, config.bias && config.output_bias,
                     InitialValue::normal_residual),
        qkv_(builder.saved("queries, keys, values", project_in_.output_width())),
        attended_(builder.saved("attended", query_width())),
        logsumexp_(builder.saved("log-sum-exp", config.heads)),
        forward_scores_(builder.forward_numbers(
            "scores", builder.pass().workers * of_step(builder.pass()).forward_scratch())),
        backward_scores_(builder.backward_numbers(
            "scores", builder.pass().workers * of_step(builder.pass()).backward_scratch())),
        attended_gradient_(builder.backward_scratch("attended gradient", query_width())) {}

  void forward(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    if (pass.rows.cached != nullptr) return forward_cached(pass, input, output);
    const MatrixView<T> qkv = pass[qkv_];
    const MatrixView<T> attended = pass[attended_];
    project_in_.forward(pass, input, qkv);
    normalize_heads(pass, qkv);
    turn(pass, qkv, 0, pass.rows.positions(), false);
    attend<T>(pass.worker(), of_pass(pass), part(qkv, 0), part(qkv, 1), part(qkv, 2), attended,
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
    attend_backward<T>(pass.worker(), of_pass(pass), part(qkv, 0), part(qkv, 1), part(qkv, 2),
                       attended, attended_gradient, pass[logsumexp_].data,
                       pass.numbers(backward_scores_), pass.run.pack_buffer);
    pass.worker().barrier();
    turn(pass, qkv, 0, pass.rows.positions(), true);
    if (config_.qk_norm) {
      backward_norm(pass, *query_norm_, part(qkv, 0), attended_gradient);
      backward_norm(pass, *key_norm_, part(qkv, 1), attended_gradient);
    }
    project_in_.backward(pass, input, qkv, input_gradient);
  }

 private:
  constexpr Index kv_heads() const {
    return config_.kv_heads == 0 ? config_.heads : config_.kv_heads;
  }
  constexpr Index window_of(Index block) const {
    return config_.is_local(block) ? config_.window : 0;
  }
  constexpr Index query_width() const { return config_.heads * head_width_; }
  constexpr Index kv_width() const { return kv_heads() * head_width_; }

  constexpr std::optional<Norm<T>> norm_of_heads(const Builder<T>& builder, const NormConfig& norm,
                                                 Index heads) const {
    if (!config_.qk_norm) return std::nullopt;
    return Norm<T>(builder, head_width_, norm, heads);
  }

  void normalize_heads(const Pass<T>& pass, MatrixView<T> qkv) const {
    if (!config_.qk_norm) return;
    query_norm_->forward(pass, part(qkv, 0), part(qkv, 0));
    key_norm_->forward(pass, part(qkv, 1), part(qkv, 1));
  }

  /// The gradient of a norm's output becomes that of its input. `copied`: memory for a copy.
  static void backward_norm(const Pass<T>& pass, const Norm<T>& norm, MatrixView<T> gradient,
                            MatrixView<T> copied) {
    const MatrixView<T> output_gradient(copied.data, gradient.rows, gradient.columns);
    copy<T>(pass.worker(), gradient, output_gradient);
    pass.worker().barrier();
    norm.backward(pass, gradient, output_gradient, gradient);
  }

  /// Turns queries and keys, which stand at `first` and after it in each sequence, forward or back.
  void turn(const Pass<T>& pass, MatrixView<T> qkv, Index first, RowPositions positions,
            bool back) const {
    if (positions_.kind != PositionKind::rotary) return;
    const RotaryFrequencies frequencies(positions_, head_width_, config_.is_local(pass.block),
                                        first + positions.sequence);
    rotate<T>(pass.worker(), frequencies.rotation(),
              qkv.block(0, qkv.rows, 0, query_width() + kv_width()), config_.heads + kv_heads(),
              head_width_, first, positions, back);
    pass.worker().barrier();
  }

  /// Forward for new positions of sequences whose keys and values so far lie in the caches; theirs
  /// are added. Gives the bits of forward over each whole sequence.
  void forward_cached(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> output) const {
    const KeyValueCaches<T>& caches = pass.rows.cached->caches;
    const std::span<const CachedRows> parts = pass.rows.cached->parts;
    const MatrixView<T> qkv = pass[qkv_].row_block(0, input.rows);
    const MatrixView<T> attended = pass[attended_].row_block(0, input.rows);
    project_in_.forward(pass, input, qkv);
    normalize_heads(pass, qkv);
    Index first = 0;
    for (const CachedRows& new_rows : parts) {
      turn(pass, qkv.row_block(first, new_rows.rows), new_rows.position(), new_rows.rows, false);
      first += new_rows.rows;
    }
    const CacheLayout layout = caches.layout(pass.block);
    require(layout.block == 0 || layout.kept + 1 == window_of(pass.block),
            "attention has another window than the model's configuration, by which its cache is "
            "made");
    Index pieces = 0;
    for (const CachedRows& all : parts) pieces = std::max(pieces, layout.pieces(all));
    for (Index i = 0; i < pieces; ++i) attend_pieces(pass, i, qkv, attended);
    project_out_.forward(pass, attended, output);
  }

  /// Stores and attends the i-th piece of each part: all of it, or, where the cache has rows for a
  /// window, its positions in the i-th of their blocks.
  void attend_pieces(const Pass<T>& pass, Index i, MatrixView<T> qkv,
                     MatrixView<T> attended) const {
    const CachedSequences<T>& cached = *pass.rows.cached;
    const auto for_each_piece = [&](auto body) {
      Index first = 0;
      for (const CachedRows& all : cached.parts) {
        const KeyValueCache<T> cache = cached.caches.of(all.sequence, pass.block);
        const CachedRows piece = cache.layout().piece(all, i);
        if (piece.rows > 0) body(cache, piece, first + piece.past - all.past);
        first += all.rows;
      }
    };
    bool moved = false;
    for_each_piece([&](const KeyValueCache<T>& cache, const CachedRows& piece, Index) {
      moved = cache.make_room(pass.worker(), piece) || moved;
    });
    if (moved) pass.worker().barrier();
    for_each_piece([&](const KeyValueCache<T>& cache, const CachedRows& piece, Index first) {
      const MatrixView<T> rows = qkv.row_block(first, piece.rows);
      const Index row = cache.layout().row_of(piece);
      copy<T>(pass.worker(), part(rows, 1), cache.keys().row_block(row, piece.rows));
      copy<T>(pass.worker(), part(rows, 2), cache.values().row_block(row, piece.rows));
    });
    pass.worker().barrier();
    for_each_piece([&](const KeyValueCache<T>& cache, const CachedRows& piece, Index first) {
      attend_piece(pass, cache, piece, part(qkv.row_block(first, piece.rows), 0),
                   attended.row_block(first, piece.rows));
    });
    pass.worker().barrier();
  }

  /// Workers need not wait between one part and the next: each stays in its own share of the
  /// scratch, though attend deals out less of it the fewer keys there are.
  void attend_piece(const Pass<T>& pass, const KeyValueCache<T>& cache, const CachedRows& piece,
                    MatrixView<const T> queries, MatrixView<T> attended) const {
    const Index past = cache.layout().past_of(piece);
    const Index first = cache.layout().row_of(piece) - past;
    const Index keys = past + piece.rows;
    const AttentionShape<T> shape = shape_of(1, piece.rows, keys, pass.block);
    const std::span<T> scratch = pass.numbers(forward_scores_);
    const Index share = std::ssize(scratch) / pass.worker().count();
    OCTAVO_ASSERT(share >= shape.forward_scratch());
    const Index shift = pass.worker().index() * (share - shape.forward_scratch());
    attend<T>(pass.worker(), shape, queries, cache.keys().row_block(first, keys),
              cache.values().row_block(first, keys), attended, nullptr,
              scratch.subspan(static_cast<std::size_t>(shift)), pass.run.pack_buffer);
  }

  constexpr AttentionShape<T> shape_of(Index sequences, Index queries, Index keys,
                                       Index block) const {
    return {sequences,  queries,          keys,          config_.heads, head_width_,
            kv_heads(), window_of(block), config_.scale, config_.cap};
  }
  constexpr AttentionShape<T> of_pass(const Pass<T>& pass) const {
    AttentionShape<T> shape = of_step(pass.rows, pass.block);
    shape.positions = pass.rows.in_document;
    return shape;
  }
  /// Whole sequences: `rows` has sequences and the positions of each.
  template <typename Rows>
  constexpr AttentionShape<T> of_step(const Rows& rows, Index block) const {
    return shape_of(rows.sequences, rows.sequence, rows.sequence, block);
  }
  /// The shape that needs most memory: of a layer without a window, if there is one.
  constexpr AttentionShape<T> of_step(const PassShape& pass) const {
    return of_step(pass, config_.window_pattern > 0 ? config_.window_pattern - 1 : 0);
  }
  /// Queries (0), keys (1) or values (2).
  MatrixView<T> part(MatrixView<T> qkv, Index which) const {
    if (which == 0) return qkv.block(0, qkv.rows, 0, query_width());
    return qkv.block(0, qkv.rows, query_width() + (which - 1) * kv_width(), kv_width());
  }

  AttentionConfig config_;
  PositionConfig positions_;
  Index head_width_ = 0;
  Linear<T> project_in_;
  std::optional<Norm<T>> query_norm_;
  std::optional<Norm<T>> key_norm_;
  Linear<T> project_out_;
  Buffer<T> qkv_;
  Buffer<T> attended_;
  Buffer<T> logsumexp_;
  Buffer<T> forward_scores_;
  Buffer<T> backward_scores_;
  Buffer<T> attended_gradient_;
};

}  // namespace OCTAVO_NAMESPACE
