// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <span>

#include <octavo/memory/arena.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/weight_average.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/gradient_consumers.hpp>
#include <octavo/training/rank_shards.hpp>
#include <octavo/training/rank_sum.hpp>
#include <octavo/training/shard_exchange.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// The work of each worker in a step on the batch in memory.inputs and memory.targets. All workers
/// of a thread pool call a member at the same time with the same arguments. TrainingStep uses its
/// thread pool; tests use workers whose order they choose. Stores only references to members of
/// TrainingStep.
template <Scalar T, typename Model>
class StepWork {
 public:
  /// squared_norms [tensors]: for a fused step. marks [workers, tensors]. one_by_one [tensors]:
  /// where the parameters are, with TrainingOptions::stored_base; otherwise null. ranks: the
  /// processes that share the step; null: this one alone. shards: what each of them updates.
  StepWork(const Model& model, const TrainingOptions& options, const TrainedTensors& trained,
           const ParameterList& parameters, const TrainingMemory<T>& memory, const Arena& arena,
           std::span<double> squared_norms, std::span<GradientMark> marks, Index steps_done,
           Index draw, const Weight<T>* one_by_one, Ranks* ranks, const RankShards& shards)
      : model_(model),
        options_(options),
        trained_(trained),
        parameters_(parameters),
        memory_(memory),
        arena_(arena),
        squared_norms_(squared_norms),
        marks_(marks),
        steps_done_(steps_done),
        draw_(draw),
        one_by_one_(one_by_one),
        ranks_(ranks),
        shards_(shards),
        counted_(count_targets(targets())) {}

  /// The outcome of a fused step; every worker has its own, and all are equal.
  struct FusedProgress {
    double loss = 0;
    bool diverged = false;
  };

  /// Computes the gradients of the batch's mean loss in memory.gradients; with RankShards its
  /// share.
  void accumulate_gradients(const Worker& worker) const {
    if (options_.parts_in_turn()) return keep_shares(worker);
    AccumulateGradients<T> consumer(parameters_.span(), arena_.get(memory_.gradients),
                                    marks(worker), arena_.get(memory_.leaf_sums));
    forward_and_backward(worker, consumer, {});
    consumer.finish(worker);
  }

