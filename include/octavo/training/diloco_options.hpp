// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>

namespace OCTAVO_NAMESPACE {

/// DiLoCo (Douillard et al. 2023): processes train the same model, each on its own batches, and
/// only every `steps` steps get a mean of their weights, by Nesterov's momentum: see OuterStep.
struct DilocoOptions {
  Index steps = 0;    ///< of a round; 0: no DiLoCo, the processes share each step
  Index workers = 1;  ///< processes
  double learning_rate = 0.7;
  double momentum = 0.9;
  /// Processes send differences to the weights of the round's beginning as integers of 8 bits, with
  /// a scale for each block of 256, instead of weights.
  bool eight_bit = false;
  /// How long the first process waits at a round's end for others, which are then left out of its
  /// mean; 0: until all are there.
  double wait_seconds = 0;

  constexpr bool on() const noexcept { return steps > 0; }
  /// The next number of whole rounds.
  constexpr Index rounded_up(Index any_steps) const noexcept {
    return (any_steps / steps + (any_steps % steps > 0 ? 1 : 0)) * steps;
  }
  friend constexpr bool operator==(const DilocoOptions&, const DilocoOptions&) = default;
};

/// Part of for_each_field of TrainingOptions.
template <typename Options, typename Visitor>
constexpr void visit_diloco(Options& options, Visitor&& visit) {
  constexpr FieldGroup training = FieldGroup::training;
  visit(Field{.name = "diloco",
              .group = training,
              .help = "Steps that each process of mpirun takes on batches of its own before all "
                      "get a mean of their weights; 0: they share each step (0)",
              .may_lack = true,
              .omits_zero = true},
        options.steps, count_range);
  visit(Field{.name = "outer_learning_rate",
              .option = "outer-lr",
              .group = training,
              .help = "Learning rate towards that mean, with --diloco (0.7)",
              .stored = options.on()},
        options.learning_rate, not_negative_range);
  visit(Field{.name = "outer_momentum",
              .option = "outer-momentum",
              .group = training,
              .help = "Nesterov's momentum towards that mean (0.9)",
              .stored = options.on()},
        options.momentum, share_range);
  visit(Field{.name = "outer_8bit",
              .option = "outer-8bit",
              .group = training,
              .help = "Processes send 8 bits of each number, with --diloco",
              .stored = options.on()},
        options.eight_bit);
  visit(Field{.name = "wait_seconds",
              .option = "outer-wait",
              .group = training,
              .help = "Seconds after which a process that is late is left out of a mean; 0: never "
                      "(0)",
              .stored = false},
        options.wait_seconds, not_negative_range);
}

/// ConfigError if other options do not fit. `Options` is TrainingOptions.
template <typename Options>
constexpr void check_diloco(const Options& options) {
  if (!options.diloco.on()) return;
  check_setting("workers", options.diloco.workers, size_range);
  require(options.ranks == 1, "diloco: the processes do not share steps: leave ranks at 1");
  require(options.zero == 0,
          "diloco: each process has all of the optimizer's state: leave out zero");
  require(options.ema == 0, "diloco: processes have no common moving average: leave out ema");
  require(!options.stop_at_spike, "diloco: processes cannot go back together: leave out rollback");
  require(options.evaluate_every % options.diloco.steps == 0, [&] {
    return detail::concat({"evaluate_every: got ", options.evaluate_every,
                           ", expected a multiple of diloco, ", options.diloco.steps,
                           ": the processes have equal weights only then"});
  });
}

}  // namespace OCTAVO_NAMESPACE
