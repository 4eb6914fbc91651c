// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/embedding.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/output_head.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/block.hpp>
#include <octavo/transformer/head_memory.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/model_tables.hpp>
#include <octavo/transformer/part_check.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// A decoder-only transformer such as GPT-2 and Llama: token embedding, with learned positions
/// unless they are rotary; L blocks; final norm; output head. Like its layers it is a description:
/// it owns no numbers and never changes after construction. `Config` fixes its sizes in the type or
/// at run time. `Part` is either a Layer from width to width, which replaces the blocks'
/// feed-forward part, or a TransformerBlock, which replaces the blocks.
///
/// A program makes a model for its sizes and names; each TrainingStep, Generator and Scorer makes
/// it again together with the plan of the memory in which it runs.
template <Scalar T, typename Config, typename Part>
class Transformer {
 public:
  using Value = typename detail::ModelCheck<T, Config, Part>::Value;
  using Configuration = Config;

  /// A model with sizes and names, but without memory to run in. ConfigError if no model can be
  /// made from the configuration.
  OCTAVO_SETUP explicit constexpr Transformer(const Config& config)
      : Transformer(config, MemoryPlan{}, PassShape{.training = false}) {}

  /// A model that requests from `plan` the memory of one pass, or of all passes in flight:
  /// everything except weights, gradients, tokens and losses, which the caller owns. For lifetimes
  /// see phases.hpp. If a step is one pass, saved activations may lie in `gradients`: the gradients
  /// of a block are unused until backward reaches the block.
  OCTAVO_SETUP constexpr Transformer(const Config& config, MemoryPlan& plan, const PassShape& pass,
                                     const BlockGradients<T>& gradients = {})
      : Transformer(checked(config), plan, pass, overlay_in(gradients)) {}

  /// The constructor's argument, from which an equal model can be made.
  constexpr const Config& configuration() const noexcept { return config_; }
  constexpr const ModelConfig& config() const noexcept { return config_; }

  constexpr Index parameter_count() const noexcept { return tables_.count(config().layers); }
  constexpr Index tensor_count() const noexcept { return tables_.size(config().layers); }

  /// The parts of the model, in memory order: embedding; blocks; final norm and head.
  constexpr ParameterRange embedding_range() const noexcept { return tables_.embedding_range(); }
  constexpr ParameterRange block_range(Index layer) const noexcept {
    return tables_.block_range(layer);
  }
  constexpr ParameterRange head_range() const noexcept {
    return tables_.head_range(config().layers);
  }
  constexpr const detail::ModelTables& tables() const noexcept { return tables_; }
  /// The tensors of one block.
  constexpr const ParameterTable& block_table() const noexcept { return tables_.block; }

  /// Names, shapes and offsets of all parameters, in memory order; matrices are [in, out].
  ParameterList parameters() const { return tables_.list(config().layers); }

  /// For PassRun.
  std::span<T> pack_buffer(const Arena& arena) const { return arena.get(pack_buffer_); }

  /// Writes the losses [rows] of the pass; inputs and targets [rows]. With pass.run.gradients also
  /// runs the first part of backward, for scale * (sum of losses): it computes the gradients of
  /// head and final norm and leaves the gradient of the last block's output in the residual stream.
  void loss(const Pass<T>& pass, std::span<const Token> inputs, std::span<const Token> targets,
            std::span<T> losses, T scale) const {
    const MatrixView<T> y = hidden(pass, inputs);
    const MatrixView<T> x = stream(pass);
    const MatrixView<T> dy = head_memory_.input_gradient(pass);
    SharedTable<T> shared = shared_table(pass);
    if (config().head.tied && !in_rows(head_table())) {
      shared.gradient = pass.gradient(embedding_.token_table());
    }
    const Pass<T> head = in_head(pass);
    head_.loss(head, shared, {y, targets, losses, scale, dy, head_memory_.statistics(pass)});
    if (pass.run.gradients != nullptr) final_norm_.backward(head, x, dy, x);
  }

  /// Replaces the gradient of the block's output, in the residual stream, by that of its input; the
  /// gradients of the block's parameters go to pass.run.gradients.
  void backward_block(const Pass<T>& pass, Index layer) const {
    const Pass<T> in = in_block(pass, layer);
    // The buffers saved by the last block are still intact.
    const bool still_there = layer == config().layers - 1 && pass_.passes_in_flight <= 1;
    if (pass_.recompute && !still_there) {
      pass.enter(phase::attention_forward);
      if constexpr (requires { block_.forward_saved(in, block_input(pass, layer)); }) {
        block_.forward_saved(in, block_input(pass, layer));
      } else {
        block_.forward(in, block_input(pass, layer));
      }
    }
    pass.enter(phase::feed_forward_backward);
    block_.backward(in, stream(pass));
  }

