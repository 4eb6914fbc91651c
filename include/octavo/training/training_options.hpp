// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>
#include <octavo/parallel/sum_tree.hpp>
#include <octavo/tensor/builder.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/name_patterns.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/diloco_options.hpp>

namespace OCTAVO_NAMESPACE {

/// All options of training. TrainingStep, TrainingPlan and the functions that size a run ignore the
/// members for the schedule and the evaluations.
struct TrainingOptions {
  Index steps = 1000;    ///< updates in the run
  Index batch = 1;       ///< sequences
  Index sequence = 32;   ///< positions of each
  Index accumulate = 1;  ///< batches per update; 4 x 8 sequences give the bits of 1 x 32
  /// Equal groups of a step's sequences, whose gradients are summed over a fixed tree (SumTree), so
  /// that several processes get the bits of one; must divide the number of sequences.
  Index leaves = 1;
  Index micro_batch = 1;  ///< sequences that go through the model at a time; any number gives the
                          ///< same bits; see leanest_micro_batch
  double learning_rate = 1e-3;
  double min_lr = -1;  ///< at the end of the schedule; negative: a tenth of learning_rate
  Index warmup = 100;  ///< steps
  LearningRateSchedule::Shape schedule = LearningRateSchedule::Shape::cosine;
  double cooldown = 0.4;  ///< share of the steps in which the schedule wsd falls
  AnyOptimizer optimizer = AdamW{};
  /// Decay of a moving average of the weights, such as 0.999, with a warm-up (average_decay);
  /// evaluations and saved models use it. 0: none, and no memory for it.
  double ema = 0;
  double clip = 1.0;     ///< global norm above which gradients are scaled down; 0: never
  double dropout = 0.0;  ///< rate after the embedding and each residual branch
  std::uint64_t seed = 1;
  bool zero_init = false;       ///< matrices that end a residual branch begin as 0
  Index evaluate_every = 0;     ///< steps between evaluations; 0: only at the end
  Index evaluation_tokens = 0;  ///< targets of an evaluation within the run; 0: all
  /// Evaluations without improvement that end a run; 0: never end it. Evaluations at the end of a
  /// run do not count, so it has no effect without evaluate_every.
  Index patience = 0;
  bool stop_at_spike = false;  ///< end the run at a loss spike: see RunState::spiked
  /// Activation checkpointing: save only each block's input, and run the block forward again in the
  /// backward pass. The same bits for a third more work.
  bool recompute = false;
  /// No memory for all gradients: each tensor is updated as soon as its gradient is complete,
  /// clipped by its own norm instead of all tensors' norm.
  bool fused_update = false;
  /// With fused_update: the gradients of token table and head [vocabulary, width] are never whole
  /// in memory. Blocks of their rows are computed after the passes, from logits computed again, and
  /// updated. The same bits for the time of up to three more of the head's products. Not with
  /// several leaves.
  bool recompute_logits = false;
  /// Frozen tensors: they have neither gradients nor moments, and the backward pass stops at the
  /// lowest tensor that trains.
  NamePatterns freeze = {};
  /// Of a model with adapters everything else is frozen, except for these tensors, such as "norm".
  NamePatterns train_too = {};
  Index train_last = 0;  ///< number of last blocks that train; everything before them, including
                         ///< the token table, is frozen; 0: everything trains
  /// Every frozen tensor, except for adapters, is given to the trainer in a base of its own, in
  /// which matrices may stay in the number type of a file; it is neither in the plan nor among
  /// weights().
  bool stored_base = false;
  /// The longest sequence that the model has been trained on before, which files state; less than
  /// `sequence`: that.
  Index trained_length = 0;
  /// The rows of a step are documents one after the other (PackedData): each row stands at a
  /// position of its document, and sees nothing before it. Costs memory for the positions.
  bool packed = false;
  /// Bytes for use between steps, for example to generate samples; shares memory with the steps.
  std::size_t between_steps_bytes = 0;
  /// Processes that share each step, for the sizes of one of them; must divide `leaves`. Changes no
  /// bit.
  Index ranks = 1;
  /// Stage of ZeRO (Rajbhandari et al. 2020) among the processes. 0: each has all of the
  /// optimizer's state. 1: each has a share of it, updates the weights that belong to it, and sends
  /// them to the others. 2: it also keeps the sums of gradients of that share only, and memory for
  /// all gradients of one part of the model at a time; all passes of a step are then in flight
  /// together, as with fused_update. Changes no bit.
  Index zero = 0;
  DilocoOptions diloco = {};  ///< several processes that seldom exchange weights; `ranks` is 1

