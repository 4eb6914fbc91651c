// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/field.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/fwd.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/tensor/eigen_map.hpp>
#include <octavo/transformer/model_weights.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// The likelihood of a text under a model.
struct TextScore {
  Index tokens = 0;  ///< number of scored tokens: all except the first
  double nats = 0;   ///< sum of their negative log-likelihoods

  void add(double loss) noexcept {
    const FloatEnvironment environment;
    nats += loss;
    ++tokens;
  }
  /// Nats per token; NaN if no token was scored.
  double mean() const noexcept {
    const FloatEnvironment environment;
    return nats / static_cast<double>(tokens);
  }
  double perplexity() const noexcept {
    const FloatEnvironment environment;
    return std::exp(mean());
  }
};

/// The memory of scoring, as bookings.
template <Scalar T>
struct ScoringMemory {
  Booking<Token> inputs;   ///< [length]
  Booking<Token> targets;  ///< [length]
  Booking<T> losses;       ///< [length]

  static constexpr ScoringMemory book(MemoryPlan& plan, Index length) {
    require(size_range.contains(length), "scoring needs a length, from 1 to 2^31 - 1");
    ScoringMemory memory;
    memory.inputs = plan.book<Token>("scoring", "inputs", MemoryKind::data, length, phase::always);
    memory.targets =
        plan.book<Token>("scoring", "targets", MemoryKind::data, length, phase::always);
    memory.losses = plan.book<T>("scoring", "losses", MemoryKind::scratch, length, phase::always);
    return memory;
  }
};

/// A model for scoring, and the plan of its one block of memory.
template <typename Model>
struct ScoringPlan {
  using T = typename Model::Value;

  constexpr ScoringPlan(const typename Model::Configuration& config, Index length,
                        Index workers = 1)
      : memory(ScoringMemory<T>::book(plan, length)),
        model(config, plan, {.sequence = length, .workers = workers, .training = false}) {
    plan.place();
  }

  MemoryPlan plan;
  ScoringMemory<T> memory;
  Model model;
};

/// The bytes of the one block in which a model scores; usable in static_assert.
template <typename Model>
constexpr std::size_t scoring_bytes(const typename Model::Configuration& config, Index length,
                                    Index workers = 1) {
  return ScoringPlan<Model>(config, length, workers).plan.total_bytes();
}

/// scoring_bytes of Transformer<T>: `scoring_bytes<float>(config, 32)`.
template <Scalar T>
constexpr std::size_t scoring_bytes(const ModelConfig& config, Index length, Index workers = 1) {
  return scoring_bytes<Transformer<T>>(config, length, workers);
}

/// Log-probabilities and hidden states of given texts. A text longer than `length` is split into
/// windows of `length` tokens, each `stride` tokens after the previous one, and each token is
/// scored in the first window in which it is a target. With a stride of `length` the windows do not
/// overlap, as in Trainer::evaluate; with a smaller stride every token after the first window sees
/// at least length - stride tokens before it, at a higher cost. No heap call after construction.
/// Move-only; the caller owns the weights.
template <Scalar T, typename Config, typename Part>
class Scorer {
 public:
  using Model = Transformer<T, Config, Part>;

  /// weights: model.parameter_count() numbers, which must outlive this object, as must `threads`.
  Scorer(const Model& model, ModelWeights<std::type_identity_t<T>> weights, Index length,
         ThreadPool& threads);
  /// Deleted: temporary weights would not outlive this object.
  Scorer(const Model& model, std::vector<T>&& weights, Index length, ThreadPool& threads) = delete;

  const MemoryPlan& plan() const noexcept { return arena_.plan(); }
  Index length() const noexcept { return length_; }

  /// Calls receive(Index i, double log_probability) for tokens 1, 2, ... of the text, in order.
  /// DataError for a token outside the vocabulary; ConfigError unless the stride is 1 to length.
  template <typename Receive>
  TextScore score(TokenView tokens, Index stride, Receive&& receive) {
    require(stride >= 1 && stride <= length_, [&] {
      return detail::concat(
          {"stride: got ", stride, ", expected 1 to ", length_, ", the window's length"});
    });
    check_tokens(tokens, model_.config().vocabulary);
    const std::span<T> losses = arena_.get(memory_.losses);
    TextScore result;
    for (Index done = 0; done + 1 < tokens.size();) {  // targets are tokens 1 to size - 1
      const Index first = std::max<Index>(0, done == 0 ? 0 : done - (length_ - stride));
      const Index rows = std::min(length_, tokens.size() - 1 - first);
      run(tokens, first, rows);
      for (; done < first + rows; ++done) {
        const auto loss = static_cast<double>(losses[static_cast<std::size_t>(done - first)]);
        result.add(loss);
        receive(done + 1, -loss);
      }
    }
    return result;
  }

