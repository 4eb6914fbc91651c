// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/layers/embedding.hpp>
#include <octavo/layers/output_head.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/block.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/pass.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// A GPT-style decoder: token embedding + learned positions; L pre-norm blocks; final layer norm;
/// output head. A description, like the layers it is made of: it owns no numbers. `Config` fixes
/// its sizes in the type or at run time; `Part` may be any Layer from width to width, which takes
/// the place of the blocks' feed-forward part, or a TransformerBlock, which takes that of the
/// blocks.
template <Scalar T, typename Config, typename Part>
class Transformer {
 public:
  using Value = typename detail::ModelCheck<T, Config, Part>::Value;

  /// Throws ConfigError where the shape makes no model.
  explicit constexpr Transformer(
      const Config& config) requires std::constructible_from<Part, Index, Index, Activation, bool>
      : Transformer(config, Part(config.shape().width, config.shape().d_ff,
                                 config.shape().activation, config.shape().bias)) {}

  constexpr Transformer(const Config& config, const Part& part)
      : shape_((check_shape(config.shape()), config.shape())),
        embedding_(shape_.vocabulary, shape_.context, shape_.width),
        embedding_dropout_(shape_.width, 0),
        block_(detail::BlockWith<T, Config, Part>::make(shape_, part)),
        final_norm_(shape_.width, shape_.bias),
        head_(shape_.vocabulary, shape_.width, shape_.tied, shape_.bias) {
    embedding_.declare(embedding_parameters_);
    detail::declare_block(block_, block_parameters_);
    final_norm_parameters_.begin_layer("ln_f");
    final_norm_.declare(final_norm_parameters_);
    head_.declare(head_parameters_);
  }

  constexpr const ModelShape& shape() const noexcept { return shape_; }

  constexpr Index parameter_count() const noexcept {
    return head_offset() + head_parameters_.count();
  }

  constexpr Index tensor_count() const noexcept {
    return embedding_parameters_.size() + shape_.layers * block_parameters_.size() +
           final_norm_parameters_.size() + head_parameters_.size();
  }

  /// The parts of the model, in memory order: embedding; blocks; final norm and head.
  constexpr ParameterRange embedding_range() const {
    return {0, tensors(embedding_parameters_), 0, embedding_parameters_.count()};
  }
  constexpr ParameterRange block_range(Index layer) const {
    return {tensors(embedding_parameters_) +
                static_cast<std::size_t>(layer) * tensors(block_parameters_),
            tensors(block_parameters_), block_offset(layer), block_parameters_.count()};
  }
  constexpr ParameterRange end_range() const {
    return {block_range(shape_.layers).first_tensor,
            tensors(final_norm_parameters_) + tensors(head_parameters_), final_norm_offset(),
            final_norm_parameters_.count() + head_parameters_.count()};
  }

  /// Calls body(range) for the parameters whose gradients are only ever added to and must be zero
  /// before a step: both tables (a tied head overwrites its own), feed-forward layers that add.
  template <typename Body>
  void for_each_range_added_to(Body body) const {
    const Index first = shape_.tied ? embedding_.position_table().offset : 0;
    body(ParameterRange{0, 0, first, embedding_parameters_.count() - first});
    if constexpr (!sinks_gradients) {
      const ParameterRange range = block_.added_to();
      for (Index layer = 0; layer < shape_.layers && range.count > 0; ++layer) {
        body(ParameterRange{0, 0, block_offset(layer) + range.offset, range.count});
      }
    }
  }

  /// Gradients in one block, in the order of the parameters; null: none.
  GradientParts<T> gradient_parts(T* all) const noexcept {
    if (all == nullptr) return {};
    return {all, all + block_offset(0), block_parameters_.count(), all + final_norm_offset()};
  }