  /// Computes the gradients of both tables; that of the token table not with
  /// PassShape::table_rows. With `deferred` [rows, width], computes only the
  /// gradient of the position table and writes the input of backward_tokens to `deferred`.
  void backward_embedding(const Pass<T>& pass, std::span<const Token> inputs,
                          T* deferred = nullptr) const {
    pass.enter(phase::embed_backward);
    const MatrixView<T> x = stream(pass);
    embedding_dropout_.apply(pass, 0, x);
    embedding_.backward_positions(pass, x);
    if (in_rows(token_table())) return;
    if (deferred == nullptr) {
      embedding_.backward_tokens(pass, inputs, x);
    } else {
      copy<T>(pass.worker(), x, MatrixView<T>(deferred, x.rows, config().width));
      pass.worker().barrier();
    }
  }

  /// Computes the gradient of the token table for all rows of a step at once, after all passes of
  /// the step. A tied table also gets gradients from the head; deferring makes the order of its
  /// sums independent of the micro-batch. inputs [rows of the step], deferred [rows of the step,
  /// width].
  void backward_tokens(const Pass<T>& pass, std::span<const Token> inputs,
                       const T* deferred) const {
    embedding_.backward_tokens(pass, inputs,
                               MatrixView<const T>(deferred, std::ssize(inputs), config().width));
  }

  /// The tensors of the token table, and of the head's table, which is the same if it is tied.
  constexpr Index token_table() const noexcept { return embedding_.token_table().tensor; }
  constexpr Index head_table() const noexcept {
    return config().head.tied ? token_table() : head_range().first_tensor + head_.table().tensor;
  }
  constexpr Index table_rows() const noexcept { return pass_.table_rows; }
  /// Whether the gradient of a tensor is that of a table, and computed by backward_table.
  constexpr bool in_rows(Index tensor) const noexcept {
    return pass_.table_rows > 0 && (tensor == token_table() || tensor == head_table());
  }

  /// With PassShape::table_rows computes the gradient of rows `rows`, so many at most, of a table,
  /// [rows.size(), width], with a pass that has all rows of the step. The gradient of the head's
  /// table is there when loss() has run for all passes, if it is the token table when
  /// backward_embedding() has. The scale is loss()'s.
  void backward_table(const Pass<T>& pass, Index table, Range rows, std::span<const Token> inputs,
                      std::span<const Token> targets, T scale, T* gradient) const {
    if (table == head_table()) {
      head_.backward_table(
          in_head(pass), shared_table(pass),
          {head_memory_.input(pass), targets, {}, scale, {}, head_memory_.statistics(pass)}, rows,
          head_memory_.table_logits(pass), gradient);
    } else {
      const Index count = rows.size() * config().width;
      set_zero<T>(pass.worker(), {gradient, static_cast<std::size_t>(count)});
      pass.worker().barrier();
    }
    if (table != token_table()) return;
    embedding_.backward_token_rows(pass, inputs, stream(pass), rows, gradient);
  }

  /// logits [rows, vocabulary] of a forward pass.
  void logits(const Pass<T>& pass, std::span<const Token> inputs, MatrixView<T> output) const {
    head_.forward(in_head(pass), shared_table(pass), hidden(pass, inputs), output);
  }

  /// The residual stream after the blocks and the final norm, [rows, width], which is the input of
  /// the head. Valid until the next pass.
  MatrixView<T> hidden(const Pass<T>& pass, std::span<const Token> inputs) const {
    const MatrixView<T> x = forward(pass, inputs);
    pass.enter(phase::head);
    const MatrixView<T> y = head_memory_.input(pass);
    final_norm_.forward(in_head(pass), x, y);
    return y;
  }

