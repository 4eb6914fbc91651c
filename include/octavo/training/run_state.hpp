// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The progress of a run. Together with the weights and the optimizer's state it resumes a run bit
/// for bit. (Batches and dropout are functions of seed and step.)
struct RunState {
  Index steps_done = 0;
  double lr_scale = 1;  ///< multiplies the schedule's learning rate; rollbacks lower it

  double best_validation = std::numeric_limits<double>::infinity();
  Index best_step = 0;               ///< steps done when best_validation was measured
  Index evaluations_since_best = 0;  ///< since the best one

  double average_loss = 0;  ///< moving average over about the last 16 steps
  double lowest_average = std::numeric_limits<double>::infinity();

  void observe_loss(double loss) noexcept {
    ++steps_done;
    average_loss = steps_done == 1 ? loss : average_loss + (loss - average_loss) / 16;
    lowest_average = std::min(lowest_average, average_loss);
  }

  /// Whether there is a loss spike: the moving average is more than twice its lowest value, and
  /// more than 0.5 above it.
  bool spiked() const noexcept {
    return average_loss > 2 * lowest_average && average_loss > lowest_average + 0.5;
  }

  /// Records a validation loss; returns whether it is the best so far.
  bool observe_validation(double loss) noexcept {
    const bool better = loss < best_validation;
    if (better) {
      best_validation = loss;
      best_step = steps_done;
    }
    evaluations_since_best = better ? 0 : evaluations_since_best + 1;
    return better;
  }

  /// Whether validation has not improved for `patience` evaluations. 0: never.
  bool out_of_patience(Index patience) const noexcept {
    return patience > 0 && evaluations_since_best >= patience;
  }

  friend bool operator==(const RunState&, const RunState&) = default;
};

/// ConfigError unless a run can have this state.
inline void check_state(const RunState& state) {
  const Index done = state.steps_done;
  require(done >= 0 && done < Index{1} << 62, "run state: expected steps_done from 0 to 2^62 - 1");
  require(state.lr_scale >= 0 && state.lr_scale <= 1,
          "run state: expected an lr_scale from 0 to 1");
  require(state.best_step >= 0 && state.best_step <= done && state.evaluations_since_best >= 0 &&
              state.evaluations_since_best <= done,
          "run state: expected best_step and evaluations_since_best from 0 to steps_done");
  require(std::isfinite(state.average_loss) && !std::isnan(state.lowest_average) &&
              !std::isnan(state.best_validation),
          "run state: expected losses that are numbers");
}

/// The result of a step.
struct StepResult {
  Index step = 0;            ///< counted from 0
  double loss = 0;           ///< mean over the targets that are not ignored, before the update
  double gradient_norm = 0;  ///< of all tensors that train, before clipping
  double learning_rate = 0;
};

/// Why a run ended.
enum class StopReason {
  finished,  ///< all steps are done
  asked,     ///< by TrainingCallbacks::stop
  patience,  ///< validation has not improved for `patience` evaluations
  spike,     ///< see RunState::spiked
};

/// How a run ended.
struct RunResult {
  StopReason reason = StopReason::finished;
  /// The last validation loss; for a finished run, over the whole validation text. NaN: none.
  double validation_loss = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace OCTAVO_NAMESPACE
