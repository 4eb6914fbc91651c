// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>

#include <octavo/base/config.hpp>
#include <octavo/layers/embedding.hpp>
#include <octavo/layers/output_head.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/block.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/phases.hpp>

namespace octavo {

/// How much goes through a model in one pass, and what for.
struct PassShape {
  Index sequences = 1;
  Index sequence = 1;  ///< positions of each, at most the model's context
  Index workers = 1;
  bool training = true;
  bool dropout = false;
};

/// What a model is given when it runs. All workers call it together with the same arguments.
template <Scalar T>
struct Pass {
  const Worker& worker;
  const Arena& arena;
  const T* weights = nullptr;  ///< all parameters, in the order of Transformer::parameters()
  T* gradients = nullptr;      ///< of the same layout; null: forward only
  Index sequences = 1;
  Index sequence = 1;
  Index first_row = 0;  ///< rows of the step before this pass: dropout must not see micro-batches
  std::optional<DropoutDraw> dropout;
};

/// A GPT-style decoder: token embedding + learned positions; L pre-norm blocks; final layer norm;
/// output head. A description, like the layers it is made of: it owns no numbers. `Config` fixes
/// its sizes in the type or at run time; `FeedForwardLayer` may be any Layer from width to width.
template <Scalar T, ModelConfig Config = RuntimeConfig,
          Layer FeedForwardLayer = FeedForward<T, Config::width, Config::d_ff>>
class Transformer {
 public:
  using Value = T;

  /// Throws ConfigError where the shape makes no model.
  explicit constexpr Transformer(const Config& config) requires
      std::constructible_from<FeedForwardLayer, Index, Index, Activation, bool>
      : Transformer(config, FeedForwardLayer(config.shape().width, config.shape().d_ff,
                                             config.shape().activation, config.shape().bias)) {}

  constexpr Transformer(const Config& config, const FeedForwardLayer& feed_forward)
      : shape_(checked(config.shape())),
        embedding_(shape_.vocabulary, shape_.context, shape_.width),
        embedding_dropout_(shape_.width, 0),
        block_(shape_, feed_forward),
        final_norm_(shape_.width, shape_.bias),
        head_(shape_.vocabulary, shape_.width, shape_.tied, shape_.bias) {
    embedding_.declare(embedding_parameters_);
    block_.declare(block_parameters_);
    final_norm_parameters_.begin_layer("ln_f");
    final_norm_.declare(final_norm_parameters_);
    head_.declare(head_parameters_);
  }

  constexpr const ModelShape& shape() const noexcept { return shape_; }

  constexpr Index parameter_count() const noexcept {
    return head_offset() + head_parameters_.count();
  }

  /// Names, shapes and offsets of all parameters, in memory order; names are those of the GPT-2
  /// files of Hugging Face's transformers, matrices are [in, out] as there.
  ParameterList parameters() const {
    ParameterList list;
    list.append("transformer.", embedding_parameters_);
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      list.append("transformer.h." + std::to_string(layer) + ".", block_parameters_);
    }
    list.append("transformer.", final_norm_parameters_);
    list.append("", head_parameters_);
    return list;
  }

  /// Books the memory of one pass: everything but weights, gradients, tokens and losses, which the
  /// caller owns. The phases are those of phases.hpp.
  constexpr void book(MemoryPlan& plan, const PassShape& pass) {
    check(pass);
    BookingScope scope{plan,
                       "model",
                       pass.sequences,
                       pass.sequence,
                       pass.workers,
                       {phase::embed_forward, phase::embed_backward},
                       {phase::embed_backward, phase::embed_backward},
                       {phase::embed_forward, phase::embed_backward},
                       pass.training,
                       1};
    panels_ = scope.forward_scratch<T>("packed operand", pass.workers * matmul_panel_elements<T>);
    stream_ = plan.book<T>("model", "residual stream", MemoryKind::saved,
                           scope.rows() * shape_.width, scope.forward);
    scope.copies = shape_.layers;
    block_.book(scope, phase::of_block, pass.dropout);
    scope.copies = 1;
    scope.forward = scope.backward = scope.kept = {phase::head, phase::head};
    scope.part = "ln_f";
    final_norm_.book(scope);
    scope.part = "head";
    head_.book(scope);
    head_input_ = scope.forward_scratch<T>("input", scope.rows() * shape_.width);
    head_input_gradient_ = scope.backward_scratch<T>("input gradient", scope.rows() * shape_.width);
  }

  /// Losses [rows] of the pass: inputs and targets [rows], rows = sequences * sequence. With
  /// pass.gradients also adds the gradient of scale * (sum of losses) to them. Tied models leave
  /// the token table's input side to finish_tied: `kept`, [rows, width], receives what it needs.
  void loss(const Pass<T>& pass, std::span<const Token> inputs, std::span<const Token> targets,
            std::span<T> losses, T scale, T* kept) const {
    const MatrixView<T> x = forward(pass, inputs, 0);
    const MatrixView<T> y(pass.arena.get(head_input_), x.rows, shape_.width);
    const MatrixView<T> dy(pass.arena.get(head_input_gradient_).data(), x.rows, shape_.width);
    final_norm_.forward(context(pass, final_norm_offset()), x, y);
    head_.loss(context(pass, head_offset()), token_table(pass.weights), token_table(pass.gradients),
               y, targets, losses, scale, dy);
    if (pass.gradients == nullptr) return;

    final_norm_.backward(context(pass, final_norm_offset()), x, dy, x);
    for (Index layer = shape_.layers - 1; layer >= 0; --layer) {
      block_.backward(context(pass, block_offset(layer), layer), x);
    }
    const LayerContext<T> first = context(pass, 0);
    embedding_dropout_.apply(first, 0, x);
    embedding_.backward_positions(first, x);
    if (shape_.tied) {
      copy<T>(pass.worker, x, MatrixView<T>(kept, x.rows, shape_.width));
      pass.worker.barrier();
    } else {
      embedding_.backward_tokens(first, inputs, x);
    }
  }

