// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <span>

#include <octavo/memory/arena.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/gradient_consumers.hpp>
#include <octavo/training/rank_shards.hpp>
#include <octavo/training/rank_sum.hpp>
#include <octavo/training/shard_exchange.hpp>
#include <octavo/training/step_update.hpp>
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
        marks_(marks),
        draw_(draw),
        one_by_one_(one_by_one),
        ranks_(ranks),
        shards_(shards),
        update_(options, trained, parameters, memory, arena, squared_norms, steps_done, ranks,
                shards),
        counted_(count_targets(targets())) {}

  /// Computes the gradients of the batch's mean loss in memory.gradients; with RankShards its
  /// share.
  void accumulate_gradients(const Worker& worker) const {
    if (options_.parts_in_turn()) return keep_shares(worker);
    AccumulateGradients<T> consumer(parameters_.span(), arena_.get(memory_.gradients),
                                    marks(worker), arena_.get(memory_.leaf_sums));
    forward_and_backward(worker, consumer, {});
    consumer.finish(worker);
  }

  const StepUpdate<T>& updates() const noexcept { return update_; }

  /// Mean of memory.losses over the targets that are not ignored.
  double mean_loss() const {
    double total = 0;
    for (const T loss : arena_.get(memory_.losses)) total += static_cast<double>(loss);
    return counted_ == 0 ? 0.0 : total / static_cast<double>(counted_);
  }

  /// Computes gradients and updates part by part: see TrainingOptions::fused_update.
  FusedProgress run_fused(const Worker& worker, double learning_rate) const {
    FusedProgress progress;
    GradientConsumer<T>* gradients = nullptr;
    const auto update = [&](const Parameter& tensor, std::span<T> gradient) {
      const PhaseStretch updating = worker.during(phase::update);
      if (progress.diverged) return;
      if (model_.in_rows(tensor.index)) {
        update_in_rows(pass(worker, *gradients, 0, options_.rank_sequences()), tensor, gradient,
                       learning_rate, progress);
      } else {
        update_.update_tensor(worker, tensor, gradient, learning_rate, progress);
      }
      if (!progress.diverged && !shards_.divided()) update_.average(worker, {&tensor, 1});
    };
    UpdateAtOnce<T, Model, decltype(update)> consumer(worker, model_, parameters_.span(),
                                                      part_gradients(), marks(worker), update);
    gradients = &consumer;
    const auto part_complete = [&](const ParameterRange& part) {
      if (part.first_tensor ==
          model_.head_range().first_tensor) {  // the first: all losses are there
        progress.loss = mean_loss();
        progress.diverged = !std::isfinite(progress.loss);
      }
      consumer.complete_part(part);
      if (shards_.divided() && !progress.diverged) {
        update_.share_weights(
            worker, part_index(part),
            parameters_.span().subspan(static_cast<std::size_t>(part.first_tensor),
                                       static_cast<std::size_t>(part.tensors)));
      }
    };
    forward_and_backward(worker, consumer, PartComplete(part_complete));
    return progress;
  }

 private:
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

  /// Updates a table in rows. pass: of all rows of the step; gradient: memory for that of some rows
  /// of the table.
  void update_in_rows(const Pass<T>& pass, const Parameter& table, std::span<T> gradient,
                      double learning_rate, FusedProgress& progress) const {
    const auto gradient_of = [&](Range rows) {
      const PhaseStretch computing =
          pass.worker().during(table.block < 0 ? phase::embed_backward : phase::head);
      model_.backward_table(pass, table.index, rows, inputs(), targets(), scale(), gradient.data());
      return gradient.first(static_cast<std::size_t>(rows.size() * table.columns));
    };
    update_.update_rows(pass.worker(), table, model_.table_rows(), gradient_of, learning_rate,
                        progress);
  }

  const Model& model_;
  const TrainingOptions& options_;
  const TrainedTensors& trained_;
  const ParameterList& parameters_;
  const TrainingMemory<T>& memory_;
  const Arena& arena_;
  std::span<GradientMark> marks_;  ///< [workers, tensors]
  Index draw_;                     ///< determines the dropout masks
  const Weight<T>* one_by_one_;    ///< [tensors], or null
  Ranks* ranks_;                   ///< or null
  const RankShards& shards_;
  StepUpdate<T> update_;
  Index counted_;  ///< targets that are not ignored
};

}  // namespace OCTAVO_NAMESPACE
