// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include <octavo/base/float_environment.hpp>
#include <octavo/data/batch_sampler.hpp>
#include <octavo/data/packed_data.hpp>
#include <octavo/data/shuffled_rows.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/fwd.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>
#include <octavo/training/evaluation_losses.hpp>
#include <octavo/training/evaluation_windows.hpp>
#include <octavo/training/outer_rounds.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/training/whole_state.hpp>

namespace OCTAVO_NAMESPACE {

/// Functions that a run calls. Every member may be empty.
struct TrainingCallbacks {
  /// Called after every step.
  std::function<void(const StepResult&)> step = {};
  /// Called after every evaluation with the steps done and the mean validation loss, which is that
  /// of a sample if TrainingOptions::evaluation_tokens is set. RunResult has the loss of the whole
  /// text.
  std::function<void(Index, double)> evaluation = {};
  /// Called after every step and its evaluation, if any, with the steps done. A run that is saved
  /// here resumes bit for bit; with several processes the first one saves.
  std::function<void(Index)> completed = {};
  /// Called before every step, on the thread that called run(); true ends the run. With a
  /// std::stop_token: `.stop = [token] { return token.stop_requested(); }`.
  std::function<bool()> stop = {};
};

/// A training run: draws batches, follows the learning-rate schedule, evaluates, and stops when
/// asked. Owns its one block of memory; steps and evaluations make no heap call. Move-only.
template <Scalar T, typename Config, typename Part>
class Trainer {
 public:
  using Model = Transformer<T, Config, Part>;

  /// `threads` must outlive the trainer.
  Trainer(const Model& model, const TrainingOptions& options, ThreadPool& threads);

  /// As above, from a configuration: `Trainer<float> trainer({.vocabulary = 35, ...}, options,
  /// threads)`.
  Trainer(const Config& config, const TrainingOptions& options, ThreadPool& threads);

  /// As above, in memory of the caller: at least training_bytes, aligned to 64 bytes.
  Trainer(const Model& model, const TrainingOptions& options, ThreadPool& threads,
          std::span<std::byte> memory);

  /// With a base that stays in the types of its file: see TrainingStep. `Trainer<float>
  /// trainer(config, options, threads, base.parameters())`, with StoredWeights<float> base.
  Trainer(const Model& model, const TrainingOptions& options, ThreadPool& threads,
          std::span<const Weight<T>> base);
  Trainer(const Config& config, const TrainingOptions& options, ThreadPool& threads,
          std::span<const Weight<T>> base)
      : Trainer(Model(config), options, threads, base) {}

  /// The processes that share the run: see TrainingStep. All of them call the same members in the
  /// same order, with equal texts; a run ends on all of them if the stop callback of one says so.
  /// With TrainingOptions::diloco the first one evaluates and saves, at ends of rounds.
  void set_ranks(Ranks& ranks) {
    if (!options().diloco.on()) return step_.set_ranks(ranks);
    require_equal("processes", ranks.count(), options().diloco.workers);
    workers_ = &ranks;
    step_.set_worker(ranks.rank());
  }

  const TrainingOptions& options() const noexcept { return step_.options(); }
  const ModelConfig& config() const noexcept { return step_.config(); }
  const Model& model() const noexcept { return step_.model(); }
  const MemoryPlan& plan() const noexcept { return step_.plan(); }
  /// options().between_steps_bytes bytes that the next step may overwrite, for example for a
  /// Generator.
  std::span<std::byte> between_steps() const& { return step_.between_steps(); }
  const ParameterList& parameters() const noexcept { return step_.parameters(); }
  ParameterList& parameters() noexcept { return step_.parameters(); }
  std::span<T> weights() const& { return step_.weights(); }
  ModelWeights<T> model_weights() const& { return step_.model_weights(); }
  /// The moving averages of the trained weights, and their use: see TrainingStep. The weights after
  /// a run are the last ones; to generate with the averages, or to save them with save_model, say
  /// `const auto averaged = trainer.use_averages();` in a scope around it.
  std::span<T> averages() const& { return step_.averages(); }
  AveragedWeights<T> use_averages() & { return step_.use_averages(); }
  bool uses_averages() const noexcept { return step_.uses_averages(); }
  EigenMap<T> weight(std::string_view name) const& { return step_.weight(name); }
  EigenMap<T> gradient(std::string_view name) const& { return step_.gradient(name); }
  std::span<std::byte> optimizer_state() const& { return step_.optimizer_state(); }
  TrainingStep<T, Config, Part>& training_step() noexcept { return step_; }
  const TrainingStep<T, Config, Part>& training_step() const noexcept { return step_; }
  /// Calls body() on the first process, which may save the run in it, while the others send it
  /// their shares of the optimizer's state (TrainingOptions::zero); all processes call it.
  template <typename Body>
  void on_first_rank(Body body) const {
    if (workers_ == nullptr || workers_->rank() == 0) octavo::on_first_rank(step_, body);
  }
  /// See TrainingStep.
  const BaseIdentity& base() const noexcept { return step_.base(); }
  void set_base_path(std::string path) { step_.set_base_path(std::move(path)); }