  /// Clips the gradients and updates all tensors; changes nothing if the gradients' norm is not
  /// finite. Returns the norm before clipping.
  double update(const Worker& worker, double learning_rate) const {
    const PhaseStretch updating = worker.during(phase::update);
    const std::span<const T> gradients = arena_.get(memory_.gradients);
    if (shards_.divided()) return update_share(worker, gradients, learning_rate);
    const double norm =
        global_norm<T>(worker, parameters_.span(), gradients, arena_.get(memory_.norm_partials));
    if (std::isfinite(norm)) {
      update(worker, parameters_.span(), gradients,
             {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip), 0,
              trained_.sizes.count, arena_.get(memory_.optimizer_scratch)});
      average(worker, parameters_.span());
    }
    return norm;
  }

  /// Mean of memory.losses over the targets that are not ignored.
  double mean_loss() const {
    double total = 0;
    for (const T loss : arena_.get(memory_.losses)) total += static_cast<double>(loss);
    return counted_ == 0 ? 0.0 : total / static_cast<double>(counted_);
  }

  /// Computes gradients and updates part by part: see TrainingOptions::fused_update.
  FusedProgress run_fused(const Worker& worker, double learning_rate) const {
    FusedProgress progress;
    const auto update = [&](const Parameter& tensor, std::span<const T> gradient) {
      const PhaseStretch updating = worker.during(phase::update);
      if (!progress.diverged) update_tensor(worker, tensor, gradient, learning_rate, progress);
      if (!progress.diverged && !shards_.divided()) average(worker, {&tensor, 1});
    };
    UpdateAtOnce<T, Model, decltype(update)> consumer(worker, model_, parameters_.span(),
                                                      part_gradients(), marks(worker), update);
    const auto part_complete = [&](const ParameterRange& part) {
      if (part.first_tensor ==
          model_.head_range().first_tensor) {  // the first: all losses are there
        progress.loss = mean_loss();
        progress.diverged = !std::isfinite(progress.loss);
      }
      consumer.complete_part(part);
      if (shards_.divided() && !progress.diverged) share_weights(worker, part);
    };
    forward_and_backward(worker, consumer, PartComplete(part_complete));
    return progress;
  }

 private:
  /// A reference to a function of a part of the model, or to none: one type for all of them, so
  /// that forward_and_backward is compiled once.
  class PartComplete {
   public:
    PartComplete() = default;
    template <typename Function>
    explicit PartComplete(const Function& function)
        : function_(&function), call_([](const void* f, const ParameterRange& part) {
            (*static_cast<const Function*>(f))(part);
          }) {}

    void operator()(const ParameterRange& part) const {
      if (call_ != nullptr) call_(function_, part);
    }

   private:
    const void* function_ = nullptr;
    void (*call_)(const void*, const ParameterRange&) = nullptr;
  };

  PartGradients<T> part_gradients() const {
    return {arena_.get(memory_.embedding_gradient),
            arena_.get(memory_.block_gradient),
            arena_.get(memory_.head_gradient),
            options_.layer_by_layer(),
            trained_.largest_unit,
            options_.sum_tree().slots(),
            model_.config().head.tied && options_.leaves > 1 ? options_.sum_tree().leaves_per_rank()
                                                             : 0};
  }

  /// Computes the gradients part by part, and keeps the sums of this process's shares.
  OCTAVO_SETUP void keep_shares(const Worker& worker) const {
    const std::span<T> kept = arena_.get(memory_.gradients);
    const auto keep = [&](const Parameter& tensor, std::span<const T> gradient) {
      keep_share<T>(worker, shards_, rank(), tensor, gradient, kept);
    };
    UpdateAtOnce<T, Model, decltype(keep)> consumer(worker, model_, parameters_.span(),
                                                    part_gradients(), marks(worker), keep);
    const auto part_complete = [&](const ParameterRange& part) { consumer.complete_part(part); };
    forward_and_backward(worker, consumer, PartComplete(part_complete));
  }

  std::span<const Token> inputs() const { return arena_.get(memory_.inputs); }
  std::span<const Token> targets() const { return arena_.get(memory_.targets); }
  std::span<T> weights() const { return arena_.get(memory_.weights); }

  /// The weight of each loss in the mean.
  T scale() const { return counted_ == 0 ? T{0} : T{1} / static_cast<T>(counted_); }

  /// Runs all passes of this process's leaves. Calls part_complete(range) when the gradients of a
  /// part of the model are complete for the passes in flight, with parts in turn for all processes.
  /// With parts in turn all passes of the step are in flight together; otherwise each runs forward
  /// and backward before the next, and the gradients of all processes are there at the end.
  void forward_and_backward(const Worker& worker, LeafGradients<T>& consumer,
                            const PartComplete& part_complete) const {
    const Index all = options_.rank_sequences();
    const Index in_flight = options_.parts_in_turn() ? all : options_.pass_sequences();
    RankSum<T> sum(worker, ranks_, options_.sum_tree(), arena_.get(memory_.received), shards_);
    for (Index first = 0; first < all; first += in_flight) {
      const Range group{first, std::min(first + in_flight, all)};
      // Calls body(pass) for the passes in flight, of `sequences` each.
      const auto for_each_pass = [&](const ParameterRange& part, Index sequences, auto body) {
        for (Index next = group.begin; next < group.end; next += sequences) {
          const Range rows{next, std::min(next + sequences, group.end)};
          begin_leaf(consumer, part, rows);
          body(pass(worker, consumer, rows.begin, rows.size()));
          end_leaf(worker, consumer, sum, part, rows);
        }
        part_complete(part);
      };
      for_each_pass(model_.head_range(), options_.pass_sequences(), [&](const Pass<T>& pass) {
        model_.loss(pass, of(pass, inputs()), of(pass, targets()),
                    of(pass, arena_.get(memory_.losses)), scale());
      });
      for (Index layer = model_.config().layers - 1; layer >= trained_.first_block; --layer) {
        for_each_pass(model_.block_range(layer), options_.pass_sequences(),
                      [&](const Pass<T>& pass) { model_.backward_block(pass, layer); });
      }
      if (!trained_.embedding()) continue;
      const Index together = options_.parts_in_turn() ? options_.leaf_sequences() : group.size();
      for_each_pass(model_.embedding_range(), together,
                    [&](const Pass<T>& pass) { backward_embedding(pass, consumer); });
    }
    if (!options_.parts_in_turn()) sum.finish();
  }

  /// Computes the gradients of the embedding for the rows of a pass; with deferred gradients those
  /// of the token table for the rows of its leaf, after the leaf's last pass.
  void backward_embedding(const Pass<T>& pass, GradientConsumer<T>& consumer) const {
    const std::span<T> deferred = arena_.get(memory_.embedding_gradients);
    if (deferred.empty()) return model_.backward_embedding(pass, of(pass, inputs()));
    const Index leaf_rows = options_.leaf_sequences() * options_.sequence;
    const Index in_leaf = pass.rows.first % leaf_rows;
    model_.backward_embedding(pass, of(pass, inputs()),
                              deferred.data() + in_leaf * model_.config().width);
    if (in_leaf + pass.rows.count() < leaf_rows) return;
    const Pass<T> leaf =
        this->pass(pass.worker(), consumer, (pass.rows.first - in_leaf) / options_.sequence,
                   options_.leaf_sequences());
    model_.backward_tokens(leaf, of(leaf, inputs()), deferred.data());
  }

  Index part_index(const ParameterRange& part) const {
    return parameters_[static_cast<std::size_t>(part.first_tensor)].block + 1;
  }
  Index rank() const { return ranks_ == nullptr ? 0 : ranks_->rank(); }
  /// The leaf of all processes that a sequence of this one belongs to.
  Index leaf_of(Index sequence) const {
    return options_.sum_tree().share(rank()).begin + sequence / options_.leaf_sequences();
  }

  /// Tells the consumer of the leaf that begins with a pass of `sequences` in a part.
  void begin_leaf(LeafGradients<T>& consumer, const ParameterRange& part, Range sequences) const {
    const bool first_part = part.first_tensor == model_.head_range().first_tensor;
    if (sequences.begin % options_.leaf_sequences() != 0) return;
    if (!options_.parts_in_turn() && !first_part) return;
    const Index leaf = leaf_of(sequences.begin);
    consumer.begin_leaf(leaf - options_.sum_tree().share(rank()).begin,
                        options_.sum_tree().slot(leaf));
  }

  /// If a pass of `sequences` is the last of its leaf in a part, adds up the part's gradients of
  /// the leaves so far; if it is the last of all, those of all processes.
  void end_leaf(const Worker& worker, LeafGradients<T>& consumer, RankSum<T>& sum,
                const ParameterRange& part, Range sequences) const {
    sum.progress();
    if (sequences.end % options_.leaf_sequences() != 0) return;
    consumer.end_leaf(part);
    const SlotNumbers<T> slots = consumer.slots(part);
    options_.sum_tree().merge_after(leaf_of(sequences.begin), [&](Index slot) {
      worker.barrier();
      add_numbers<T>(worker, slots[slot + 1], slots[slot]);
      worker.barrier();
    });
    if (ranks_ == nullptr || sequences.end < options_.rank_sequences()) return;
    if (part.first_tensor == model_.head_range().first_tensor) gather_losses(worker);
    sum.begin(slots, trained_numbers(parameters_.span(), part).begin, part_index(part));
    if (options_.parts_in_turn()) sum.finish();
  }

  OCTAVO_SETUP void gather_losses(const Worker& worker) const {
    worker.barrier();
    const std::span<T> losses = arena_.get(memory_.losses);
    if (worker.index() == 0) {
      gather_all(*ranks_, std::as_writable_bytes(losses),
                 losses.size_bytes() / static_cast<std::size_t>(ranks_->count()));
    }
    worker.barrier();
  }

  /// The rows of a span that belong to a pass.
  template <typename U>
  static std::span<U> of(const Pass<T>& pass, std::span<U> step) {
    return step.subspan(static_cast<std::size_t>(pass.first_row()),
                        static_cast<std::size_t>(pass.rows.count()));
  }

  std::span<GradientMark> marks(const Worker& worker) const {
    const std::size_t tensors = parameters_.size();
    return marks_.subspan(static_cast<std::size_t>(worker.index()) * tensors, tensors);
  }

  OCTAVO_ONE_COPY Pass<T> pass(const Worker& worker, GradientConsumer<T>& consumer,
                               Index first_sequence, Index sequences) const {
    std::optional<DropoutDraw> dropout;
    if (options_.dropout > 0) {
      dropout = DropoutDraw{
          CounterRandom(options_.seed, RandomStream::dropout, static_cast<std::uint64_t>(draw_)), 0,
          options_.dropout};
    }
    std::optional<CounterRandom> adapter_dropout;
    if (model_.config().lora.dropout > 0) {
      adapter_dropout.emplace(options_.seed, RandomStream::adapter_dropout,
                              static_cast<std::uint64_t>(draw_));
    }
    const Index sequence = options_.sequence;
    const Index first_row = rank() * options_.rank_sequences() * sequence;
    return {.run = {worker, arena_, model_.pack_buffer(arena_), &consumer, dropout, adapter_dropout,
                    one_by_one_, first_row},
            .rows = {.sequences = sequences,
                     .sequence = sequence,
                     .first = first_sequence * sequence,
                     .in_document = options_.packed ? arena_.get(memory_.positions).data() +
                                                          first_row + first_sequence * sequence
                                                    : nullptr},
            .weights = one_by_one_ == nullptr ? weights().data() : nullptr};
  }

  void update(const Worker& worker, std::span<const Parameter> tensors,
              std::span<const T> gradients, const UpdateInfo& info) const {
    update_tensors<T>(worker, options_.optimizer, tensors, weights(), gradients,
                      arena_.get(memory_.optimizer_state), info);
  }

  /// Updates this process's share, clipped by the norm of all gradients, and gets the others'.
  OCTAVO_SETUP double update_share(const Worker& worker, std::span<const T> gradients,
                                   double learning_rate) const {
    const std::span<double> partials = arena_.get(memory_.norm_partials);
    const ShardExchange<T> exchange(worker, *ranks_, shards_);
    const bool has_others = !options_.parts_in_turn();
    const double norm = exchange.norm(parameters_.span(), gradients, {0, trained_.sizes.count},
                                      {0, shards_.parts()}, partials, has_others);
    if (!std::isfinite(norm)) return norm;
    for (const ShardPiece& piece : shards_.pieces()) {
      if (piece.rank != rank()) continue;
      const auto at = has_others ? 0 : shards_.first_sum(piece.part, rank());
      update_piece(worker, piece, gradients.subspan(static_cast<std::size_t>(at)),
                   has_others ? 0 : shards_.share(piece.part, rank()).summed.begin, norm,
                   learning_rate);
    }
    exchange.gather_weights({0, shards_.parts()}, weights());
    average(worker, parameters_.span());
    return norm;
  }

  /// gradients: from number `first` of all trained numbers on.
  void update_piece(const Worker& worker, const ShardPiece& piece, std::span<const T> gradients,
                    Index first, double norm, double learning_rate) const {
    const Index number =
        parameters_[static_cast<std::size_t>(piece.index)].gradient_offset + piece.numbers.begin;
    update(worker, {&piece.tensor, 1}, gradients.subspan(static_cast<std::size_t>(number - first)),
           {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip),
            piece.tensor.gradient_offset, shards_.sizes().count,
            arena_.get(memory_.optimizer_scratch), number - piece.tensor.gradient_offset});
  }

  /// Gives all processes the new weights of a part, and updates their averages.
  OCTAVO_SETUP void share_weights(const Worker& worker, const ParameterRange& part) const {
    const Index index = part_index(part);
    ShardExchange<T>(worker, *ranks_, shards_).gather_weights({index, index + 1}, weights());
    average(worker, parameters_.span().subspan(static_cast<std::size_t>(part.first_tensor),
                                               static_cast<std::size_t>(part.tensors)));
  }

  /// Updates the averages after an update in which workers may have had other shares of `tensors`.
  void average(const Worker& worker, std::span<const Parameter> tensors) const {
    if (!memory_.averages.booked()) return;
    worker.barrier();
    update_averages<T>(worker, tensors, average_decay(options_.ema, steps_done_ + 1), weights(),
                       arena_.get(memory_.averages));
  }

  /// Updates one tensor, clipped by its own norm, unless its gradient has diverged.
  void update_tensor(const Worker& worker, const Parameter& tensor, std::span<const T> gradient,
                     double learning_rate, FusedProgress& progress) const {
    if (!tensor.learns()) return;
    const std::span<double> partials = arena_.get(memory_.norm_partials);
    const Range numbers{tensor.gradient_offset, tensor.gradient_offset + tensor.count()};
    const Index part = tensor.block + 1;
    const double norm = shards_.divided()
                            ? ShardExchange<T>(worker, *ranks_, shards_)
                                  .norm({&tensor, 1}, gradient, numbers, {part, part + 1}, partials)
                            : global_norm<T>(worker, {&tensor, 1}, gradient, partials);
    if (worker.index() == 0) squared_norms_[static_cast<std::size_t>(tensor.index)] = norm * norm;
    progress.diverged = !std::isfinite(norm);
    if (progress.diverged) return;
    for (const ShardPiece& piece : shards_.pieces()) {
      if (piece.rank != rank() || piece.index != tensor.index) continue;
      update_piece(worker, piece, gradient, tensor.gradient_offset, norm, learning_rate);
    }
    if (shards_.divided()) return;
    update(worker, {&tensor, 1}, gradient,
           {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip),
            tensor.gradient_offset, trained_.sizes.count, arena_.get(memory_.optimizer_scratch)});
  }

  const Model& model_;
  const TrainingOptions& options_;
  const TrainedTensors& trained_;
  const ParameterList& parameters_;
  const TrainingMemory<T>& memory_;
  const Arena& arena_;
  std::span<double> squared_norms_;  ///< [tensors], of gradients; with fused_update
  std::span<GradientMark> marks_;    ///< [workers, tensors]
  Index steps_done_;
  Index draw_;                   ///< determines the dropout masks
  const Weight<T>* one_by_one_;  ///< [tensors], or null
  Ranks* ranks_;                 ///< or null
  const RankShards& shards_;
  Index counted_;  ///< targets that are not ignored
};

}  // namespace OCTAVO_NAMESPACE