  /// Whether a tensor trains; see trained_tensors.hpp for `block`. `adapters`: whether the model
  /// has some.
  constexpr bool trains(std::string_view name, Index block, Index layers,
                        bool adapters = false) const {
    if (adapters && !is_adapter(name) && !train_too.matches(name)) return false;
    return (train_last == 0 || block >= layers - train_last) && !freeze.matches(name);
  }

  /// The number of sequences in a step.
  constexpr Index sequences() const noexcept { return batch * accumulate; }
  constexpr Index rows() const noexcept { return sequences() * sequence; }
  /// The number of sequences in a step of all workers of DiLoCo.
  constexpr Index all_sequences() const noexcept { return sequences() * diloco.workers; }
  constexpr SumTree sum_tree() const noexcept { return {leaves, ranks}; }
  /// Whether each process has a share of the optimizer's state.
  constexpr bool shards_state() const noexcept { return zero > 0 && ranks > 1; }
  /// Whether there is memory for all gradients of only one part of the model at a time.
  constexpr bool parts_in_turn() const noexcept { return fused_update || (zero > 1 && ranks > 1); }
  constexpr Index leaf_sequences() const noexcept { return sequences() / leaves; }
  /// The number of sequences in a step of one of the processes.
  constexpr Index rank_sequences() const noexcept { return sequences() / ranks; }
  /// The number of sequences in a pass through the model: micro_batch, or its largest divisor of a
  /// leaf's sequences if there are several leaves, because no pass crosses leaves.
  constexpr Index pass_sequences() const noexcept {
    Index size = std::min(micro_batch, leaf_sequences());
    while (leaves > 1 && leaf_sequences() % size != 0) --size;
    return size;
  }
  /// The number of passes in a step of one of the processes.
  constexpr Index passes() const {
    return (rank_sequences() + pass_sequences() - 1) / pass_sequences();
  }
  constexpr PassShape pass(Index workers) const {
    return {pass_sequences(),
            sequence,
            workers,
            true,
            dropout > 0,
            recompute,
            parts_in_turn() ? passes() : 0};
  }
  /// Whether a block's gradients are used layer by layer: with fused_update, if a step is one pass.
  /// With several passes, each adds to the gradients of the whole block.
  /// So do several processes, which add up the gradients of a whole block.
  constexpr bool layer_by_layer() const { return fused_update && passes() == 1 && ranks == 1; }

