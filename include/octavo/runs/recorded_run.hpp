// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <functional>
#include <string>

#include <octavo/base/error.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/runs/rollback.hpp>
#include <octavo/runs/run_log.hpp>
#include <octavo/runs/run_saver.hpp>
#include <octavo/training/evaluation_windows.hpp>
#include <octavo/training/trainer.hpp>

namespace OCTAVO_NAMESPACE {

/// Options of a recorded run besides training, saving and logging. Every member may be empty.
struct RecordedRunOptions {
  Index sample_every = 0;  ///< steps between samples; 0: none
  /// Makes a sample after `done` steps; an empty one is not recorded.
  std::function<std::string(Index done)> sample = {};
  /// Called after each step, when the log has it, to show progress.
  std::function<void(const StepResult&)> step = {};
  /// Called before every step; true ends the run.
  std::function<bool()> stop = {};
  /// Called after each interval of steps and each evaluation, to release memory that they touched,
  /// such as pages of a mapped text.
  Index release_every = 0;
  std::function<void()> release = {};
};

/// Trains to the end, or until `options.stop` returns true. Saves when due, keeps the best model,
/// goes back after a spike if SaveOptions::rollback is set, and records everything in `log`,
/// including the page at each save and evaluation. The caller writes the last page and does the
/// last save: see RunLog::report and RunSaver::finish. `trainer`, `saver` and `log` must belong to
/// the same run. Throws what Trainer::run, the saver and the log throw.
/// `tokens`: a TokenSplit, or a PackedSplit.
template <typename Trainer, typename Split>
RunResult run_recorded(Trainer& trainer, RunSaver<Trainer>& saver, RunLog& log,
                       const ThreadPool& threads, const Split& tokens,
                       const RecordedRunOptions& options = {}) {
  using Stage = RunReport::Stage;
  const auto report = [&](Stage stage) {
    saver.check_folder();
    log.report(stage, trainer.state(), saver.newest_model());
  };
  bool evaluated = false;
  TrainingCallbacks callbacks;
  callbacks.step = [&](const StepResult& result) {
    log.step(result);
    if (options.step) options.step(result);
    log.threads(threads, trainer.training_step().threads_in_use());
    const Index done = result.step + 1;
    if (options.sample_every == 0 || done % options.sample_every != 0 || !options.sample) return;
    if (const std::string text = options.sample(done); !text.empty()) log.sample(done, text);
  };
  callbacks.evaluation = [&](Index done, double loss) {
    const bool best = trainer.state().best_step == done;
    log.evaluation(done, loss, best);
    if (best) saver.best();
    evaluated = true;
    if (options.release) options.release();
    saver.callbacks().paused();
  };
  callbacks.completed = [&](Index done) {
    const bool due = saver.is_due(done);
    if (due || evaluated) saver.check_folder();
    if (due) log.saved();
    saver.step(done);
    if (due || evaluated) report(Stage::running);
    evaluated = false;
    const bool release = options.release_every > 0 && done % options.release_every == 0;
    if (release && options.release) options.release();
    log.completed();
  };
  callbacks.stop = options.stop;
  try {
    const RunResult result = run_with_rollbacks(trainer, saver, [&] {
      log.begin(trainer.state().steps_done, saver.folder(), saver.goes_on_there());
      return trainer.run(tokens.train, tokens.validation, callbacks);
    });
    saver.check_folder();
    log.finish();
    const Index targets = evaluation_targets(tokens.validation);
    const TrainingOptions& training = trainer.options();
    if (!std::isnan(result.validation_loss) && training.evaluate_every > 0 &&
        trainer.state().steps_done == training.steps &&
        EvaluationWindows(targets, training.sequence, training.evaluation_tokens).is_sample()) {
      log.whole_evaluation(result.validation_loss, targets);
    }
    return result;
  } catch (const Diverged&) {
    report(Stage::diverged);
    throw;
  }
}

}  // namespace OCTAVO_NAMESPACE