  // Deleted for temporaries: the spans would dangle.
  void between_steps() const&& = delete;
  void weights() const&& = delete;
  void model_weights() const&& = delete;
  void averages() const&& = delete;
  void weight(std::string_view) const&& = delete;
  void gradient(std::string_view) const&& = delete;
  void optimizer_state() const&& = delete;

  RunState state() const noexcept {
    RunState state = state_;
    state.steps_done = step_.steps_done();
    return state;
  }
  /// For a caller that has restored the weights(), averages() and optimizer_state() of this state.
  /// ConfigError if no run can have this state.
  void set_state(const RunState& state) {
    check_state(state);
    state_ = state;
    step_.set_steps_done(state.steps_done);
  }

  /// One update on the batch of the next step. Throws Diverged before the update if the loss or the
  /// gradients are not finite; ConfigError, before anything is changed, if a token of the batch is
  /// outside the vocabulary.
  StepResult step(TokenView tokens);
  /// As above on packed rows, which are drawn in random order, each once in every epoch.
  /// ConfigError unless TrainingOptions::packed is set and they are of the model's vocabulary and
  /// sequence.
  StepResult step(const PackedData& rows);

  /// Mean loss over all of `tokens`, in windows that do not overlap (the last may be shorter),
  /// without dropout, with the averaged weights if there are any. With `most_targets`, over a fixed
  /// sample of the windows: see EvaluationWindows. ConfigError if a token is outside the
  /// vocabulary; Diverged if the mean is not finite.
  double evaluate(TokenView tokens, Index most_targets = 0);
  /// As above over the targets of packed rows that count. With `most_targets`, of evenly spread
  /// rows with as many positions.
  double evaluate(const PackedData& rows, Index most_targets = 0);

  /// Trains until options().steps steps are done or callbacks.stop returns true. Evaluates
  /// `validation`, unless it is empty, every options().evaluate_every steps over
  /// options().evaluation_tokens targets. A run that does all its steps evaluates the sample and
  /// the whole text at the end. The best evaluation and patience are decided by the losses of the
  /// sample, which are comparable. DataError, before the first step, if the validation text has one
  /// token.
  RunResult run(TokenView train, TokenView validation, const TrainingCallbacks& callbacks = {});
  /// As above on packed rows. ConfigError, before the first step, as for step().
  RunResult run(const PackedData& train, const PackedData& validation,
                const TrainingCallbacks& callbacks = {});

  /// Trains on all of `tokens`, without validation.
  RunResult run(TokenView tokens, const TrainingCallbacks& callbacks = {}) {
    return run(tokens, TokenView{}, callbacks);
  }

 private:
  /// Whether there is an evaluation after `done` steps.
  bool is_due(Index done) const noexcept {
    const Index every = options().evaluate_every;
    return done == options().steps || (every > 0 && done % every == 0);
  }

  /// The targets of an evaluation within the run; 0: all.
  Index sampled_targets() const noexcept {
    return options().evaluate_every > 0 ? options().evaluation_tokens : 0;
  }

  template <typename Data>
  bool is_sample(const Data& validation) const noexcept {
    return EvaluationWindows(evaluation_targets(validation), options().sequence, sampled_targets())
        .is_sample();
  }

  void require_undivided() const {
    require(!options().packed, "the run's options say packed: train on PackedData");
  }

  void check_rows(const PackedData& rows) const {
    require(options().packed, "packed rows: the run's options do not say packed");
    require_equal("packed rows: vocabulary", rows.vocabulary(), config().vocabulary);
    require_equal("packed rows: sequence", rows.sequence(), options().sequence);
  }

