// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/fwd.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/training/step_options.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/transformer/initial_weights.hpp>

namespace octavo {

/// A model together with the one block of memory in which it trains: forward, backward, clip,
/// update, for whoever writes the loop around it (Trainer writes one). Fill inputs() and targets(),
/// then call train(). No heap call after construction. Move-only.
template <Scalar T, typename Config, typename Part>
class TrainingStep {
 public:
  using Model = Transformer<T, Config, Part>;

  /// Starts from GPT-2's initial weights for options.seed. `threads` must outlive this object.
  TrainingStep(const Model& model, const StepOptions& options, ThreadPool& threads)
      : TrainingStep(model, options, threads, MemoryPlan{}, nullptr) {}

  /// The same inside memory of the caller: at least training_bytes, aligned to 64 bytes.
  TrainingStep(const Model& model, const StepOptions& options, ThreadPool& threads,
               std::span<std::byte> memory)
      : TrainingStep(model, options, threads, MemoryPlan{}, &memory) {}

  const ModelShape& shape() const noexcept { return model_.shape(); }
  const Model& model() const noexcept { return model_; }
  const StepOptions& options() const noexcept { return options_; }
  const MemoryPlan& plan() const noexcept { return arena_.plan(); }
  const Arena& arena() const noexcept { return arena_; }
  ThreadPool& threads() const noexcept { return *threads_; }
  /// Of those, how many take part in computing gradients, as far as has been found out.
  const ThreadTuner& threads_in_use() const noexcept { return gradient_threads_; }

  /// Names, shapes, and the learning-rate factors that update() obeys (0 freezes a tensor).
  const ParameterList& parameters() const noexcept { return parameters_; }
  ParameterList& parameters() noexcept { return parameters_; }

  /// Inputs and targets of the next step, [accumulate * batch, sequence]; a negative target is
  /// ignored.
  std::span<Token> inputs() const { return arena_.get(memory_.inputs); }
  std::span<Token> targets() const { return arena_.get(memory_.targets); }

  std::span<T> weights() const { return arena_.get(memory_.weights); }
  /// Empty with fused_update.
  std::span<T> gradients() const { return arena_.get(memory_.gradients); }
  std::span<std::byte> optimizer_state() const { return arena_.get(memory_.optimizer_state); }

  /// options().between_steps_bytes of memory that the next step may overwrite.
  std::span<std::byte> between_steps() const { return arena_.get(memory_.between_steps); }
  EigenMap<T> weight(std::string_view name) const { return parameters_.map(weights(), name); }
  EigenMap<T> gradient(std::string_view name) const { return parameters_.map(gradients(), name); }

  /// Updates done so far; also which dropout masks come next.
  Index steps_done() const noexcept { return steps_done_; }
  void set_steps_done(Index steps) noexcept { steps_done_ = steps; }

  /// Mean loss of inputs() against targets(); the gradients of that mean are left in gradients().
  /// ConfigError with fused_update, which has no place for them.
  double compute_gradients() {
    require_gradients();
    const FloatEnvironment environment;
    const T scale = scale_of_targets();
    threads_->run(gradient_threads_, 1,
                  [&](const Worker& worker) { accumulate_gradients(worker, scale); });
    return mean_loss();
  }

  /// Clips gradients() and updates the weights. Returns the gradients' norm before clipping. Throws
  /// Diverged, and changes nothing, if that is not finite.
  double update(double learning_rate) {
    require_gradients();
    const FloatEnvironment environment;
    check_rate(learning_rate);
    double norm = 0;
    threads_->run(update_threads_, 1, [&](const Worker& worker) {
      const double total = global_norm<T>(worker, parameters_.span(), gradients(),
                                          arena_.get(memory_.norm_partials));
      if (worker.index() == 0) norm = total;
      if (!std::isfinite(total)) return;
      update_tensors(worker, parameters_.span(), gradients(),
                     {steps_done_ + 1, learning_rate, clipping_factor(total, options_.clip)});
    });
    if (!std::isfinite(norm)) throw diverged("gradient norm", norm);
    ++steps_done_;
    return norm;
  }

  /// compute_gradients and update. Throws Diverged before the update if loss or gradients are not
  /// finite: the weights are then those of the step before. With fused_update only the loss is
  /// known that early; tensors whose gradients were complete, and finite, before the first that
  /// was not are then a step ahead of the others.
  StepResult train(double learning_rate) {
    if (options_.fused_update) return train_fused(learning_rate);
    StepResult result{steps_done_, compute_gradients(), 0, learning_rate};
    if (!std::isfinite(result.loss)) throw diverged("loss", result.loss);
    result.gradient_norm = update(learning_rate);
    return result;
  }

