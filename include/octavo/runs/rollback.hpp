// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/checkpoint/rollback_target.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/run_saver.hpp>
#include <octavo/training/run_state.hpp>

namespace OCTAVO_NAMESPACE {

/// Returns `trainer` to an earlier checkpoint of its run, halves the learning rate, and reports it.
/// `why`: the reason, such as "loss spike". Diverged if there is no such checkpoint, or after ten
/// rollbacks.
template <typename Trainer>
void roll_back(Trainer& trainer, RunSaver<Trainer>& saver, const std::string& why) {
  const RunState before = trainer.state();
  const double factor = before.lr_scale / 2;
  const bool again = factor >= 1.0 / 1024;
  const std::optional<NamedCheckpoint> target = again ? saver.rollback_target() : std::nullopt;
  if (!target) {
    throw Diverged(
        detail::concat({"training diverged at step ", before.steps_done, ": ", why,
                        again ? ", and there is no checkpoint to go back to"
                              : ", and ten rollbacks have not helped"}),
        before.steps_done, before.average_loss,
        again ? detail::concat({"a rollback goes to a multiple of ", rollback_interval, " steps, ",
                                rollback_age,
                                " or more before the spike, and to none twice; lower the learning "
                                "rate"})
              : "lower the learning rate");
  }
  ResumedRun(target->path, {}, saver.kinds()).file().load(trainer);
  saver.went_back(*target);
  RunState state = trainer.state();
  state.lr_scale = factor;
  trainer.set_state(state);
  saver.callbacks().message(detail::concat({"step ", before.steps_done, ": ", why, "; back to ",
                                            target->path, ", learning rate times ",
                                            FormattedNumber::general(factor, 6), " from now on"}));
}

/// Calls run(), which trains and returns a RunResult, until it ends for good. With
/// SaveOptions::rollback, after a spike or a loss that is not finite the trainer returns to an
/// earlier checkpoint: see roll_back(). Otherwise Diverged is thrown and names the last checkpoint.
template <typename Trainer, typename Run>
RunResult run_with_rollbacks(Trainer& trainer, RunSaver<Trainer>& saver, Run run) {
  for (;;) {
    std::string why = "loss spike";
    try {
      const RunResult result = run();
      if (result.reason != StopReason::spike) return result;
    } catch (const Diverged& error) {
      if (!saver.options().rollback) {
        throw Diverged(error.what(), error.step(), error.loss(),
                       saver.last().empty()
                           ? error.hint()
                           : detail::concat({"the last good checkpoint is ", saver.last(),
                                             "; lower the learning rate, or resume with "
                                             "rollbacks"}));
      }
      why = error.what();
    }
    roll_back(trainer, saver, why);
  }
}

}  // namespace OCTAVO_NAMESPACE
