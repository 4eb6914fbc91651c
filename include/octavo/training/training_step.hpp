// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/base/small_vector.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/fwd.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/training/averaged_weights.hpp>
#include <octavo/training/base_weights.hpp>
#include <octavo/training/divergence.hpp>
#include <octavo/training/outer_step.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/step_work.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/model_weights.hpp>

namespace OCTAVO_NAMESPACE {

/// A model together with the one block of memory in which it trains. A step is forward, backward,
/// clip, update; for a training loop of your own (Trainer is one). Fill inputs() and targets(),
/// then call train(). No heap call after construction. Move-only.
template <Scalar T, typename Config, typename Part>
class TrainingStep {
 public:
  using Model = Transformer<T, Config, Part>;

  /// Starts from GPT-2's initial weights for options.seed. `threads` must outlive this object.
  TrainingStep(const Model& model, const TrainingOptions& options, ThreadPool& threads);

  /// As above, in memory of the caller: at least training_bytes, aligned to 64 bytes.
  TrainingStep(const Model& model, const TrainingOptions& options, ThreadPool& threads,
               std::span<std::byte> memory);

  /// A step of the trained tensors and adapters alone, with TrainingOptions::stored_base: all other
  /// numbers are those of `base`, the parameters of the model, with adapters or without, which must
  /// outlive this object (`StoredWeights::parameters()`) and with which training begins. The same
  /// bits as with the base's numbers as weights.
  TrainingStep(const Model& model, const TrainingOptions& options, ThreadPool& threads,
               std::span<const Weight<T>> base);

  /// As above, in memory of the caller.
  TrainingStep(const Model& model, const TrainingOptions& options, ThreadPool& threads,
               std::span<std::byte> memory, std::span<const Weight<T>> base);

  /// The processes that share each step, as many as TrainingOptions::ranks, which must outlive this
  /// object. All of them call the same members with equal inputs() and targets(), those of the
  /// whole step, and get the results of one process with equal leaves, bit for bit. ConfigError if
  /// their number is another. An exception of Ranks leaves the step undone, perhaps in part: end
  /// the run.
  void set_ranks(Ranks& ranks) {
    require_equal("processes", ranks.count(), options_.ranks);
    ranks_ = &ranks;
  }
  Ranks* ranks() const noexcept { return ranks_; }
  const RankShards& shards() const noexcept { return shards_; }

  const ModelConfig& config() const noexcept { return model_.config(); }
  const Model& model() const noexcept { return model_; }
  const TrainingOptions& options() const noexcept { return options_; }
  const MemoryPlan& plan() const noexcept { return arena_.plan(); }
  const Arena& arena() const noexcept { return arena_; }
  ThreadPool& threads() const noexcept { return *threads_; }
  /// The number of threads that compute gradients, as measured so far.
  const ThreadTuner& threads_in_use() const noexcept { return gradient_threads_; }

  /// Names, shapes, and the learning-rate factors for update() (0 freezes a tensor).
  const ParameterList& parameters() const noexcept { return parameters_; }
  ParameterList& parameters() noexcept { return parameters_; }

  /// Inputs and targets of the next step, [accumulate * batch, sequence]; a negative target is
  /// ignored.
  std::span<Token> inputs() const { return arena_.get(memory_.inputs); }
  std::span<Token> targets() const { return arena_.get(memory_.targets); }

  /// Where each of these rows stands in its document, [accumulate * batch, sequence]: 0 where a
  /// document or sequence begins, otherwise 1 more than the row before. At first each sequence is
  /// one document. Empty without TrainingOptions::packed.
  std::span<std::int32_t> positions() const { return arena_.get(memory_.positions); }

  /// The numbers of all parameters; with stored_base of those that train and of adapters.
  std::span<T> weights() const& { return arena_.get(memory_.weights); }
  /// All parameters, for a Generator or a Scorer: weights(), and the base if there is one.
  ModelWeights<T> model_weights() const& {
    if (one_by_one_.empty()) return weights();
    return ModelWeights<T>(std::span<const Weight<T>>(one_by_one_));
  }
  /// The moving averages of the weights of all trained tensors, in their order; empty without
  /// TrainingOptions::ema. Set by the first update.
  std::span<T> averages() const& { return arena_.get(memory_.averages); }
  /// Until the returned object is destroyed, weights() are the averages, and averages() the weights
  /// in training: `const auto averaged = step.use_averages();`. Does nothing without averages or
  /// before the first update. Meanwhile the step must not be moved, and training is a ConfigError.
  AveragedWeights<T> use_averages() & {
    return {parameters_.span(), weights(), steps_done_ > 0 ? averages() : std::span<T>{},
            uses_averages_};
  }
  /// Whether an object of use_averages() is alive that does something.
  bool uses_averages() const noexcept { return uses_averages_; }
  /// Identifies the base; without TrainingOptions::stored_base it does not exist. Files of the run
  /// name it.
  const BaseIdentity& base() const noexcept { return base_; }
  /// The path of the base, which files of the run state.
  void set_base_path(std::string path) { base_.path = std::move(path); }