  /// `total` and the losses of `sequences` windows of `sequence` positions, added one by one, so
  /// that the sum does not tell how many were taken at a time; forward only, without dropout: the
  /// first sequences * sequence entries of inputs() and targets(), which together must fit one
  /// micro-batch.
  double add_losses(double total, Index sequences, Index sequence) {
    OCTAVO_ASSERT(sequences <= options_.step.micro_batch && sequence <= options_.step.sequence);
    const auto rows = static_cast<std::size_t>(sequences * sequence);
    const std::span<T> losses = arena_.get(memory_.losses).first(rows);
    const FloatEnvironment environment;
    threads_->run(evaluation_threads_, static_cast<double>(rows), [&](const Worker& worker) {
      const Pass<T> pass{worker, arena_, weights().data(), {}, sequences, sequence, 0, {}};
      model_.loss(pass, inputs().first(rows), targets().first(rows), losses, T{0}, nullptr);
    });
    for (const T loss : losses) total += static_cast<double>(loss);
    return total;
  }

 private:
  TrainingStep(const Model& model, const StepOptions& options, ThreadPool& threads, MemoryPlan plan,
               const std::span<std::byte>* memory)
      : model_(model),
        options_(checked(options)),
        threads_(&threads),
        parameters_(model.parameters()),
        memory_(book(plan)),
        arena_(memory == nullptr ? Arena(plan) : Arena(plan, *memory)),
        squared_norms_(options.fused_update ? parameters_.span().size() : 0),
        gradient_threads_(first_threads(model, options.step)),
        update_threads_(gradient_threads_),
        evaluation_threads_(gradient_threads_) {
    const FloatEnvironment environment;
    set_initial_weights<T>(parameters_, model_.shape().layers, options_.seed, weights());
  }

  static StepOptions checked(StepOptions options) {
    require_kernels();
    require(options.dropout >= 0 && options.dropout < 1, "dropout: expected 0 to less than 1");
    require(std::isfinite(options.clip) && options.clip >= 0, "clip: expected 0 or more");
    check_step(options.step);
    options.step.micro_batch = std::min(options.step.micro_batch, options.step.sequences());
    return options;
  }

  TrainingMemory<T> book(MemoryPlan& plan) {
    auto memory = TrainingMemory<T>::book(plan, model_, options_.memory(threads_->size()));
    plan.place();
    return memory;
  }

  /// A step of less than some milliseconds begins with one thread.
  static ThreadTuner::Start first_threads(const Model& model, const StepShape& step) {
    constexpr double short_step = 3e8;  // floating-point operations
    const double operations =
        6.0 * static_cast<double>(model.parameter_count()) * static_cast<double>(step.rows());
    return operations < short_step ? ThreadTuner::Start::one : ThreadTuner::Start::all;
  }

  T scale_of_targets() const {
    const Index count = count_targets(targets());
    return count == 0 ? T{0} : T{1} / static_cast<T>(count);
  }

  double mean_loss() const {
    double total = 0;
    for (const T loss : arena_.get(memory_.losses)) total += static_cast<double>(loss);
    const Index count = count_targets(targets());
    return count == 0 ? 0.0 : total / static_cast<double>(count);
  }

  static void check_rate(double learning_rate) {
    require(std::isfinite(learning_rate) &&
                learning_rate <= static_cast<double>(std::numeric_limits<T>::max()),
            "learning rate: expected a finite number of the weights' scalar type");
  }

  void require_gradients() const {
    require(!options_.fused_update, "with fused_update no step can be taken apart: call train()");
  }