  /// Whether the callback of any process asks to end the run.
  bool is_asked_to_stop(const TrainingCallbacks& callbacks) {
    const bool asked = callbacks.stop && callbacks.stop();
    return step_.ranks() == nullptr ? asked : any_rank(*step_.ranks(), asked);
  }

  /// Calls a function in which the first process may save the run.
  template <typename Function, typename... Arguments>
  void call(const Function& function, Arguments... arguments) const {
    const bool first = step_.ranks() == nullptr || step_.ranks()->rank() == 0;
    const auto here = [&] {
      if (function) function(arguments...);
    };
    if (!first) here();
    on_first_rank(here);
  }

  StepResult take_step() {
    const double rate = options().rate().at(step_.steps_done()) * state_.lr_scale;
    const StepResult result = step_.train(rate);
    state_.observe_loss(result.loss);
    return result;
  }

  /// The steps of a run; Data: TokenView, or PackedData.
  template <typename Data>
  RunResult run_steps(const Data& train, const Data& validation,
                      const TrainingCallbacks& callbacks);

  /// Evaluates as due within the run, or at its end.
  template <typename Data>
  void evaluate_in_run(const Data& validation, const TrainingCallbacks& callbacks,
                       RunResult& result);

  TrainingStep<T, Config, Part> step_;
  Ranks* workers_ = nullptr;  ///< those of DiLoCo
  RunState state_;
};

template <Scalar T, typename Config, typename Part>
Trainer<T, Config, Part>::Trainer(const Model& model, const TrainingOptions& options,
                                  ThreadPool& threads)
    : step_(model, options, threads) {}

template <Scalar T, typename Config, typename Part>
Trainer<T, Config, Part>::Trainer(const Config& config, const TrainingOptions& options,
                                  ThreadPool& threads)
    : Trainer(Model(config), options, threads) {}

template <Scalar T, typename Config, typename Part>
Trainer<T, Config, Part>::Trainer(const Model& model, const TrainingOptions& options,
                                  ThreadPool& threads, std::span<std::byte> memory)
    : step_(model, options, threads, memory) {}

template <Scalar T, typename Config, typename Part>
Trainer<T, Config, Part>::Trainer(const Model& model, const TrainingOptions& options,
                                  ThreadPool& threads, std::span<const Weight<T>> base)
    : step_(model, options, threads, base) {}

template <Scalar T, typename Config, typename Part>
StepResult Trainer<T, Config, Part>::step(TokenView tokens) {
  require_undivided();
  const FloatEnvironment environment;
  const BatchSampler sampler(tokens, options().sequence, options().seed);
  sampler.fill(step_.draw(), step_.inputs(), step_.targets());
  check_batch_of(tokens, step_.inputs(), step_.targets(), config().vocabulary);
  return take_step();
}

template <Scalar T, typename Config, typename Part>
StepResult Trainer<T, Config, Part>::step(const PackedData& rows) {
  check_rows(rows);
  const FloatEnvironment environment;
  const ShuffledRows order(rows.rows(), options().seed);
  const auto length = static_cast<std::size_t>(options().sequence);
  for (Index i = 0; i < options().sequences(); ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * length;
    rows.copy(order(step_.draw() * options().sequences() + i),
              step_.inputs().subspan(first, length), step_.targets().subspan(first, length),
              step_.positions().subspan(first, length));
  }
  return take_step();
}

template <Scalar T, typename Config, typename Part>
double Trainer<T, Config, Part>::evaluate(TokenView tokens, Index most_targets) {
  require_undivided();
  check_length(tokens, 1, "validation text");
  const FloatEnvironment environment;
  const auto averaged = use_averages();
  const EvaluationWindows windows(tokens.size() - 1, options().sequence, most_targets);
  const auto group = [&](Index first) {
    WindowGroup found{1, windows.length(first)};
    while (found.windows < options().pass_sequences() && first + found.windows < windows.count() &&
           windows.length(first + found.windows) == found.length) {
      ++found.windows;
    }
    return found;
  };
  const double total = sum_losses(step_, windows.count(), group, [&](Index first, WindowGroup now) {
    const auto rows = static_cast<std::size_t>(now.length);
    const std::span<Token> inputs =
        step_.inputs().first(static_cast<std::size_t>(now.windows) * rows);
    const std::span<Token> targets = step_.targets().first(inputs.size());
    for (Index i = 0; i < now.windows; ++i) {
      const std::size_t row = static_cast<std::size_t>(i) * rows;
      copy_window(tokens, windows.first(first + i), inputs.subspan(row, rows),
                  targets.subspan(row, rows));
    }
    check_batch_of(tokens, inputs, targets, config().vocabulary);
  });
  if (!std::isfinite(total)) throw step_.diverged("validation loss", total);
  return total / static_cast<double>(windows.targets());
}

template <Scalar T, typename Config, typename Part>
double Trainer<T, Config, Part>::evaluate(const PackedData& rows, Index most_targets) {
  check_rows(rows);
  const FloatEnvironment environment;
  const auto averaged = use_averages();
  const EvaluationWindows windows(evaluation_targets(rows), options().sequence, most_targets);
  const auto length = static_cast<std::size_t>(options().sequence);
  Index counted = 0;
  const auto group = [&](Index first) {
    return WindowGroup{std::min(options().pass_sequences(), windows.count() - first),
                       options().sequence};
  };
  const double total = sum_losses(step_, windows.count(), group, [&](Index first, WindowGroup now) {
    for (Index i = 0; i < now.windows; ++i) {
      const std::size_t row = static_cast<std::size_t>(i) * length;
      const auto targets = step_.targets().subspan(row, length);
      rows.copy(windows.first(first + i) / options().sequence, step_.inputs().subspan(row, length),
                targets, step_.positions().subspan(row, length));
      counted += count_targets(targets);
    }
  });
  if (!std::isfinite(total)) throw step_.diverged("validation loss", total);
  return counted == 0 ? 0.0 : total / static_cast<double>(counted);
}

template <Scalar T, typename Config, typename Part>
RunResult Trainer<T, Config, Part>::run(TokenView train, TokenView validation,
                                        const TrainingCallbacks& callbacks) {
  check_tokens(train, config().vocabulary);
  check_tokens(validation, config().vocabulary);
  if (!validation.empty()) check_length(validation, 1, "validation text");  // before all the steps
  return run_steps(train, validation, callbacks);
}

template <Scalar T, typename Config, typename Part>
RunResult Trainer<T, Config, Part>::run(const PackedData& train, const PackedData& validation,
                                        const TrainingCallbacks& callbacks) {
  check_rows(train);
  check_rows(validation);
  return run_steps(train, validation, callbacks);
}

template <Scalar T, typename Config, typename Part>
template <typename Data>
RunResult Trainer<T, Config, Part>::run_steps(const Data& train, const Data& validation,
                                              const TrainingCallbacks& callbacks) {
  RunResult result;
  if (options().diloco.on()) {
    result.reason = run_rounds(*this, workers_, train, callbacks, [&](Index done) {
      if (is_due(done)) evaluate_in_run(validation, callbacks, result);
    });
    return result;
  }
  const auto ended = [&](StopReason reason) {
    result.reason = reason;
    return result;
  };
  while (step_.steps_done() < options().steps) {
    if (state_.out_of_patience(options().patience)) return ended(StopReason::patience);
    if (is_asked_to_stop(callbacks)) return ended(StopReason::asked);
    const StepResult taken = step(train);
    if (callbacks.step) callbacks.step(taken);
    if (options().stop_at_spike && state_.spiked()) return ended(StopReason::spike);
    const Index done = step_.steps_done();
    if (is_due(done)) evaluate_in_run(validation, callbacks, result);
    call(callbacks.completed, done);
  }
  return result;
}

template <Scalar T, typename Config, typename Part>
template <typename Data>
void Trainer<T, Config, Part>::evaluate_in_run(const Data& validation,
                                               const TrainingCallbacks& callbacks,
                                               RunResult& result) {
  if (validation.empty()) return;
  const Index done = step_.steps_done();
  result.validation_loss = evaluate(validation, sampled_targets());
  state_.observe_validation(result.validation_loss);
  call(callbacks.evaluation, done, result.validation_loss);
  const bool last = done == options().steps;
  if (last && is_sample(validation)) result.validation_loss = evaluate(validation);
}

}  // namespace OCTAVO_NAMESPACE