  /// Empty with fused_update. With TrainingOptions::zero those of this process's share are there.
  std::span<T> gradients() const& { return arena_.get(memory_.gradients); }
  /// With TrainingOptions::zero of this process's share: see whole_state.hpp.
  std::span<std::byte> optimizer_state() const& { return arena_.get(memory_.optimizer_state); }

  /// Bytes that the next step may overwrite.
  std::span<std::byte> between_steps() const& { return arena_.get(memory_.between_steps); }
  EigenMap<T> weight(std::string_view name) const& { return parameters_.map(weights(), name); }
  EigenMap<T> gradient(std::string_view name) const& {
    return parameters_.gradient_map(gradients(), name);
  }

  // Deleted for temporaries: the spans would dangle.
  void weights() const&& = delete;
  void model_weights() const&& = delete;
  void averages() const&& = delete;
  void gradients() const&& = delete;
  void optimizer_state() const&& = delete;
  void between_steps() const&& = delete;
  void weight(std::string_view) const&& = delete;
  void gradient(std::string_view) const&& = delete;

  /// The number of updates done so far; it also determines the next dropout masks.
  Index steps_done() const noexcept { return steps_done_; }
  void set_steps_done(Index steps) noexcept { steps_done_ = steps; }

  /// Returns the mean loss of inputs() against targets() and writes its gradients to gradients().
  /// ConfigError, before anything is changed, if an input or target is outside the vocabulary, or
  /// with fused_update, which has no memory for gradients. If all targets are ignored, loss and
  /// gradients are 0.
  double compute_gradients();

  /// Clips gradients() and updates the weights. Returns the norm, before clipping, of the gradients
  /// of all tensors with a learning-rate factor other than 0. Throws Diverged, and changes nothing,
  /// if the norm is not finite. Weights decay even if their gradients are 0.
  double update(double learning_rate);

  /// Computes gradients and updates the weights. Throws Diverged before the update if the loss or
  /// the gradients are not finite; the weights are then unchanged. With fused_update only the loss
  /// is known before the first update: tensors whose gradients were complete before the first one
  /// that is not finite are then a step ahead of the others.
  StepResult train(double learning_rate);

  /// Adds the losses of the first sequences * sequence entries of inputs() and targets(),
  /// [sequences, sequence], one by one to `total` and returns the sum, which does not depend on how
  /// many sequences are computed at a time. Forward only, without dropout. ConfigError if they
  /// exceed one micro-batch, or if a token is outside the vocabulary.
  double add_losses(double total, Index sequences, Index sequence);
  /// Writes these losses to losses() from row `at` on, in this process alone.
  void compute_losses(Index sequences, Index sequence, Index at = 0);
  /// One per row of a step.
  std::span<T> losses() const { return arena_.get(memory_.losses); }

  /// The work of each worker in the next step, for callers with workers of their own.
  StepWork<T, Model> work() {
    require(
        !uses_averages_,
        "the weights are their averages: train after the object of use_averages() is destroyed");
    require_ranks();
    shards_.set_factors(parameters_.span());
    return {model_,        options_,    trained_, parameters_,  memory_, arena_, squared_norms_,
            marks_.span(), steps_done_, draw(),   one_by_one(), ranks_,  shards_};
  }

  /// The exception for a quantity `what` that is not finite.
  Diverged diverged(const char* what, double value) const {
    return divergence<T>(steps_done_, what, value, weights());
  }

  /// For the end of a round, with TrainingOptions::diloco.
  OuterStep<T> outer_step() const& {
    return {
        parameters_.span(),
        weights(),
        {arena_.get(memory_.round_weights), outer_momentum(), arena_.get(memory_.outer_exchange)},
        options_.diloco};
  }
  std::span<T> outer_momentum() const& { return arena_.get(memory_.outer_momentum); }
  /// The number of the next batch and its dropout masks, among those of all workers of DiLoCo.
  Index draw() const noexcept { return steps_done_ * options_.diloco.workers + worker_; }
  void set_worker(Index worker) noexcept { worker_ = worker; }