  void accumulate_gradients(const Worker& worker, T scale) {
    model_.for_each_range_added_to([&](const ParameterRange& range) {
      set_zero<T>(worker, gradients().subspan(static_cast<std::size_t>(range.offset),
                                              static_cast<std::size_t>(range.count)));
    });
    worker.barrier();
    const GradientParts<T> parts = model_.gradient_parts(gradients().data());
    const std::span<T> kept = arena_.get(memory_.embedding_gradients);
    for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t from, std::size_t rows) {
      model_.loss(pass, inputs().subspan(from, rows), targets().subspan(from, rows),
                  arena_.get(memory_.losses).subspan(from, rows), scale,
                  kept.empty() ? nullptr : kept.data() + pass.first_row * shape().width);
    });
    model_.finish_tied(whole_step(worker, parts), inputs(), kept.data());
  }

  /// Calls body(pass, first row, rows) for every micro-batch of the step.
  template <typename Body>
  void for_each_pass(const Worker& worker, const GradientParts<T>& gradients, Body body) const {
    const StepShape& step = options_.step;
    for (Index first = 0; first < step.sequences(); first += step.micro_batch) {
      const Index sequences = std::min(step.micro_batch, step.sequences() - first);
      const Start start = first == 0 && !options_.fused_update ? Start::zero : Start::accumulate;
      body(pass(worker, gradients, start, sequences, first * step.sequence),
           static_cast<std::size_t>(first * step.sequence),
           static_cast<std::size_t>(sequences * step.sequence));
    }
  }

  Pass<T> whole_step(const Worker& worker, const GradientParts<T>& gradients) const {
    return pass(worker, gradients, Start::accumulate, options_.step.sequences(), 0);
  }

  Pass<T> pass(const Worker& worker, const GradientParts<T>& gradients, Start start,
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
                                       optimizer_state());
        },
        options_.optimizer);
  }

  /// How far a fused step got; every worker has its own, and all are equal.
  struct FusedProgress {
    double loss = 0;
    bool diverged = false;
  };

  bool layer_by_layer() const {
    return Model::sinks_gradients && options_.memory(threads_->size()).layer_by_layer();
  }

  /// Updates a block's layers as their gradients come.
  class LayerUpdates final : public GradientSink<T> {
   public:
    LayerUpdates(TrainingStep& step, std::span<T> room, const ParameterRange& block,
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
    TrainingStep& step_;
    ParameterRange block_;
    double learning_rate_;
    FusedProgress& progress_;
  };

  StepResult train_fused(double learning_rate) {
    check_rate(learning_rate);
    const FloatEnvironment environment;
    const T scale = scale_of_targets();
    FusedProgress progress;
    std::fill(squared_norms_.begin(), squared_norms_.end(), 0.0);
    threads_->run(gradient_threads_, 1, [&](const Worker& worker) {
      const FusedProgress mine = run_fused(worker, scale, learning_rate);
      if (worker.index() == 0) progress = mine;
    });
    if (!std::isfinite(progress.loss)) throw diverged("loss", progress.loss);
    const double norm =
        std::sqrt(std::accumulate(squared_norms_.begin(), squared_norms_.end(), 0.0));
    if (progress.diverged) throw diverged("gradient norm", norm);
    return {steps_done_++, progress.loss, norm, learning_rate};
  }

  FusedProgress run_fused(const Worker& worker, T scale, double learning_rate) {
    const std::span<T> embedding = arena_.get(memory_.embedding_gradient);
    const std::span<T> block = arena_.get(memory_.block_gradient);
    const std::span<T> end = arena_.get(memory_.end_gradient);
    const GradientParts<T> parts{embedding.data(), block.data(), 0, end.data()};
    FusedProgress progress;
    begin_part(worker, end);
    if (shape().tied) begin_part(worker, embedding);
    for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t from, std::size_t rows) {
      model_.begin_loss(pass, inputs().subspan(from, rows), targets().subspan(from, rows),
                        arena_.get(memory_.losses).subspan(from, rows), scale);
    });
    progress.loss = mean_loss();
    progress.diverged = !std::isfinite(progress.loss);
    finish_part(worker, model_.end_range(), end, learning_rate, progress);
    for (Index layer = shape().layers - 1; layer >= 0; --layer) {
      const ParameterRange range = model_.block_range(layer);
      LayerUpdates updates(*this, block, range, learning_rate, progress);
      GradientSink<T>* const sink = layer_by_layer() ? &updates : nullptr;
      if (sink == nullptr) begin_part(worker, block);
      for_each_pass(worker, parts, [&](const Pass<T>& pass, std::size_t, std::size_t) {
        model_.backward_block(pass, layer, sink);
      });
      if (sink == nullptr) finish_part(worker, range, block, learning_rate, progress);
    }
    if (!shape().tied) begin_part(worker, embedding);
    model_.backward_embedding(whole_step(worker, parts), inputs());
    finish_part(worker, model_.embedding_range(), embedding, learning_rate, progress);
    return progress;
  }

  static void begin_part(const Worker& worker, std::span<T> gradients) {
    set_zero<T>(worker, gradients);
    worker.barrier();
  }

  /// Updates a part's tensors, each clipped by its own norm, unless something has diverged.
  void finish_part(const Worker& worker, const ParameterRange& range, std::span<const T> gradients,
                   double learning_rate, FusedProgress& progress) {
    for (const Parameter& tensor : parameters_.span().subspan(range.first_tensor, range.tensors)) {
      if (progress.diverged) return;
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
    worker.barrier();
  }

  Diverged diverged(const char* what, double value) const {
    return Diverged(detail::concat({"training diverged at step ", steps_done_, ": ", what, " is ",
                                    FormattedNumber::fixed(value, 6)}),
                    steps_done_, value, "lower the learning rate");
  }

  Model model_;
  StepOptions options_;
  ThreadPool* threads_;
  ParameterList parameters_;
  TrainingMemory<T> memory_;
  Arena arena_;
  /// Of each tensor's gradient in a fused step; added in the tensors' order, not in that of coming.
  std::vector<double> squared_norms_;
  ThreadTuner gradient_threads_;
  ThreadTuner update_threads_;
  ThreadTuner evaluation_threads_;
  Index steps_done_ = 0;
};

}  // namespace octavo