  /// Extends the sequences whose past keys and values are in pass.rows.cached. inputs [rows]: the
  /// new tokens of its parts, one part after the other. Writes the logits of each part's last row,
  /// [parts, vocabulary].
  void logits_cached(const Pass<T>& pass, std::span<const Token> inputs,
                     MatrixView<T> logits) const {
    const std::span<const CachedRows> parts = pass.rows.cached->parts;
    const MatrixView<T> x = stream(pass);
    Index first = 0;
    for (const CachedRows& part : parts) {
      embedding_.forward(
          pass,
          inputs.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(part.rows)),
          part.position(), x.row_block(first, part.rows));
      first += part.rows;
    }
    for (Index layer = 0; layer < config().layers; ++layer)
      block_.forward(in_block(pass, layer), x);
    pass.worker().barrier();
    const MatrixView<T> y(head_memory_.input(pass).row(0), std::ssize(parts), config().width);
    first = 0;
    for (Index i = 0; i < y.rows; ++i) {
      first += parts[static_cast<std::size_t>(i)].rows;
      final_norm_.forward(in_head(pass), x.row_block(first - 1, 1), y.row_block(i, 1));
    }
    head_.forward(in_head(pass), shared_table(pass), y, logits);
  }

 private:
  using BlockType = typename detail::BlockWith<T, Part>::Type;

  OCTAVO_SETUP constexpr Transformer(const Config& config, MemoryPlan&& plan, const PassShape& pass)
      : Transformer(config, plan, pass) {}

  /// The order of the members is the order of their requests.
  OCTAVO_SETUP constexpr Transformer(const Config& source, MemoryPlan& plan, const PassShape& pass,
                                     Overlay&& overlay)
      : config_(source),
        pass_(checked(pass, config())),
        embedding_(embedding(builder(tables_.embedding, plan, {}), config())),
        embedding_dropout_(0),
        pack_buffer_(plan.book<T>("model", "packed operand", MemoryKind::scratch,
                                  pass.workers * pack_buffer_elements<T>(longest(config(), pass)),
                                  phase::passes)),
        stream_(plan.book<T>("model", "residual stream", MemoryKind::saved,
                             in_flight() * pass.rows() * config().width, phase::passes)),
        block_inputs_(book_block_inputs(plan, overlay)),
        block_(Builder<T>(tables_.block, plan, block_pass(), block_times(overlay))
                   .with_adapters(config().lora),
               config()),
        final_norm_(builder(tables_.head, plan, at_head("ln_f")) / "final_norm", config().width,
                    config().norm),
        head_(builder(tables_.head, plan, at_head("head")) / "head", config().vocabulary,
              config().width, config().head),
        head_memory_(plan, pass, config()) {
    detail::check_block_width(block_, config().width);
    check_targets(config().lora, tables_.block);
  }

  static constexpr const Config& checked(const Config& source) {
    check_config(source);
    return source;
  }
  static constexpr const PassShape& checked(const PassShape& pass, const ModelConfig& config) {
    require(pass.sequences > 0 && pass.workers > 0, "a pass needs sequences and workers");
    require(pass.workers <= most_workers, "a pass has at most 2^20 workers");
    require(pass.sequence > 0 && pass.sequence <= config.context, [&] {
      return detail::concat({"sequence: got ", pass.sequence, ", expected 1 to ", config.context,
                             ", the model's context"});
    });
    return pass;
  }

  /// So that no product overflows.
  static constexpr Index most_workers = Index{1} << 20;

  /// Blocks that backward goes through.
  constexpr Index saving_blocks() const { return config().layers - pass_.first_block; }
  /// The pass for the blocks' requests: blocks that never run backward need only the memory of
  /// forward.
  constexpr PassShape block_pass() const {
    PassShape pass = pass_;
    pass.training = pass.training && saving_blocks() > 0;
    return pass;
  }
  constexpr Index in_flight() const { return std::max<Index>(pass_.passes_in_flight, 1); }

  constexpr Builder<T> builder(ParameterTable& table, MemoryPlan& plan,
                               const BuildTimes& times) const {
    return {table, plan, pass_, times};
  }
  static constexpr BuildTimes at_head(std::string_view part) {
    constexpr Lifetime head{phase::head, phase::head};
    return {part, head, head, head};
  }
  /// If several passes are in flight, a block's saved buffers are alive while the next pass runs
  /// forward.
  constexpr BuildTimes block_times(Overlay& overlay) const {
    const bool early = in_flight() > 1 && !pass_.recompute;
    return {"block",
            {phase::attention_forward, phase::feed_forward_forward},
            {phase::feed_forward_backward, phase::attention_backward},
            {early ? phase::embed_forward : phase::attention_forward, phase::attention_backward},
            pass_.recompute ? 1 : std::max<Index>(saving_blocks(), 1) * in_flight(),
            &overlay};
  }
  constexpr Booking<T> book_block_inputs(MemoryPlan& plan, Overlay& overlay) const {
    if (!block_pass().training || !pass_.recompute) return {};
    const Lifetime lifetime{in_flight() > 1 ? phase::embed_forward : phase::attention_forward,
                            phase::attention_backward};
    return plan.book<T>("model", "block inputs", MemoryKind::saved, pass_.rows() * config().width,
                        lifetime, saving_blocks() * in_flight(), overlay);
  }

  OCTAVO_SETUP static constexpr Embedding<T> embedding(const Builder<T>& builder,
                                                       const ModelConfig& config) {
    const bool learned = config.positions.kind == PositionKind::learned;
    return {builder / "embedding", config.vocabulary, learned ? config.context : 0, config.width,
            config.embedding_scale};
  }

  /// The tables of a model that is not built yet.
  OCTAVO_SETUP static constexpr detail::ModelTables tables_of(const ModelConfig& config) {
    detail::ModelTables tables;
    MemoryPlan plan;
    const PassShape pass{.training = false};
    embedding(Builder<T>(tables.embedding, plan, pass, {}), config);
    BlockType(Builder<T>(tables.block, plan, pass, {}).with_adapters(config.lora), config);
    return tables;
  }
  static constexpr Overlay overlay_in(const BlockGradients<T>& blocks) {
    if (!blocks.gradients.booked()) return {};
    return {blocks.gradients.request, bytes_of<T>(blocks.offset), bytes_of<T>(blocks.count), 0};
  }
  /// The longest side of any operand of a matrix product.
  static constexpr Index longest(const ModelConfig& config, const PassShape& pass) {
    const Index of_block = tables_of(config).block.longest_side();
    return std::max({of_block, config.width, config.vocabulary, pass.rows()});
  }

  SharedTable<T> shared_table(const Pass<T>& pass) const {
    if (!config().head.tied) return {};
    return {pass.parameter(embedding_.token_table())};
  }

  static Pass<T> in_part(const Pass<T>& pass, const ParameterRange& part, Index block = 0,
                         Index copy = 0) {
    const T* const weights = pass.weights == nullptr ? nullptr : pass.weights + part.offset;
    return {pass.run, pass.rows, weights, part.first_tensor, block, copy};
  }
  Pass<T> in_head(const Pass<T>& pass) const { return in_part(pass, head_range()); }
  /// Without gradients nothing is saved, and every block uses the memory of the first block.
  Pass<T> in_block(const Pass<T>& pass, Index layer) const {
    const bool own = pass.run.gradients != nullptr && !pass_.recompute && saving_blocks() > 0;
    return in_part(pass, block_range(layer), layer, own ? saved_copy(pass, layer) : 0);
  }

  /// The index of a saved buffer's copy for this block and pass in flight. Blocks that backward
  /// does not reach use the copy of the first block that it reaches, which runs after them.
  Index saved_copy(const Pass<T>& pass, Index layer) const {
    const Index in_flight = pass_.by_block() ? pass.rows.first / pass_.rows() : 0;
    return in_flight * saving_blocks() + std::max<Index>(layer - pass_.first_block, 0);
  }
  MatrixView<T> block_input(const Pass<T>& pass, Index layer) const {
    return {pass.run.arena.get(block_inputs_, saved_copy(pass, layer)).data(), pass.rows.count(),
            config().width};
  }
  /// The rows of the residual stream that belong to the pass; in backward, of its gradient.
  MatrixView<T> stream(const Pass<T>& pass) const {
    const Index first = pass_.by_block() ? pass.rows.first : 0;
    return {pass.run.arena.get(stream_).data() + first * config().width, pass.rows.count(),
            config().width};
  }

  /// The residual stream after the last block.
  MatrixView<T> forward(const Pass<T>& pass, std::span<const Token> inputs) const {
    pass.enter(phase::embed_forward);
    const MatrixView<T> x = stream(pass);
    embedding_.forward(pass, inputs, 0, x);
    embedding_dropout_.apply(pass, 0, x);
    for (Index layer = 0; layer < config().layers; ++layer) {
      pass.enter(phase::attention_forward);
      if (pass_.recompute && pass.run.gradients != nullptr && layer >= pass_.first_block) {
        copy<T>(pass.worker(), x, block_input(pass, layer));
        pass.worker().barrier();
      }
      block_.forward(in_block(pass, layer), x);
    }
    pass.worker().barrier();  // the next layers may reuse the blocks' scratch
    return x;
  }

  Config config_;
  PassShape pass_;
  detail::ModelTables tables_;
  Embedding<T> embedding_;
  Dropout<T> embedding_dropout_;
  Booking<T> pack_buffer_;
  Booking<T> stream_;
  Booking<T> block_inputs_;
  BlockType block_;
  Norm<T> final_norm_;
  OutputHead<T> head_;
  HeadMemory<T> head_memory_;
};

/// The number of parameters of a model with this configuration; usable in static_assert.
constexpr Index parameter_count(const ModelConfig& config) {
  return Transformer<float>(config).parameter_count();
}

}  // namespace OCTAVO_NAMESPACE
