// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/training/diloco_options.hpp>
#include <octavo/training/outer_step.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/worker_roll.hpp>

namespace OCTAVO_NAMESPACE {

/// The ends of the rounds of a DiLoCo run on one of its processes. All of them call the same
/// members.
template <Scalar T>
class OuterRounds {
 public:
  /// ranks: null: this process alone. Begins the first round.
  OuterRounds(const OuterStep<T>& step, Ranks* ranks, const DilocoOptions& options)
      : step_(step), ranks_(ranks) {
    const double wait = options.wait_seconds > 0 ? options.wait_seconds : -1.0;
    if (ranks != nullptr) roll_.emplace(*ranks, wait);
    step_.begin();
  }

  bool is_first() const noexcept { return ranks_ == nullptr || ranks_->rank() == 0; }

  /// Ends a round: all processes that are in time have the new weights. A late one takes over the
  /// weights and steps of the others. Returns the steps done. `asked`: whether this process is
  /// asked to end the run; last: whether it is the run's last round, which waits for all.
  OCTAVO_SETUP Index finish(Index steps_done, bool asked, bool last) {
    asked_ = asked;
    if (!roll_) {
      step_.finish(nullptr, {});
      return steps_done;
    }
    roll_->call(steps_done, asked, last);
    if (roll_->part() == WorkerRoll::Part::present) step_.finish(ranks_, roll_->present());
    send_to_late();
    return steps_done;
  }

  /// On the first process: whether any is asked to end the run.
  bool asked() const noexcept { return roll_ ? roll_->asked() : asked_; }

  /// What the first process says at the end of a round to all; anything but `StopReason::finished`
  /// ends the run.
  OCTAVO_SETUP StopReason agree(StopReason reason) {
    if (!roll_) return reason;
    if (is_first() && reason != StopReason::finished) {
      roll_->wait_for_absent([&](Index late) { step_.send(*ranks_, late); });
    }
    return roll_->agree(reason);
  }

 private:
  void send_to_late() {
    if (!is_first()) {
      if (roll_->part() == WorkerRoll::Part::joining) step_.receive(*ranks_, 0);
      return;
    }
    roll_->for_each_other(false, [&](Index late) { step_.send(*ranks_, late); });
  }

  OuterStep<T> step_;
  Ranks* ranks_;
  std::optional<WorkerRoll> roll_;
  bool asked_ = false;
};

/// The run of a trainer with TrainingOptions::diloco. evaluate(done) runs on the first process at
/// the end of a round, where all have the same weights. A run that is out of patience when it is
/// resumed takes no step on any process.
template <typename Trainer, typename Data, typename Callbacks, typename Evaluate>
OCTAVO_SETUP StopReason run_rounds(Trainer& trainer, Ranks* workers, const Data& train,
                                   const Callbacks& callbacks, Evaluate evaluate) {
  const Index steps = trainer.options().steps, round = trainer.options().diloco.steps;
  const auto by_patience = [&] {
    const bool ends = trainer.state().out_of_patience(trainer.options().patience);
    return ends ? StopReason::patience : StopReason::finished;
  };
  OuterRounds rounds(trainer.training_step().outer_step(), workers, trainer.options().diloco);
  StopReason reason = rounds.agree(by_patience());
  while (trainer.state().steps_done < steps && reason == StopReason::finished) {
    const Index end = std::min(steps, (trainer.state().steps_done / round + 1) * round);
    while (trainer.state().steps_done < end) {
      const StepResult taken = trainer.step(train);
      if (callbacks.step) callbacks.step(taken);
      if (taken.step + 1 < end && callbacks.completed) callbacks.completed(taken.step + 1);
    }
    RunState state = trainer.state();
    state.steps_done = rounds.finish(end, callbacks.stop && callbacks.stop(), end == steps);
    trainer.set_state(state);
    if (rounds.is_first()) evaluate(end), reason = by_patience();
    if (callbacks.completed) callbacks.completed(state.steps_done);
    if (rounds.is_first() && rounds.asked()) reason = StopReason::asked;
    reason = rounds.agree(reason);
  }
  return reason;
}

}  // namespace OCTAVO_NAMESPACE