  /// Names, shapes and offsets of all parameters, in memory order; names are those of the GPT-2
  /// files of Hugging Face's transformers, matrices are [in, out] as there.
  ParameterList parameters() const {
    ParameterList list;
    list.append("transformer.", embedding_parameters_);
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      list.append(detail::concat({"transformer.h.", layer, "."}), block_parameters_);
    }
    list.append("transformer.", final_norm_parameters_);
    list.append("", head_parameters_);
    return list;
  }

  /// Books the memory of one pass, or of all that are held: everything but weights, gradients,
  /// tokens and losses, which the caller owns. The phases are those of phases.hpp. `gradients` (of
  /// all parameters), where all of a step is one pass, are idle until the way back writes those of
  /// a block: what a block keeps then lies in those of the block before it, if there is room.
  constexpr void book(MemoryPlan& plan, const PassShape& pass, Booking<T> gradients = {}) {
    check(pass);
    pass_ = pass;
    Lodging lodging;
    if (gradients.booked() && sinks_gradients) {
      lodging = {gradients.request, bytes_of<T>(block_offset(0)),
                 bytes_of<T>(block_parameters_.count()), 0};
    }
    const Index held = std::max<Index>(pass.held, 1);
    BookingScope scope{plan,
                       "model",
                       pass.sequences,
                       pass.sequence,
                       pass.workers,
                       phase::passes,
                       {phase::embed_backward, phase::embed_backward},
                       phase::passes,
                       pass.training,
                       pass.recompute ? 1 : shape_.layers * held};
    const Index longest = std::max({3 * shape_.width, shape_.d_ff, shape_.vocabulary, pass.rows()});
    pack_buffer_ =
        scope.forward_scratch<T>("packed operand", pass.workers * pack_buffer_elements<T>(longest));
    stream_ = plan.book<T>("model", "residual stream", MemoryKind::saved,
                           held * pass.rows() * shape_.width, phase::passes);
    const bool across_passes = held > 1;  // alive while the next pass goes forward
    if (pass.training && pass.recompute) {
      block_inputs_ =
          plan.book<T>("model", "block inputs", MemoryKind::saved, pass.rows() * shape_.width,
                       {across_passes ? phase::embed_forward : phase::of_block.attention_forward,
                        phase::of_block.attention_backward},
                       shape_.layers * held, lodging);
    }
    const BlockPhases& phases = phase::of_block;
    BlockScope of_block{scope, phases, pass.dropout};
    of_block.lodging = &lodging;
    of_block.part = "block";
    of_block.forward = {phases.attention_forward, phases.feed_forward_forward};
    of_block.backward = {phases.feed_forward_backward, phases.attention_backward};
    of_block.kept = {across_passes && !pass.recompute ? scope.kept.first : phases.attention_forward,
                     phases.attention_backward};
    block_.book(of_block);
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
    begin_loss(pass, inputs, targets, losses, scale);
    if (!pass.gradients) return;
    for (Index layer = shape_.layers - 1; layer >= 0; --layer) backward_block(pass, layer);
    const MatrixView<T> x = stream(pass);
    const LayerContext<T> first = embedding_context(pass);
    embedding_dropout_.apply(first, 0, x);
    embedding_.backward_positions(first, x);
    if (shape_.tied) {
      copy<T>(pass.worker, x, MatrixView<T>(kept, x.rows, shape_.width));
      pass.worker.barrier();
    } else {
      embedding_.backward_tokens(first, inputs, x);
    }
  }

  /// The first part of loss(): up to the gradient of the residual stream behind the last block,
  /// which is left in the stream.
  void begin_loss(const Pass<T>& pass, std::span<const Token> inputs,
                  std::span<const Token> targets, std::span<T> losses, T scale) const {
    const MatrixView<T> y = hidden(pass, inputs);
    const MatrixView<T> x = stream(pass);
    const MatrixView<T> dy(pass.arena.get(head_input_gradient_).data(), x.rows, shape_.width);
    head_.loss(head_context(pass), token_table(pass.weights), token_table(pass.gradients.embedding),
               y, targets, losses, scale, dy);
    if (pass.gradients) final_norm_.backward(final_norm_context(pass), x, dy, x);
  }

  /// Whether a block's gradients can be taken layer by layer.
  static constexpr bool sinks_gradients = detail::BlockWith<T, Config, Part>::Type::overwrites_all;

  /// Numbers of room that a GradientSink for a block needs.
  constexpr Index largest_layer() const noexcept { return block_parameters_.largest_layer(); }

  /// The stream's gradient behind a block becomes that before it; adds to the block's gradients, or
  /// hands them to `sink` layer by layer.
  void backward_block(const Pass<T>& pass, Index layer, GradientSink<T>* sink = nullptr) const {
    LayerContext<T> context = block_context(pass, layer);
    context.sink = sink;
    if (sink != nullptr) context.gradient_start = Output::overwrite;
    // The block that ran last has left behind what it kept.
    const bool still_there = layer == shape_.layers - 1 && pass_.held <= 1;
    if (pass_.recompute && !still_there) {
      if constexpr (requires { block_.keep_again(context, block_input(pass, layer)); }) {
        block_.keep_again(context, block_input(pass, layer));
      } else {
        block_.forward(context, block_input(pass, layer));
      }
    }
    block_.backward(context, stream(pass));
  }

  /// Both tables' gradients for all rows of a step at once, by block. inputs [rows of the step].
  void backward_embedding(const Pass<T>& pass, std::span<const Token> inputs) const {
    const LayerContext<T> context = embedding_context(pass);
    const MatrixView<T> x = stream(pass);
    embedding_dropout_.apply(context, 0, x);
    embedding_.backward_positions(context, x);
    embedding_.backward_tokens(context, inputs, x);
  }

  /// Adds the token table's input side for all rows of a step at once, after every pass of the
  /// step: the tied table is fed by the head as well, and only so is the order of its sums the same
  /// for every micro-batch. inputs [rows of the step], kept [rows of the step, width].
  void finish_tied(const Pass<T>& pass, std::span<const Token> inputs, const T* kept) const {
    if (!shape_.tied) return;
    embedding_.backward_tokens(embedding_context(pass), inputs,
                               MatrixView<const T>(kept, std::ssize(inputs), shape_.width));
  }

  /// logits [rows, vocabulary] of a forward pass.
  void logits(const Pass<T>& pass, std::span<const Token> inputs, MatrixView<T> output) const {
    head_.forward(head_context(pass), token_table(pass.weights), hidden(pass, inputs), output);
  }

  /// The residual stream after the blocks and the final norm, [rows, width]: what the head sees of
  /// a forward pass. It stays until the next pass.
  MatrixView<T> hidden(const Pass<T>& pass, std::span<const Token> inputs) const {
    const MatrixView<T> x = forward(pass, inputs);
    const MatrixView<T> y(pass.arena.get(head_input_), x.rows, shape_.width);
    final_norm_.forward(final_norm_context(pass), x, y);
    return y;
  }

  /// Extends sequences whose keys and values so far lie in `caches`: inputs [rows] are those of
  /// `parts`, one after the other. Writes the logits of each part's last row, [parts, vocabulary].
  void logits_cached(const Pass<T>& pass, std::span<const Token> inputs,
                     std::span<const CachedRows> parts, const KeyValueCaches<T>& caches,
                     MatrixView<T> logits) const {
    const MatrixView<T> x = stream(pass);
    Index first = 0;
    for (const CachedRows& part : parts) {
      embedding_.forward(
          embedding_context(pass),
          inputs.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(part.rows)),
          part.past, x.row_block(first, part.rows));
      first += part.rows;
    }
    const CachedSequences<T> cached{caches, parts};
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      LayerContext<T> context = block_context(pass, layer);
      context.cached = &cached;
      block_.forward(context, x);
    }
    pass.worker.barrier();
    const MatrixView<T> y(pass.arena.get(head_input_), std::ssize(parts), shape_.width);
    first = 0;
    for (Index i = 0; i < y.rows; ++i) {
      first += parts[static_cast<std::size_t>(i)].rows;
      final_norm_.forward(final_norm_context(pass), x.row_block(first - 1, 1), y.row_block(i, 1));
    }
    head_.forward(head_context(pass), token_table(pass.weights), y, logits);
  }

 private:
  constexpr void check(const PassShape& pass) const {
    require(pass.sequences > 0 && pass.workers > 0, "a pass needs sequences and workers");
    require(pass.sequence > 0 && pass.sequence <= shape_.context, [&] {
      return detail::concat({"sequence: got ", pass.sequence, ", expected 1 to ", shape_.context,
                             ", the model's context"});
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

  static constexpr std::size_t tensors(const ParameterDeclarations& declarations) {
    return static_cast<std::size_t>(declarations.size());
  }

  LayerContext<T> context(const Pass<T>& pass, Index offset, T* gradients, Index block = 0,
                          Index copy = 0) const {
    return {pass.worker,    pass.arena,    pass.weights + offset,
            gradients,      block,         copy,
            pass.sequences, pass.sequence, pass.arena.get(pack_buffer_),
            pass.first_row, pass.dropout,  pass.gradient_start};
  }
  LayerContext<T> embedding_context(const Pass<T>& pass) const {
    return context(pass, 0, pass.gradients.embedding);
  }
  LayerContext<T> block_context(const Pass<T>& pass, Index layer) const {
    T* const gradients =
        pass.gradients ? pass.gradients.blocks + layer * pass.gradients.block_stride : nullptr;
    return context(pass, block_offset(layer), gradients, layer, saved_copy(pass, layer));
  }
  LayerContext<T> final_norm_context(const Pass<T>& pass) const {
    return context(pass, final_norm_offset(), pass.gradients.end);
  }
  LayerContext<T> head_context(const Pass<T>& pass) const {
    return context(pass, head_offset(),
                   pass.gradients ? pass.gradients.end + final_norm_parameters_.count() : nullptr);
  }

  /// Which of the held passes this is.
  Index held_index(const Pass<T>& pass) const {
    return pass_.by_block() ? pass.first_row / pass_.rows() : 0;
  }

  /// Which copy of a block's saved memory a pass uses: without gradients nothing is kept, and every
  /// block uses the first.
  Index saved_copy(const Pass<T>& pass, Index layer) const {
    if (!pass.gradients || pass_.recompute) return 0;
    return held_index(pass) * shape_.layers + layer;
  }

  MatrixView<T> block_input(const Pass<T>& pass, Index layer) const {
    const Index copy = held_index(pass) * shape_.layers + layer;
    return {pass.arena.get(block_inputs_, copy).data(), pass.sequences * pass.sequence,
            shape_.width};
  }

  /// The pass's part of the residual stream; later of its gradient.
  MatrixView<T> stream(const Pass<T>& pass) const {
    const Index first = pass_.by_block() ? pass.first_row : 0;
    return {pass.arena.get(stream_).data() + first * shape_.width, pass.sequences * pass.sequence,
            shape_.width};
  }

  /// The residual stream behind the last block.
  MatrixView<T> forward(const Pass<T>& pass, std::span<const Token> inputs) const {
    const LayerContext<T> first = embedding_context(pass);
    const MatrixView<T> x = stream(pass);
    embedding_.forward(first, inputs, 0, x);
    embedding_dropout_.apply(first, 0, x);
    for (Index layer = 0; layer < shape_.layers; ++layer) {
      if (pass_.recompute && pass.gradients) {
        copy<T>(pass.worker, x, block_input(pass, layer));
        pass.worker.barrier();
      }
      block_.forward(block_context(pass, layer), x);
    }
    pass.worker.barrier();  // what comes next may use the blocks' scratch for something else
    return x;
  }

  ModelShape shape_;
  Embedding<T, Config::width> embedding_;
  Dropout<T> embedding_dropout_;
  typename detail::BlockWith<T, Config, Part>::Type block_;
  LayerNorm<T, Config::width> final_norm_;
  OutputHead<T, Config::width> head_;

  PassShape pass_;

  ParameterDeclarations embedding_parameters_;
  ParameterDeclarations block_parameters_;
  ParameterDeclarations final_norm_parameters_;
  ParameterDeclarations head_parameters_;

  Booking<T> pack_buffer_;
  Booking<T> stream_;
  Booking<T> block_inputs_;
  Booking<T> head_input_;
  Booking<T> head_input_gradient_;
};

/// All parameters of a model of that shape; usable in static_assert.
constexpr Index parameter_count(const ModelShape& shape) {
  return Transformer<float>(RuntimeConfig(shape)).parameter_count();
}

}  // namespace OCTAVO_NAMESPACE
