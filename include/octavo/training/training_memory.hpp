// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// What one training step works on.
struct StepShape {
  Index batch = 1;        ///< sequences
  Index sequence = 32;    ///< positions of each
  Index accumulate = 1;   ///< batches per update; 4 x 8 sequences give the bits of 1 x 32
  Index micro_batch = 1;  ///< sequences that go through the model at a time; any number gives the
                          ///< same bits; see leanest_micro_batch

  constexpr Index sequences() const noexcept { return batch * accumulate; }
  constexpr Index rows() const noexcept { return sequences() * sequence; }
  friend constexpr bool operator==(const StepShape&, const StepShape&) = default;
};

/// Options that affect memory, apart from the model's sizes.
struct TrainingMemoryOptions {
  StepShape step;
  Index workers = 1;
  AnyOptimizer optimizer = AdamW{};
  bool dropout = false;
  /// Keep each block's input alone and run the block again on the way back: the same bits, for a
  /// third more work.
  bool recompute = false;
  /// No memory for all gradients: each tensor is updated as soon as its gradient is complete,
  /// clipped by its own norm instead of all tensors' norm.
  bool fused_update = false;
  /// Wanted between steps, for samples that are generated there; shares memory with the steps.
  std::size_t between_steps_bytes = 0;

  /// How often a step goes through the model.
  constexpr Index passes() const {
    const Index at_once = std::min(step.micro_batch, step.sequences());
    return (step.sequences() + at_once - 1) / at_once;
  }
  constexpr PassShape pass() const {
    return {std::min(step.micro_batch, step.sequences()),
            step.sequence,
            workers,
            true,
            dropout,
            recompute,
            fused_update ? passes() : 0};
  }
  /// With fused_update a block's gradients are used up layer by layer where a step is one pass:
  /// with more, each of them adds to all of the block's.
  constexpr bool layer_by_layer() const { return fused_update && pass().passes_in_flight == 1; }
};

constexpr void check_step(const StepShape& step) {
  require(step.batch > 0, "batch: expected at least 1 sequence");
  require(step.sequence > 0, "sequence: expected at least 1 position");
  require(step.accumulate > 0, "accumulate: expected at least 1 batch");
  require(step.micro_batch > 0, "micro-batch: expected at least 1 sequence");
  constexpr Index most = (Index{1} << 31) - 1;
  const bool fits = step.batch <= most && step.accumulate <= most / step.batch &&
                    step.sequence <= most / step.sequences();
  require(fits, "batch x accumulate x sequence: expected at most 2^31 - 1 positions in a step");
}

/// The whole of a training run as bookings: the model's passes, and what lives around them.
template <Scalar T>
struct TrainingMemory {
  Booking<T> weights;
  Booking<T> gradients;  ///< of all parameters; none with fused_update, but:
  /// of one part at a time; of a block's layers one at a time, where that is possible
  Booking<T> embedding_gradient, block_gradient, end_gradient;
  Booking<std::byte> optimizer_state;
  Booking<T> losses;               ///< one per row of the step
  Booking<T> embedding_gradients;  ///< of all rows of the step; tied models only
  Booking<Token> inputs;
  Booking<Token> targets;
  Booking<double> norm_partials;
  Booking<std::byte> between_steps;

  template <typename Model>
  static constexpr TrainingMemory book(MemoryPlan& plan, const Model& model,
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
    memory.optimizer_state =
        always(std::type_identity<std::byte>{}, "optimizer state", MemoryKind::optimizer_state,
               static_cast<Index>(
                   optimizer_state_bytes<T>(options.optimizer, parameters, model.tensor_count())));
    memory.inputs = always(token, "inputs", MemoryKind::data, rows);
    memory.targets = always(token, "targets", MemoryKind::data, rows);
    memory.losses = always(number, "losses", MemoryKind::data, rows);
    if (options.fused_update) {
      memory.book_part_gradients(plan, model, options);
    } else {
      memory.gradients = always(number, "gradients", MemoryKind::gradients, parameters);
      memory.norm_partials =
          plan.book<double>("run", "norm partials", MemoryKind::scratch,
                            global_norm_partials(parameters), {phase::update, phase::update});
      if (model.shape().tied) {
        memory.embedding_gradients = plan.book<T>("run", "embedding gradients", MemoryKind::saved,
                                                  rows * model.shape().width, phase::passes);
      }
    }
    memory.between_steps = plan.book<std::byte>("run", "between steps", MemoryKind::cache,
                                                static_cast<Index>(options.between_steps_bytes),
                                                {phase::between_steps, phase::between_steps});
    return memory;
  }