  /// Adds the token table's input side for all rows of a step at once, after every pass of the
  /// step: the tied table is fed by the head as well, and only so is the order of its sums the same
  /// for every micro-batch. inputs [rows of the step], kept [rows of the step, width].
  void finish_tied(const Pass<T>& pass, std::span<const Token> inputs, const T* kept) const {
    if (!shape_.tied) return;
    embedding_.backward_tokens(
        context(pass, 0), inputs,
        MatrixView<const T>(kept, static_cast<Index>(inputs.size()), shape_.width));
  }

  /// logits [rows, vocabulary] of a forward pass.
  void logits(const Pass<T>& pass, std::span<const Token> inputs, MatrixView<T> output) const {
    head_logits(pass, forward(pass, inputs, 0), output);
  }

  /// Extends one sequence by `inputs`: `past` positions lie in the caches already. Writes the
  /// logits of the last position, [vocabulary]. `caches`: layers * KeyValueCache::elements(context,
  /// width).
  void logits_cached(const Pass<T>& pass, std::span<const Token> inputs, Index past,
                     std::span<T> caches, std::span<T> last_logits) const {
    const MatrixView<T> x = embed(pass, inputs, past);
    const Index elements = KeyValueCache<T>::elements(shape_.context, shape_.width);
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      const KeyValueCache<T> cache(caches.data() + layer * elements, shape_.context, shape_.width);
      block_.forward_cached(context(pass, block_offset(layer), layer), cache, past, x);
    }
    Pass<T> last = pass;
    last.sequence = 1;
    head_logits(last, x.row_block(x.rows - 1, 1), MatrixView<T>(last_logits, 1, shape_.vocabulary));
  }

 private:
  static constexpr const ModelShape& checked(const ModelShape& shape) {
    return check_shape(shape), shape;
  }

  constexpr void check(const PassShape& pass) const {
    require(pass.sequences > 0 && pass.workers > 0, "a pass needs sequences and workers");
    require(pass.sequence > 0 && pass.sequence <= shape_.context, [&] {
      return "sequence: got " + std::to_string(pass.sequence) + ", expected 1 to " +
             std::to_string(shape_.context) + ", the model's context";
    });
  }

  constexpr Index block_offset(Index layer) const noexcept {
    return embedding_parameters_.count() + layer * block_parameters_.count();
  }
  constexpr Index final_norm_offset() const noexcept { return block_offset(shape_.layers); }
  constexpr Index head_offset() const noexcept {
    return final_norm_offset() + final_norm_parameters_.count();
  }

  template <typename U>
  U* token_table(U* all) const {
    return all == nullptr ? nullptr : embedding_.token_table().in(all);
  }

  /// Without gradients nothing is kept, and every block uses the same saved memory.
  LayerContext<T> context(const Pass<T>& pass, Index offset, Index block = 0) const {
    return {pass.worker,
            pass.arena,
            pass.weights + offset,
            pass.gradients == nullptr ? nullptr : pass.gradients + offset,
            block,
            pass.gradients == nullptr ? 0 : block,
            pass.sequences,
            pass.sequence,
            pass.arena.get(panels_),
            pass.first_row,
            pass.dropout};
  }

  MatrixView<T> embed(const Pass<T>& pass, std::span<const Token> inputs, Index position) const {
    const LayerContext<T> first = context(pass, 0);
    const MatrixView<T> x(pass.arena.get(stream_), first.rows(), shape_.width);
    embedding_.forward(first, inputs, position, x);
    embedding_dropout_.apply(first, 0, x);
    return x;
  }

  /// The residual stream behind the last block.
  MatrixView<T> forward(const Pass<T>& pass, std::span<const Token> inputs, Index position) const {
    const MatrixView<T> x = embed(pass, inputs, position);
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      block_.forward(context(pass, block_offset(layer), layer), x);
    }
    return x;
  }

  void head_logits(const Pass<T>& pass, MatrixView<const T> x, MatrixView<T> output) const {
    const MatrixView<T> y(pass.arena.get(head_input_), x.rows, shape_.width);
    final_norm_.forward(context(pass, final_norm_offset()), x, y);
    head_.forward(context(pass, head_offset()), token_table(pass.weights), y, output);
  }

  ModelShape shape_;
  Embedding<T, Config::width> embedding_;
  Dropout<T> embedding_dropout_;
  Block<T, Config, FeedForwardLayer> block_;
  LayerNorm<T, Config::width> final_norm_;
  OutputHead<T, Config::width> head_;

  ParameterDeclarations embedding_parameters_;
  ParameterDeclarations block_parameters_;
  ParameterDeclarations final_norm_parameters_;
  ParameterDeclarations head_parameters_;

  Booking<T> panels_;
  Booking<T> stream_;
  Booking<T> head_input_;
  Booking<T> head_input_gradient_;
};

/// All parameters of a model of that shape; usable in static_assert.
constexpr Index parameter_count(const ModelShape& shape) {
  return Transformer<float>(RuntimeConfig(shape)).parameter_count();
}

}  // namespace octavo
