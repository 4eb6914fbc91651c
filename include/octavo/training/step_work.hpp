// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <variant>

#include <octavo/memory/arena.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/step_options.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/transformer/pass.hpp>

namespace OCTAVO_NAMESPACE {

/// What every worker does in a step on the batch that lies in memory.inputs and memory.targets. All
/// workers of a crew call a member together with the same arguments. TrainingStep brings its
/// threads; tests bring workers whose order they choose. Looks at what TrainingStep owns.
template <Scalar T, typename Model>
class StepWork {
 public:
  /// squared_norms: one for each tensor, for a fused step.
  StepWork(const Model& model, const StepOptions& options, const ParameterList& parameters,
           const TrainingMemory<T>& memory, const Arena& arena, std::span<double> squared_norms,
           Index steps_done)
      : model_(model),
        options_(options),
        parameters_(parameters),
        memory_(memory),
        arena_(arena),
        squared_norms_(squared_norms),
        steps_done_(steps_done),
        counted_(count_targets(targets())) {}

  /// How far a fused step got; every worker has its own, and all are equal.
  struct FusedProgress {
    double loss = 0;
    bool diverged = false;
  };

  /// The gradients of the batch's mean loss, in memory.gradients.
  void accumulate_gradients(const Worker& worker) const {
    const std::span<T> all = arena_.get(memory_.gradients);
    // No barrier: the way forward, which comes first, contains some.
    model_.for_each_range_added_to([&](const ParameterRange& range) {
      set_zero<T>(worker, all.subspan(static_cast<std::size_t>(range.offset),
                                      static_cast<std::size_t>(range.count)));
    });
    const GradientParts<T> parts = model_.gradient_parts(all.data());
    const std::span<T> kept = arena_.get(memory_.embedding_gradients);
    for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t from, std::size_t rows) {
      model_.loss(pass, inputs().subspan(from, rows), targets().subspan(from, rows),
                  arena_.get(memory_.losses).subspan(from, rows), scale(),
                  kept.empty() ? nullptr : kept.data() + pass.first_row * model_.shape().width);
    });
    model_.finish_tied(whole_step(worker, parts), inputs(), kept.data());
  }

  /// Clips the gradients and updates all tensors, unless the gradients' norm, which it returns, is
  /// not finite.
  double update(const Worker& worker, double learning_rate) const {
    const std::span<const T> gradients = arena_.get(memory_.gradients);
    const double norm =
        global_norm<T>(worker, parameters_.span(), gradients, arena_.get(memory_.norm_partials));
    if (std::isfinite(norm)) {
      update_tensors(worker, parameters_.span(), gradients,
                     {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip)});
    }
    return norm;
  }

  /// Mean of memory.losses over the targets that count.
  double mean_loss() const {
    double total = 0;
    for (const T loss : arena_.get(memory_.losses)) total += static_cast<double>(loss);
    return counted_ == 0 ? 0.0 : total / static_cast<double>(counted_);
  }

  /// Gradients and updates part by part, see TrainingMemoryOptions::fused_update.
  FusedProgress run_fused(const Worker& worker, double learning_rate) const {
    const std::span<T> embedding = arena_.get(memory_.embedding_gradient);
    const std::span<T> block = arena_.get(memory_.block_gradient);
    const std::span<T> end = arena_.get(memory_.end_gradient);
    const GradientParts<T> parts{embedding.data(), block.data(), 0, end.data()};
    FusedProgress progress;
    // No barrier: the way forward, which comes first, contains some.
    set_zero<T>(worker, end);
    if (model_.shape().tied) set_zero<T>(worker, embedding);
    for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t from, std::size_t rows) {
      model_.begin_loss(pass, inputs().subspan(from, rows), targets().subspan(from, rows),
                        arena_.get(memory_.losses).subspan(from, rows), scale());
    });
    progress.loss = mean_loss();
    progress.diverged = !std::isfinite(progress.loss);
    finish_part(worker, model_.end_range(), end, learning_rate, progress);
    for (Index layer = model_.shape().layers - 1; layer >= 0; --layer) {
      const ParameterRange range = model_.block_range(layer);
      LayerUpdates updates(*this, block, range, learning_rate, progress);
      GradientSink<T>* const sink = layer_by_layer() ? &updates : nullptr;
      if (sink == nullptr) {
        set_zero<T>(worker, block);
        worker.barrier();  // a block may begin with its gradients
      }
      for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t, std::size_t) {
        model_.backward_block(pass, layer, sink);
      });
      if (sink == nullptr) finish_part(worker, range, block, learning_rate, progress);
    }
    if (!model_.shape().tied) set_zero<T>(worker, embedding);  // dropout's place has a barrier
    model_.backward_embedding(whole_step(worker, parts), inputs());
    finish_part(worker, model_.embedding_range(), embedding, learning_rate, progress);
    return progress;
  }

 private:
  std::span<const Token> inputs() const { return arena_.get(memory_.inputs); }
  std::span<const Token> targets() const { return arena_.get(memory_.targets); }
  std::span<T> weights() const { return arena_.get(memory_.weights); }

  /// Of each loss in their mean.
  T scale() const { return counted_ == 0 ? T{0} : T{1} / static_cast<T>(counted_); }

  /// Calls body(pass, first row, rows) for every micro-batch of the step.
  template <typename Body>
  void for_each_pass(const Worker& worker, const GradientParts<T>& gradients, Body body) const {
    const StepShape& step = options_.step;
    for (Index first = 0; first < step.sequences(); first += step.micro_batch) {
      const Index sequences = std::min(step.micro_batch, step.sequences() - first);
      const Output start =
          first == 0 && !options_.fused_update ? Output::overwrite : Output::accumulate;
      body(pass(worker, gradients, start, sequences, first * step.sequence),
           static_cast<std::size_t>(first * step.sequence),
           static_cast<std::size_t>(sequences * step.sequence));
    }
  }

  Pass<T> whole_step(const Worker& worker, const GradientParts<T>& gradients) const {
    return pass(worker, gradients, Output::accumulate, options_.step.sequences(), 0);
  }

  Pass<T> pass(const Worker& worker, const GradientParts<T>& gradients, Output start,
               Index sequences, Index first_row) const {
    std::optional<DropoutDraw> dropout;
    if (options_.dropout > 0) {
      dropout = DropoutDraw{CounterRandom(options_.seed, RandomStream::dropout,
                                          static_cast<std::uint64_t>(steps_done_)),
                            0, options_.dropout};
    }
    return {worker,    arena_,    weights().data(),
            gradients, sequences, options_.step.sequence,
            first_row, dropout,   start};
  }

  void update_tensors(const Worker& worker, std::span<const Parameter> tensors,
                      std::span<const T> gradients, const UpdateStep& step) const {
    std::visit(
        [&](const auto& optimizer) {
          optimizer.template update<T>(worker, step, tensors, weights(), gradients,
                                       arena_.get(memory_.optimizer_state));
        },
        options_.optimizer);
  }

  bool layer_by_layer() const {
    return Model::sinks_gradients && options_.memory(1).layer_by_layer();
  }

  /// Updates a block's layers as their gradients come.
  class LayerUpdates final : public GradientSink<T> {
   public:
    LayerUpdates(const StepWork& step, std::span<T> room, const ParameterRange& block,
                 double learning_rate, FusedProgress& progress)
        : GradientSink<T>(room),
          step_(step),
          block_(block),
          learning_rate_(learning_rate),
          progress_(progress) {}

    void take(const Worker& worker, Index first, Index count) override {
      const auto tensors = step_.parameters_.span().subspan(block_.first_tensor, block_.tensors);
      ParameterRange layer{block_.first_tensor, 0, block_.offset + first, count};
      for (const Parameter& tensor : tensors) {
        if (tensor.offset < layer.offset) ++layer.first_tensor;
        layer.tensors += tensor.offset >= layer.offset && tensor.offset < layer.offset + count;
      }
      step_.finish_part(worker, layer, this->room(), learning_rate_, progress_);
    }

   private:
    const StepWork& step_;
    ParameterRange block_;
    double learning_rate_;
    FusedProgress& progress_;
  };

  /// Updates a part's tensors, each clipped by its own norm, unless something has diverged.
  void finish_part(const Worker& worker, const ParameterRange& range, std::span<const T> gradients,
                   double learning_rate, FusedProgress& progress) const {
    for (const Parameter& tensor : parameters_.span().subspan(range.first_tensor, range.tensors)) {
      if (progress.diverged) return;
      if (tensor.learning_rate_factor == 0) continue;
      const auto first = static_cast<std::size_t>(tensor.offset - range.offset);
      const double norm = global_norm<T>(
          worker, {&tensor, 1}, gradients.subspan(first, static_cast<std::size_t>(tensor.count())),
          arena_.get(memory_.norm_partials));
      if (worker.index() == 0)
        squared_norms_[static_cast<std::size_t>(tensor.number)] = norm * norm;
      progress.diverged = !std::isfinite(norm);
      if (progress.diverged) return;
      update_tensors(
          worker, {&tensor, 1}, gradients,
          {steps_done_ + 1, learning_rate, clipping_factor(norm, options_.clip), range.offset});
    }
    worker.barrier();  // the next part's gradients lie in the same place
  }

  const Model& model_;
  const StepOptions& options_;
  const ParameterList& parameters_;
  const TrainingMemory<T>& memory_;
  const Arena& arena_;
  /// Of each tensor's gradient in a fused step; added in the tensors' order, not in that of coming.
  std::span<double> squared_norms_;
  Index steps_done_;
  Index counted_;  ///< targets that count
};

}  // namespace OCTAVO_NAMESPACE
