// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/transformer/transformer.hpp>

namespace octavo {

/// What one training step works on.
struct StepShape {
  Index batch = 1;        ///< sequences
  Index sequence = 32;    ///< positions of each
  Index accumulate = 1;   ///< batches per update; 4 x 8 sequences give the bits of 1 x 32
  Index micro_batch = 1;  ///< sequences that go through the model at a time; any number gives the
                          ///< same bits, fewer need less memory

  constexpr Index sequences() const noexcept { return batch * accumulate; }
  constexpr Index rows() const noexcept { return sequences() * sequence; }
  friend constexpr bool operator==(const StepShape&, const StepShape&) = default;
};

/// Everything about a run's memory that is no size of the model.
struct TrainingMemoryOptions {
  StepShape step;
  Index workers = 1;
  Index optimizer_state = AdamW::state_per_parameter;  ///< numbers per parameter
  bool dropout = false;
};

constexpr void check_step(const StepShape& step) {
  require(step.batch > 0, "batch: expected at least 1 sequence");
  require(step.sequence > 0, "sequence: expected at least 1 position");
  require(step.accumulate > 0, "accumulate: expected at least 1 batch");
  require(step.micro_batch > 0, "micro-batch: expected at least 1 sequence");
}

/// The whole of a training run as bookings: the model's pass, and what lives around it.
template <Scalar T>
struct TrainingMemory {
  Booking<T> weights;
  Booking<T> gradients;
  Booking<T> optimizer_state;
  Booking<T> losses;               ///< one per row of the step
  Booking<T> embedding_gradients;  ///< of all rows of the step; tied models only
  Booking<Token> inputs;
  Booking<Token> targets;
  Booking<double> norm_partials;

  template <typename Model>
  static constexpr TrainingMemory book(MemoryPlan& plan, Model& model,
                                       const TrainingMemoryOptions& options) {
    check_step(options.step);
    const Index parameters = model.parameter_count();
    const Index rows = options.step.rows();
    const auto always = [&]<typename U>(std::type_identity<U>, const char* name, MemoryKind kind,
                                        Index count) {
      return plan.book<U>("run", name, kind, count, phase::always);
    };
    constexpr std::type_identity<T> number;
    constexpr std::type_identity<Token> token;
    TrainingMemory memory;
    memory.weights = always(number, "weights", MemoryKind::parameters, parameters);
    memory.gradients = always(number, "gradients", MemoryKind::gradients, parameters);
    memory.optimizer_state = always(number, "optimizer state", MemoryKind::optimizer_state,
                                    parameters * options.optimizer_state);
    memory.inputs = always(token, "inputs", MemoryKind::data, rows);
    memory.targets = always(token, "targets", MemoryKind::data, rows);
    memory.losses = always(number, "losses", MemoryKind::data, rows);
    if (model.shape().tied) {
      memory.embedding_gradients = plan.book<T>("run", "embedding gradients", MemoryKind::saved,
                                                rows * model.shape().width, phase::passes);
    }
    memory.norm_partials =
        plan.book<double>("run", "norm partials", MemoryKind::scratch,
                          global_norm_partials(parameters), {phase::update, phase::update});
    model.book(plan, {std::min(options.step.micro_batch, options.step.sequences()),
                      options.step.sequence, options.workers, true, options.dropout});
    return memory;
  }
};

/// The bytes of the one block in which a model of that shape trains: weights, gradients, optimizer
/// state, everything kept and all scratch, to the byte. Usable in static_assert.
template <Scalar T>
constexpr std::size_t training_bytes(const ModelShape& shape,
                                     const TrainingMemoryOptions& options) {
  Transformer<T> model{RuntimeConfig(shape)};
  MemoryPlan plan;
  TrainingMemory<T>::book(plan, model, options);
  plan.place();
  return plan.total_bytes();
}

/// The same for the shape of a step, on one worker with AdamW:
/// `training_bytes<float>(shape, {.batch = 1, .sequence = 32})`.
template <Scalar T>
constexpr std::size_t training_bytes(const ModelShape& shape, const StepShape& step) {
  return training_bytes<T>(shape, TrainingMemoryOptions{.step = step});
}

}  // namespace octavo
