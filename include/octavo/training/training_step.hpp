// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/error.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/transformer/initial_weights.hpp>

namespace octavo {

/// What a step does besides the model.
struct StepOptions {
  StepShape step;
  AnyOptimizer optimizer = AdamW{};
  double clip = 1.0;     ///< global norm above which gradients are scaled down; 0: never
  double dropout = 0.0;  ///< rate after the embedding and each residual branch
  std::uint64_t seed = 1;
};

/// What a step tells.
struct StepResult {
  Index step = 0;            ///< counted from 0
  double loss = 0;           ///< mean over the targets that count, before the update
  double gradient_norm = 0;  ///< before clipping
  double learning_rate = 0;
};

/// A model together with the one block of memory in which it trains: forward, backward, clip,
/// update, for whoever writes the loop around it (Trainer writes one). Fill inputs() and targets(),
/// then call train(). No heap call after construction. Move-only.
template <Scalar T, ModelConfig Config = RuntimeConfig,
          Layer FeedForwardLayer = FeedForward<T, Config::width, Config::d_ff>>
class TrainingStep {
 public:
  using Model = Transformer<T, Config, FeedForwardLayer>;

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

  /// Names, shapes, and the learning-rate factors that update() obeys (0 freezes a tensor).
  const ParameterList& parameters() const noexcept { return parameters_; }
  ParameterList& parameters() noexcept { return parameters_; }

  /// Inputs and targets of the next step, [accumulate * batch, sequence]; a negative target is
  /// ignored.
  std::span<Token> inputs() const { return arena_.get(memory_.inputs); }
  std::span<Token> targets() const { return arena_.get(memory_.targets); }

  std::span<T> weights() const { return arena_.get(memory_.weights); }
  std::span<T> gradients() const { return arena_.get(memory_.gradients); }
  std::span<T> optimizer_state() const { return arena_.get(memory_.optimizer_state); }
  EigenMap<T> weight(std::string_view name) const { return parameters_.map(weights(), name); }
  EigenMap<T> gradient(std::string_view name) const { return parameters_.map(gradients(), name); }

  /// Updates done so far; also which dropout masks come next.
  Index steps_done() const noexcept { return steps_done_; }
  void set_steps_done(Index steps) noexcept { steps_done_ = steps; }

  /// Mean loss of inputs() against targets(); the gradients of that mean are left in gradients().
  double compute_gradients() {
    const T scale = scale_of_targets();
    threads_->run([&](const Worker& worker) { accumulate_gradients(worker, scale); });
    return mean_loss();
  }

  /// Clips gradients() and updates the weights. Returns the gradients' norm before clipping. Throws
  /// Diverged, and changes nothing, if that is not finite.
  double update(double learning_rate) {
    double norm = 0;
    threads_->run([&](const Worker& worker) {
      const double total = global_norm<T>(worker, gradients(), arena_.get(memory_.norm_partials));
      if (worker.index() == 0) norm = total;
      if (!std::isfinite(total)) return;
      const UpdateStep step{steps_done_ + 1, learning_rate, clipping_factor(total, options_.clip)};
      std::visit(
          [&](const auto& optimizer) {
            optimizer.template update<T>(worker, step, parameters_.span(), weights(), gradients(),
                                         optimizer_state());
          },
          options_.optimizer);
    });
    if (!std::isfinite(norm)) throw diverged("gradient norm", norm);
    ++steps_done_;
    return norm;
  }

  /// compute_gradients and update. Throws Diverged before the update if loss or gradients are not
  /// finite: the weights are then those of the step before.
  StepResult train(double learning_rate) {
    StepResult result{steps_done_, compute_gradients(), 0, learning_rate};
    if (!std::isfinite(result.loss)) throw diverged("loss", result.loss);
    result.gradient_norm = update(learning_rate);
    return result;
  }

  /// Sum of the losses of `sequences` windows of `sequence` positions, forward only, without
  /// dropout: the first sequences * sequence entries of inputs() and targets(), which together must
  /// fit one micro-batch.
  double loss_sum(Index sequences, Index sequence) {
    OCTAVO_ASSERT(sequences <= options_.step.micro_batch && sequence <= options_.step.sequence);
    const auto rows = static_cast<std::size_t>(sequences * sequence);
    const std::span<T> losses = arena_.get(memory_.losses).first(rows);
    threads_->run([&](const Worker& worker) {
      const Pass<T> pass{worker,   arena_, weights().data(), nullptr, sequences,
                         sequence, 0,      std::nullopt};
      model_.loss(pass, inputs().first(rows), targets().first(rows), losses, T{0}, nullptr);
    });
    double total = 0;
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
        arena_(memory == nullptr ? Arena(plan) : Arena(plan, *memory)) {
    set_initial_weights<T>(parameters_, model_.shape().layers, options_.seed, weights());
  }

  static StepOptions checked(StepOptions options) {
    require(options.dropout >= 0 && options.dropout < 1, "dropout: expected 0 to less than 1");
    require(std::isfinite(options.clip) && options.clip >= 0, "clip: expected 0 or more");
    check_step(options.step);
    options.step.micro_batch = std::min(options.step.micro_batch, options.step.sequences());
    return options;
  }

  TrainingMemory<T> book(MemoryPlan& plan) {
    auto memory =
        TrainingMemory<T>::book(plan, model_,
                                {options_.step, threads_->size(),
                                 state_per_parameter(options_.optimizer), options_.dropout > 0});
    plan.place();
    return memory;
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

  void accumulate_gradients(const Worker& worker, T scale) {
    set_zero<T>(worker, gradients());
    worker.barrier();
    const StepShape& step = options_.step;
    for (Index first = 0; first < step.sequences(); first += step.micro_batch) {
      const Index sequences = std::min(step.micro_batch, step.sequences() - first);
      const auto from = static_cast<std::size_t>(first * step.sequence);
      const auto rows = static_cast<std::size_t>(sequences * step.sequence);
      const std::span<T> kept = arena_.get(memory_.embedding_gradients);
      model_.loss(pass(worker, sequences, first * step.sequence), inputs().subspan(from, rows),
                  targets().subspan(from, rows), arena_.get(memory_.losses).subspan(from, rows),
                  scale,
                  kept.empty() ? nullptr : kept.data() + first * step.sequence * shape().width);
    }
    model_.finish_tied(pass(worker, step.sequences(), 0), inputs(),
                       arena_.get(memory_.embedding_gradients).data());
  }

  Pass<T> pass(const Worker& worker, Index sequences, Index first_row) const {
    std::optional<DropoutDraw> dropout;
    if (options_.dropout > 0) {
      dropout = DropoutDraw{CounterRandom(options_.seed, RandomStream::dropout,
                                          static_cast<std::uint64_t>(steps_done_)),
                            0, options_.dropout};
    }
    return {
        worker,    arena_, weights().data(), gradients().data(), sequences, options_.step.sequence,
        first_row, dropout};
  }

  Diverged diverged(const char* what, double value) const {
    return Diverged("training diverged at step " + std::to_string(steps_done_) + ": " + what +
                        " is " + std::to_string(value),
                    steps_done_, value, "lower the learning rate");
  }

  Model model_;
  StepOptions options_;
  ThreadPool* threads_;
  ParameterList parameters_;
  TrainingMemory<T> memory_;
  Arena arena_;
  Index steps_done_ = 0;
};

}  // namespace octavo