 private:
  /// One part's gradients at a time. What the head feeds is set to zero before the first pass.
  template <typename Model>
  constexpr void book_part_gradients(MemoryPlan& plan, const Model& model,
                                     const TrainingMemoryOptions& options) {
    const int tables = model.shape().tied ? phase::embed_forward : phase::embed_backward;
    const bool layers = options.layer_by_layer();
    // Blocks that run again for several passes do so while their gradients are being made.
    const int block =
        options.recompute && !layers ? phase::attention_forward : phase::feed_forward_backward;
    const auto part = [&](const char* name, Index count, Lifetime lifetime) {
      return plan.book<T>("run", name, MemoryKind::gradients, count, lifetime);
    };
    embedding_gradient = part("embedding's gradient", model.embedding_range().count,
                              {tables, phase::embed_backward});
    block_gradient = part(layers ? "a layer's gradient" : "a block's gradient",
                          layers ? model.block_table().turn_count() : model.block_range(0).count,
                          {block, phase::attention_backward});
    end_gradient =
        part("head's gradient", model.end_range().count, {phase::embed_forward, phase::head});
    const Index most = std::max(
        {model.embedding_range().count, model.block_range(0).count, model.end_range().count});
    norm_partials = plan.book<double>("run", "norm partials", MemoryKind::scratch,
                                      global_norm_partials(most), phase::passes);
  }
};

/// A model, built for training with those options, and the plan of the one block of memory in which
/// it trains.
template <typename Model>
struct TrainingPlan {
  using T = typename Model::Value;

  constexpr TrainingPlan(const typename Model::Configuration& config,
                         const TrainingMemoryOptions& options)
      : memory(TrainingMemory<T>::book(plan, Model(config), options)),
        model(config, plan, options.pass(),
              options.passes() == 1 ? memory.gradients : Booking<T>{}) {
    plan.place();
  }

  MemoryPlan plan;
  TrainingMemory<T> memory;
  Model model;
};

/// The bytes of the one block in which a model trains: weights, gradients, optimizer state, saved
/// activations and all scratch, to the byte. Usable in static_assert. For a model of the user's:
/// `training_bytes<Transformer<float, RuntimeConfig, MyBlock<float>>>(shape, options)`.
template <typename Model>
constexpr std::size_t training_bytes(const typename Model::Configuration& config,
                                     const TrainingMemoryOptions& options) {
  return TrainingPlan<Model>(config, options).plan.total_bytes();
}

/// The same for a step on one worker with AdamW:
/// `training_bytes<Model>(shape, {.batch = 1, .sequence = 32})`.
template <typename Model>
constexpr std::size_t training_bytes(const typename Model::Configuration& config,
                                     const StepShape& step) {
  return training_bytes<Model>(config, TrainingMemoryOptions{.step = step});
}

/// The same for Transformer<T>: `training_bytes<float>(shape, options)`.
template <Scalar T>
constexpr std::size_t training_bytes(const ModelShape& shape,
                                     const TrainingMemoryOptions& options) {
  return training_bytes<Transformer<T>>(RuntimeConfig(shape), options);
}
template <Scalar T>
constexpr std::size_t training_bytes(const ModelShape& shape, const StepShape& step) {
  return training_bytes<Transformer<T>>(RuntimeConfig(shape), step);
}

/// The micro-batch of a step that needs least memory: one sequence, or all of them where that needs
/// no more, as in models that are large beside their batches (see Transformer). All at once are
/// then faster as well.
template <typename Model>
[[nodiscard]] constexpr Index leanest_micro_batch(const typename Model::Configuration& config,
                                                  TrainingMemoryOptions options) {
  options.step.micro_batch = 1;
  const std::size_t one = training_bytes<Model>(config, options);
  options.step.micro_batch = options.step.sequences();
  return training_bytes<Model>(config, options) <= one ? options.step.micro_batch : 1;
}
template <Scalar T>
[[nodiscard]] constexpr Index leanest_micro_batch(const ModelShape& shape,
                                                  const TrainingMemoryOptions& options) {
  return leanest_micro_batch<Transformer<T>>(RuntimeConfig(shape), options);
}

}  // namespace OCTAVO_NAMESPACE