  TextScore score(TokenView tokens, Index stride);

  /// The hidden states of a text, [tokens, width], which are the input of the head: row i depends
  /// on the tokens 0 to i. DataError unless there are 1 to length() tokens. The numbers are valid
  /// until the next call.
  EigenMap<const T> hidden(TokenView tokens);

 private:
  using Plan = ScoringPlan<Model>;

  Scorer(const Plan& plan, ModelWeights<T> weights, ThreadPool& threads)
      : model_(plan.model),
        weights_(weights),
        length_(plan.memory.inputs.count),
        threads_(&threads),
        memory_(plan.memory),
        arena_(plan.plan) {
    weights.require_model_of("scorer: numbers in the weights", model_);
  }

  static Plan plan_of(const Model& model, Index length, const ThreadPool& threads) {
    require_kernels();
    return Plan(model.configuration(), length, threads.size());
  }

  Pass<T> pass(const Worker& worker, Index rows) const {
    return {.run = {.worker = worker,
                    .arena = arena_,
                    .pack_buffer = model_.pack_buffer(arena_),
                    .parameters = weights_.parameters()},
            .rows = {1, rows},
            .weights = weights_.numbers()};
  }

  std::span<const Token> copy_inputs(TokenView tokens) const {
    const auto inputs = arena_.get(memory_.inputs).first(static_cast<std::size_t>(tokens.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = tokens[static_cast<Index>(i)];
    return inputs;
  }

  void run(TokenView tokens, Index first, Index rows);

  Model model_;
  ModelWeights<T> weights_;
  Index length_;
  ThreadPool* threads_;
  ScoringMemory<T> memory_;
  Arena arena_;
  ThreadTuner window_threads_;
  ThreadTuner hidden_threads_;
};

template <Scalar T, typename Config, typename Part>
Scorer<T, Config, Part>::Scorer(const Model& model, ModelWeights<std::type_identity_t<T>> weights,
                                Index length, ThreadPool& threads)
    : Scorer(plan_of(model, length, threads), weights, threads) {}

template <Scalar T, typename Config, typename Part>
TextScore Scorer<T, Config, Part>::score(TokenView tokens, Index stride) {
  return score(tokens, stride, [](Index, double) {});
}

template <Scalar T, typename Config, typename Part>
EigenMap<const T> Scorer<T, Config, Part>::hidden(TokenView tokens) {
  if (tokens.empty() || tokens.size() > length_) {
    throw DataError(detail::concat({"hidden: got ", counted(tokens.size(), "token"),
                                    ", expected 1 to ", length_}),
                    "make the scorer longer, or take the text in parts");
  }
  check_tokens(tokens, model_.config().vocabulary);
  const std::span<const Token> inputs = copy_inputs(tokens);
  check_batch_of(tokens, inputs, {}, model_.config().vocabulary);
  const T* numbers = nullptr;
  const auto work = static_cast<double>(tokens.size());
  threads_->run(hidden_threads_, work, [&](const Worker& worker) {
    const auto output = model_.hidden(pass(worker, tokens.size()), inputs);
    if (worker.index() == 0) numbers = output.data;
  });
  return {numbers, tokens.size(), model_.config().width};
}

template <Scalar T, typename Config, typename Part>
void Scorer<T, Config, Part>::run(TokenView tokens, Index first, Index rows) {
  const auto count = static_cast<std::size_t>(rows);
  const std::span<const Token> inputs = copy_inputs(tokens.subview(first, rows));
  const std::span<Token> targets = arena_.get(memory_.targets).first(count);
  for (std::size_t i = 0; i < count; ++i) {
    targets[i] = tokens[first + static_cast<Index>(i) + 1];
  }
  check_batch_of(tokens, inputs, targets, model_.config().vocabulary);  // whatever was promised
  threads_->run(window_threads_, static_cast<double>(rows), [&](const Worker& worker) {
    model_.loss(pass(worker, rows), inputs, targets, arena_.get(memory_.losses).first(count), T{1});
  });
}

}  // namespace OCTAVO_NAMESPACE