  LearningRateSchedule rate() const {
    const FloatEnvironment environment;
    return {schedule, learning_rate, min_lr < 0 ? learning_rate / 10 : min_lr,
            warmup,   steps,         cooldown};
  }
};

/// Calls visit for each field, see base/field.hpp. `Options` is TrainingOptions, const or not.
template <typename Options, typename Visitor>
requires std::same_as<std::remove_const_t<Options>, TrainingOptions>
constexpr void for_each_field(Options& options, Visitor&& visit) {
  constexpr FieldGroup training = FieldGroup::training, run = FieldGroup::run,
                       memory = FieldGroup::memory;
  visit(Field{"steps"}, options.steps, count_range);
  visit(Field{"batch", "", training, "Sequences per batch"}, options.batch, size_range);
  visit(Field{"sequence", "", training, "Positions per sequence"}, options.sequence, size_range);
  visit(Field{"accumulate", "", training, "Batches per step (1)"}, options.accumulate, size_range);
  visit(
      Field{.name = "leaves",
            .group = training,
            .help = "Groups of a step's sequences whose gradients are summed over a fixed tree; N "
                    "processes give the bits of one with equal leaves (1; under mpirun one for "
                    "each sequence of a step)",
            .may_lack = true},
      options.leaves, size_range);
  visit(Field{"learning_rate", "lr", training, "Learning rate"}, options.learning_rate,
        positive_range);
  visit(Field{.name = "minimum_learning_rate",
              .option = "min-lr",
              .group = training,
              .help = "Learning rate at the end of the schedule (a tenth of --lr)",
              .negative_is_default = true},
        options.min_lr, not_negative_range);
  visit(Field{"warmup", "", training, "Steps of linear warm-up (100, at most half the steps)"},
        options.warmup, count_range);
  visit(Field{"schedule", "", training, "constant, linear, cosine or wsd (cosine)"},
        options.schedule);
  visit(Field{.name = "cooldown",
              .group = training,
              .help = "Share of the steps, the last ones, in which the schedule wsd falls (0.4)",
              .may_lack = true},
        options.cooldown, unit_range);
  visit(Field{"optimizer"}, options.optimizer);
  visit(Field{.name = "ema",
              .group = training,
              .help = "Evaluate, sample and save a moving average of the weights with this decay, "
                      "such as 0.999; 0: the weights (0)",
              .may_lack = true},
        options.ema, share_range);
  visit(Field{"clip", "", training, "Largest gradient norm; 0 is no limit (1)"}, options.clip,
        not_negative_range);
  visit(Field{"dropout", "", training, "Dropout rate (0)"}, options.dropout, share_range);
  visit(Field{"seed", "", training, "Equal seeds give equal results, bit for bit (1)"},
        options.seed);
  visit(Field{.name = "zero_init",
              .option = "zero-init",
              .group = training,
              .help = "Matrices that end a residual branch begin as 0",
              .may_lack = true},
        options.zero_init);
  visit(Field{"evaluate_every", "eval-every", run,
              "Steps between evaluations; 0: only at the end (500)"},
        options.evaluate_every, count_range);
  visit(Field{.name = "evaluation_tokens",
              .option = "eval-tokens",
              .group = run,
              .help = "Tokens of the validation text per evaluation before the last, evenly spread "
                      "over it; 0: all (as many as take a tenth of the training's arithmetic, at "
                      "least 1024)",
              .may_lack = true,
              .zero = "all"},
        options.evaluation_tokens, count_range);
  visit(Field{"patience", "", run,
              "End the run after N evaluations without a better one; 0: never "
              "(0)"},
        options.patience, count_range);
  visit(
      Field{"stop_at_spike", "rollback", run,
            "After a loss spike (moving average of 16 steps twice its lowest and 0.5 above it) or "
            "a loss that is not finite go back to the newest multiple of 50 steps that is 16 "
            "steps older, never to the same one twice, and halve the learning rate; saves at these "
            "steps"},
      options.stop_at_spike);
  visit(Field{.name = "micro_batch",
              .option = "micro-batch",
              .group = memory,
              .help = "Sequences that go through the model at a time; any number gives the same "
                      "bits (1, or all of a step if that needs no more memory)",
              .stored = false},
        options.micro_batch, size_range);
  visit(Field{.name = "recompute",
              .group = memory,
              .help = "Run each block again in backward instead of saving its activations; same "
                      "bits, a fifth slower",
              .stored = false},
        options.recompute);
  visit(
      Field{.name = "recompute_logits",
            .option = "recompute-logits",
            .group = memory,
            .help = "With --fused-update: compute the gradients of token table and head in blocks "
                    "of rows, so that they are never whole in memory; same bits, slower",
            .stored = false},
      options.recompute_logits);
  visit(Field{.name = "freeze",
              .group = training,
              .help = "Tensors whose names contain this are frozen: patterns with commas between "
                      "them, * for any letters",
              .may_lack = true},
        options.freeze);
  visit(Field{.name = "train_too",
              .option = "lora-train-too",
              .group = FieldGroup::lora,
              .help = "Tensors that train besides the adapters, such as norm,embedding: patterns "
                      "as in --freeze",
              .may_lack = true,
              .omits_zero = true},
        options.train_too);
  visit(Field{.name = "stored_base", .may_lack = true, .omits_zero = true}, options.stored_base);
  visit(Field{.name = "train_last",
              .option = "train-last",
              .group = training,
              .help = "Train only the last N blocks, final norm and head; 0: all (0)",
              .may_lack = true,
              .zero = "all"},
        options.train_last, count_range);
  visit(Field{.name = "zero",
              .group = memory,
              .help = "Stage of ZeRO among the processes of mpirun: 1: each has a share of the "
                      "optimizer's state; 2: and of the gradients; same bits (0)",
              .stored = false},
        options.zero, WholeRange{0, 2});
  visit_diloco(options.diloco, visit);
  visit(Field{"fused_update", "fused-update", memory,
              "Update each tensor as soon as its gradient is complete, clipped by its own norm"},
        options.fused_update);
}

/// Whether TrainingOptions::recompute_logits is possible.
constexpr bool can_recompute_logits(const TrainingOptions& options) noexcept {
  return options.fused_update && options.leaves == 1 &&
         options.optimizer.shard_block() != shard_block::none;
}

/// ConfigError unless a step has 1 to 2^31 - 1 positions.
constexpr void check_step(const TrainingOptions& options) {
  check_setting("batch", options.batch, size_range);
  check_setting("sequence", options.sequence, size_range);
  check_setting("accumulate", options.accumulate, size_range);
  check_setting("micro_batch", options.micro_batch, size_range);
  const bool fits = options.accumulate <= size_range.most / options.batch &&
                    options.sequence <= size_range.most / options.sequences();
  require(fits, "batch x accumulate x sequence: expected at most 2^31 - 1 positions in a step");
  check_setting("leaves", options.leaves, size_range);
  check_setting("ranks", options.ranks, size_range);
  require(options.sequences() % options.leaves == 0, [&] {
    return detail::concat({"leaves: got ", options.leaves, ", which does not divide the step's ",
                           options.sequences(), " sequences"});
  });
  require(options.leaves % options.ranks == 0, [&] {
    return detail::concat({"leaves: got ", options.leaves, ", which cannot be dealt evenly to ",
                           options.ranks, " processes"});
  });
  check_diloco(options);
  require(!options.shards_state() || options.optimizer.shard_block() != shard_block::none, [&] {
    return detail::concat({"zero: the state of the optimizer ", name_of(options.optimizer),
                           " cannot be divided among processes"});
  });
  if (!options.recompute_logits) return;
  require(options.fused_update,
          "recompute_logits: expected fused_update, because without it all gradients are kept");
  require(options.leaves == 1, [&] {
    return detail::concat({"recompute_logits: got ", options.leaves,
                           " leaves, expected 1: the gradients of leaves are added up as a whole"});
  });
  require(can_recompute_logits(options), [&] {
    return detail::concat({"recompute_logits: the optimizer ", name_of(options.optimizer),
                           " cannot update a part of a table"});
  });
}

namespace detail {

template <Scalar T>
void check_rate(double learning_rate) {
  require(std::isfinite(learning_rate) &&
              learning_rate <= static_cast<double>(std::numeric_limits<T>::max()),
          "learning rate: expected a finite number of the weights' scalar type");
}

}  // namespace detail

/// ConfigError naming the first option that is out of its range for a model of numbers T.
template <Scalar T>
OCTAVO_SETUP void check_options(const TrainingOptions& options) {
  for_each_field(options, FieldCheck{});
  check_step(options);
  check_schedule(options.rate());
  detail::check_rate<T>(options.learning_rate);
  check_optimizer<T>(options.optimizer);
}

}  // namespace OCTAVO_NAMESPACE
