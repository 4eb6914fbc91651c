// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/weight_average.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/rank_shards.hpp>
#include <octavo/training/shard_exchange.hpp>
#include <octavo/training/table_update.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// The outcome of a fused step; every worker has its own, and all are equal.
struct FusedProgress {
  double loss = 0;
  bool diverged = false;
};

/// The updates of each worker in a step: of all tensors at once, or of one as soon as its gradient
/// is complete. All workers call a member at the same time with the same arguments. Stores only
/// references to members of TrainingStep.
template <Scalar T>
class StepUpdate {
 public:
  /// For the arguments see StepWork.
  StepUpdate(const TrainingOptions& options, const TrainedTensors& trained,
             const ParameterList& parameters, const TrainingMemory<T>& memory, const Arena& arena,
             std::span<double> squared_norms, Index steps_done, Ranks* ranks,
             const RankShards& shards)
      : options_(options),
        trained_(trained),
        parameters_(parameters),
        memory_(memory),
        arena_(arena),
        squared_norms_(squared_norms),
        steps_done_(steps_done),
        ranks_(ranks),
        shards_(shards) {}

  /// Clips the gradients and updates all tensors; changes nothing if the gradients' norm is not
  /// finite. Returns the norm before clipping.
  double update_all(const Worker& worker, double learning_rate) const {
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
    note_norm(worker, tensor, norm, progress);
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

  /// update_tensor for a table [vocabulary, width] in blocks of `rows` rows; gradient_of as in
  /// update_table.
  template <typename GradientOf>
  void update_rows(const Worker& worker, const Parameter& table, Index rows, GradientOf gradient_of,
                   double learning_rate, FusedProgress& progress) const {
    if (!table.learns()) return;
    const auto update_part = [&](const Parameter& part, std::span<const T> gradient, double norm) {
      update(worker, {&part, 1}, gradient,
             {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip),
              part.gradient_offset, trained_.sizes.count, arena_.get(memory_.optimizer_scratch)});
    };
    note_norm(worker, table,
              octavo::update_table<T>(worker, table, rows, options_.clip > 0,
                                      arena_.get(memory_.norm_partials), gradient_of, update_part),
              progress);
  }

  /// Gives all processes the new weights of the tensors of part `index` (see RankShards), and
  /// updates their averages.
  OCTAVO_SETUP void share_weights(const Worker& worker, Index index,
                                  std::span<const Parameter> tensors) const {
    ShardExchange<T>(worker, *ranks_, shards_).gather_weights({index, index + 1}, weights());
    average(worker, tensors);
  }

  /// Updates the averages after an update in which workers may have had other shares of `tensors`.
  void average(const Worker& worker, std::span<const Parameter> tensors) const {
    if (!memory_.averages.booked()) return;
    worker.barrier();
    update_averages<T>(worker, tensors, average_decay(options_.ema, steps_done_ + 1), weights(),
                       arena_.get(memory_.averages));
  }

 private:
  std::span<T> weights() const { return arena_.get(memory_.weights); }
  Index rank() const { return ranks_ == nullptr ? 0 : ranks_->rank(); }

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

  void note_norm(const Worker& worker, const Parameter& tensor, double norm,
                 FusedProgress& progress) const {
    if (worker.index() == 0) squared_norms_[static_cast<std::size_t>(tensor.index)] = norm * norm;
    progress.diverged = !std::isfinite(norm);
  }

  const TrainingOptions& options_;
  const TrainedTensors& trained_;
  const ParameterList& parameters_;
  const TrainingMemory<T>& memory_;
  const Arena& arena_;
  std::span<double> squared_norms_;
  Index steps_done_;
  Ranks* ranks_;
  const RankShards& shards_;
};

}  // namespace OCTAVO_NAMESPACE