 private:
  using Plan = TrainingPlan<Model>;

  TrainingStep(const Plan& plan, const TrainingOptions& options, ThreadPool& threads,
               const std::span<std::byte>* memory, std::span<const Weight<T>> base = {})
      : model_(plan.model),
        options_(options),
        threads_(&threads),
        trained_(plan.trained),
        parameters_(trained_parameters(model_, options)),
        shards_(rank_shards(parameters_.span(), model_.config().layers, options)),
        memory_(plan.memory),
        arena_(memory == nullptr ? Arena(plan.plan) : Arena(plan.plan, *memory)),
        squared_norms_(options.fused_update ? parameters_.size() : 0),
        marks_(parameters_.size() * static_cast<std::size_t>(threads.size())),
        gradient_threads_(
            ThreadTuner::start_for(6.0 * static_cast<double>(model_.parameter_count()) *
                                   static_cast<double>(options.rows()))),
        update_threads_(gradient_threads_),
        evaluation_threads_(gradient_threads_) {
    const FloatEnvironment environment;
    set_initial_weights<T>(parameters_, model_.config().layers, options_.seed, weights(),
                           options_.zero_init);
    for (std::size_t row = 0; row < positions().size(); ++row) {
      positions()[row] =
          static_cast<std::int32_t>(row % static_cast<std::size_t>(options_.sequence));
    }
    if (!options.stored_base) return;
    one_by_one_ = weights_with_base<T>(parameters_, base, weights());
    base_.fingerprint = base_fingerprint<T>(parameters_, one_by_one_);
  }

  OCTAVO_SETUP static const TrainingOptions& checked(const TrainingOptions& options) {
    require_kernels();
    check_options<T>(options);
    return options;
  }

  static TrainingOptions with_base(TrainingOptions options) {
    options.stored_base = true;
    return options;
  }

  const Weight<T>* one_by_one() const noexcept {
    return one_by_one_.empty() ? nullptr : one_by_one_.data();
  }

  /// ConfigError unless inputs, targets and positions of the first `rows` rows are ones that the
  /// model can have.
  void check_rows(std::size_t rows, Index sequence) const {
    check_batch(inputs().first(rows), targets().first(rows), config().vocabulary);
    if (options_.packed) detail::check_positions_in_documents(positions().first(rows), sequence);
  }

  void require_ranks() const {
    require(ranks_ != nullptr || options_.ranks == 1,
            "the step is shared by several processes: call set_ranks()");
  }
  void require_gradients() const {
    require(!options_.fused_update, "fused_update has no memory for all gradients: call train()");
  }

  StepResult train_fused(double learning_rate) {
    detail::check_rate<T>(learning_rate);
    check_rows(inputs().size(), options_.sequence);
    const FloatEnvironment environment;
    const StepWork<T, Model> work = this->work();
    FusedProgress progress;
    std::fill(squared_norms_.begin(), squared_norms_.end(), 0.0);
    threads_->run(gradient_threads_, 1, [&](const Worker& worker) {
      const auto mine = work.run_fused(worker, learning_rate);
      if (worker.index() == 0) progress = mine;
    });
    if (!std::isfinite(progress.loss)) throw diverged("loss", progress.loss);
    const double norm =
        std::sqrt(std::accumulate(squared_norms_.begin(), squared_norms_.end(), 0.0));
    if (progress.diverged) throw diverged("gradient norm", norm);
    return {steps_done_++, progress.loss, norm, learning_rate};
  }

  Model model_;
  TrainingOptions options_;
  ThreadPool* threads_;
  Ranks* ranks_ = nullptr;
  TrainedTensors trained_;
  ParameterList parameters_;
  RankShards shards_;
  TrainingMemory<T> memory_;
  Arena arena_;
  std::vector<Weight<T>> one_by_one_;  ///< see StepWork
  BaseIdentity base_;
  std::vector<double> squared_norms_;     ///< see StepWork
  SmallVector<GradientMark, 256> marks_;  ///< see StepWork
  ThreadTuner gradient_threads_;
  ThreadTuner update_threads_;
  ThreadTuner evaluation_threads_;
  Index steps_done_ = 0;
  Index worker_ = 0;  ///< of DilocoOptions::workers
  bool uses_averages_ = false;
};

template <Scalar T, typename Config, typename Part>
TrainingStep<T, Config, Part>::TrainingStep(const Model& model, const TrainingOptions& options,
                                            ThreadPool& threads)
    : TrainingStep(Plan(model.configuration(), checked(options), threads.size()), options, threads,
                   nullptr) {}

template <Scalar T, typename Config, typename Part>
TrainingStep<T, Config, Part>::TrainingStep(const Model& model, const TrainingOptions& options,
                                            ThreadPool& threads, std::span<std::byte> memory)
    : TrainingStep(Plan(model.configuration(), checked(options), threads.size()), options, threads,
                   &memory) {}

template <Scalar T, typename Config, typename Part>
TrainingStep<T, Config, Part>::TrainingStep(const Model& model, const TrainingOptions& options,
                                            ThreadPool& threads, std::span<const Weight<T>> base)
    : TrainingStep(Plan(model.configuration(), checked(with_base(options)), threads.size()),
                   with_base(options), threads, nullptr, base) {}

template <Scalar T, typename Config, typename Part>
TrainingStep<T, Config, Part>::TrainingStep(const Model& model, const TrainingOptions& options,
                                            ThreadPool& threads, std::span<std::byte> memory,
                                            std::span<const Weight<T>> base)
    : TrainingStep(Plan(model.configuration(), checked(with_base(options)), threads.size()),
                   with_base(options), threads, &memory, base) {}

template <Scalar T, typename Config, typename Part>
double TrainingStep<T, Config, Part>::compute_gradients() {
  require_gradients();
  check_rows(inputs().size(), options_.sequence);
  const FloatEnvironment environment;
  const StepWork<T, Model> work = this->work();
  threads_->run(gradient_threads_, 1,
                [&](const Worker& worker) { work.accumulate_gradients(worker); });
  return work.mean_loss();
}

template <Scalar T, typename Config, typename Part>
double TrainingStep<T, Config, Part>::update(double learning_rate) {
  require_gradients();
  detail::check_rate<T>(learning_rate);
  const FloatEnvironment environment;
  const StepWork<T, Model> work = this->work();
  double norm = 0;
  threads_->run(update_threads_, 1, [&](const Worker& worker) {
    const double total = work.updates().update_all(worker, learning_rate);
    if (worker.index() == 0) norm = total;
  });
  if (!std::isfinite(norm)) throw diverged("gradient norm", norm);
  ++steps_done_;
  return norm;
}

template <Scalar T, typename Config, typename Part>
StepResult TrainingStep<T, Config, Part>::train(double learning_rate) {
  if (options_.fused_update) return train_fused(learning_rate);
  StepResult result{steps_done_, compute_gradients(), 0, learning_rate};
  if (!std::isfinite(result.loss)) throw diverged("loss", result.loss);
  result.gradient_norm = update(learning_rate);
  return result;
}

template <Scalar T, typename Config, typename Part>
void TrainingStep<T, Config, Part>::compute_losses(Index sequences, Index sequence, Index at) {
  const Index most = options_.pass_sequences();
  require(sequences >= 0 && sequences <= most && sequence >= 0 && sequence <= options_.sequence,
          [&] {
            return detail::concat({"losses: got ", sequences, " x ", sequence,
                                   " positions, expected at most ", most, " x ", options_.sequence,
                                   ", a micro-batch"});
          });
  require_ranks();
  const auto rows = static_cast<std::size_t>(sequences * sequence);
  const std::span<T> losses = this->losses().subspan(static_cast<std::size_t>(at), rows);
  check_rows(rows, sequence);
  const FloatEnvironment environment;
  threads_->run(evaluation_threads_, static_cast<double>(rows), [&](const Worker& worker) {
    const Pass<T> pass{.run = {.worker = worker,
                               .arena = arena_,
                               .pack_buffer = model_.pack_buffer(arena_),
                               .parameters = one_by_one()},
                       .rows = {.sequences = sequences,
                                .sequence = sequence,
                                .in_document = options_.packed ? positions().data() : nullptr},
                       .weights = one_by_one_.empty() ? weights().data() : nullptr};
    model_.loss(pass, inputs().first(rows), targets().first(rows), losses, T{0});
  });
}

template <Scalar T, typename Config, typename Part>
double TrainingStep<T, Config, Part>::add_losses(double total, Index sequences, Index sequence) {
  compute_losses(sequences, sequence);
  const auto rows = static_cast<std::size_t>(sequences * sequence);
  for (const T loss : losses().first(rows)) total += static_cast<double>(loss);
  return total;
}

}  // namespace OCTAVO_NAMESPACE
