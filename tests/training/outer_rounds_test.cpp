// SPDX-License-Identifier: MIT
// Runs of processes that seldom exchange weights (DiLoCo).
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "parallel/late_ranks.hpp"
#include "training/rank_texts.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using octavo_test::LateRanks;
using octavo_test::Mailbox;

namespace {

ModelConfig small() {
  return {.vocabulary = 23,
          .context = 16,
          .layers = 2,
          .width = 16,
          .attention = {.heads = 2},
          .feed_forward = {.d_ff = 24}};
}

TrainingOptions options_of(Index round, Index steps = 12) {
  TrainingOptions options{.steps = steps,
                          .batch = 2,
                          .sequence = 13,
                          .learning_rate = 1e-2,
                          .warmup = 2,
                          .dropout = 0.1};
  options.diloco.steps = round;
  return options;
}

struct Trained {
  std::vector<float> weights, momentum;
  std::vector<Index> evaluated, completed;
  Index steps = 0;
  double validation = 0;
  StopReason reason = StopReason::finished;
};

/// One process's run. ask_after: the step after which it is asked to end.
Trained train(const ModelConfig& config, const TrainingOptions& options, Ranks* ranks,
              Index ask_after = -1, const std::function<void(Index)>& after_step = {}) {
  ThreadPool threads(1);
  Trainer<float> trainer(config, options, threads);
  if (ranks != nullptr) trainer.set_ranks(*ranks);
  Trained result;
  TrainingCallbacks callbacks;
  callbacks.evaluation = [&](Index done, double) { result.evaluated.push_back(done); };
  callbacks.completed = [&](Index done) {
    result.completed.push_back(done);
    if (after_step) after_step(done);
  };
  callbacks.stop = [&] { return ask_after >= 0 && trainer.state().steps_done >= ask_after; };
  const RunResult run = trainer.run(octavo_test::rank_text(), octavo_test::rank_text(), callbacks);
  result.weights.assign(trainer.weights().begin(), trainer.weights().end());
  const std::span<float> momentum = trainer.training_step().outer_momentum();
  result.momentum.assign(momentum.begin(), momentum.end());
  result.steps = trainer.state().steps_done;
  result.validation = run.validation_loss;
  result.reason = run.reason;
  return result;
}

std::vector<Trained> train_all(const ModelConfig& config, TrainingOptions options, Index count,
                               Index ask_one_after = -1) {
  options.diloco.workers = count;
  Mailbox box(count);
  std::vector<Trained> results(static_cast<std::size_t>(count));
  box.run([&](Ranks& ranks) {
    const Index ask = ranks.rank() == count - 1 ? ask_one_after : -1;
    results[static_cast<std::size_t>(ranks.rank())] = train(config, options, &ranks, ask);
  });
  return results;
}

}  // namespace

TEST_CASE("one process, one step, learning rate 1, no momentum: the bits of a run without") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    TrainingOptions options = options_of(0);
    const Trained expected = train(family.config, options, nullptr);
    options.diloco = {.steps = 1, .learning_rate = 1, .momentum = 0};
    CHECK(train(family.config, options, nullptr).weights == expected.weights);
    const std::vector<Trained> one = train_all(family.config, options, 1);
    CHECK(one[0].weights == expected.weights);
    CHECK(one[0].validation == expected.validation);
    CHECK(one[0].completed == expected.completed);
    options.diloco.steps = 4;
    CHECK(train(family.config, options, nullptr).weights == expected.weights);
    options.diloco.momentum = 0.1;
    CHECK(train(family.config, options, nullptr).weights != expected.weights);
  }
}

TEST_CASE("all processes end with the same weights, those of a mean of their own runs") {
  TrainingOptions options = options_of(4, 4);
  options.diloco.learning_rate = 1, options.diloco.momentum = 0;
  const std::vector<Trained> all = train_all(small(), options, 3);
  // Each alone, on the batches that it has among those of three.
  std::vector<double> mean(all[0].weights.size());
  for (Index worker = 0; worker < 3; ++worker) {
    ThreadPool threads(1);
    TrainingOptions own = options_of(0, 4);
    own.diloco.workers = 3;
    Trainer<float> trainer(small(), own, threads);
    trainer.training_step().set_worker(worker);
    for (Index i = 0; i < 4; ++i) trainer.step(octavo_test::rank_text());
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] += static_cast<double>(trainer.weights()[i]) / 3;
    }
  }
  double largest = 0;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    largest = std::max(largest, std::abs(mean[i] - static_cast<double>(all[0].weights[i])));
  }
  CHECK(largest < 1e-7);
  for (const Trained& one : all) CHECK(one.weights == all[0].weights);
}

TEST_CASE("the first process evaluates, at ends of rounds; frozen tensors, adapters, 8 bits") {
  for (int variant = 0; variant < 4; ++variant) {
    INFO("variant " << variant);
    ModelConfig config = small();
    TrainingOptions options = options_of(4, 14);  // the last round is shorter
    options.evaluate_every = 8;
    if (variant == 1) options.freeze = NamePatterns("norm,qkv");
    if (variant == 2) config.lora.rank = 4;
    if (variant == 3) options.optimizer = AdamW8bit{}, options.diloco.eight_bit = true;
    const std::vector<Trained> all = train_all(config, options, 3);
    for (const Trained& one : all) {
      CHECK(one.weights == all[0].weights);
      CHECK(one.momentum == all[0].momentum);
      CHECK(one.steps == 14);
    }
    CHECK(all[0].evaluated == std::vector<Index>{8, 14});
    CHECK(all[1].evaluated.empty());
    CHECK(all[1].completed.size() == 14);
    CHECK(std::isfinite(all[0].validation));
    CHECK(all[0].validation < std::log(23.0));
  }
}

TEST_CASE("a run ends on all processes at a round's end, if one is asked, or by patience") {
  const std::vector<Trained> asked = train_all(small(), options_of(4, 40), 3, 10);
  for (const Trained& one : asked) {
    CHECK(one.reason == StopReason::asked);
    CHECK(one.steps == 12);
  }
  TrainingOptions options = options_of(2, 400);
  options.learning_rate = 0.3, options.evaluate_every = 2, options.patience = 2;
  const std::vector<Trained> all = train_all(small(), options, 2);
  for (const Trained& one : all) {
    CHECK(one.reason == StopReason::patience);
    CHECK(one.steps == all[0].steps);
    CHECK(one.steps < 400);
  }
}

TEST_CASE("a run that is out of patience when it is resumed takes no step on any process") {
  TrainingOptions options = options_of(2, 12);
  options.evaluate_every = 2, options.patience = 2, options.diloco.workers = 2;
  Mailbox box(2);
  box.run([&](Ranks& ranks) {
    ThreadPool threads(1);
    Trainer<float> trainer(small(), options, threads);
    trainer.set_ranks(ranks);
    // The first process alone counts evaluations.
    const bool first = ranks.rank() == 0;
    trainer.set_state({.steps_done = 4, .best_step = 0, .evaluations_since_best = first ? 2 : 0});
    const RunResult run = trainer.run(octavo_test::rank_text(), octavo_test::rank_text());
    CHECK(run.reason == StopReason::patience);
    CHECK(trainer.state().steps_done == 4);
  });
}

TEST_CASE("a process that is late is left out, and has the others' weights when it joins") {
  TrainingOptions options = options_of(2, 12);
  options.diloco.wait_seconds = 1e-9, options.diloco.workers = 3;
  Mailbox box(3);
  std::vector<Trained> results(3);
  std::vector<std::size_t> steps_taken(3);
  box.run([&](Ranks& inner) {
    LateRanks ranks(inner);
    Index round = 0;
    ranks.late = [&](Index from, Index call) { return from == 1 && (call == 1 || call == 2); };
    const auto rank = static_cast<std::size_t>(inner.rank());
    results[rank] = train(small(), options, &ranks, -1, [&](Index done) {
      ++steps_taken[rank];
      if (done / 2 > round) round = done / 2, ranks.next_call();
    });
  });
  for (const Trained& one : results) {
    CHECK(one.weights == results[0].weights);
    CHECK(one.momentum == results[0].momentum);
    CHECK(one.steps == 12);
  }
  CHECK(steps_taken[0] == 12);
  CHECK(steps_taken[1] < 12);
}

TEST_CASE("rounds are in the plan, and make no heap call") {
  TrainingOptions options = options_of(0);
  const std::size_t without = training_bytes<float>(small(), options, 1);
  options.diloco.steps = 2, options.diloco.workers = 2;
  const std::size_t planned = training_bytes<float>(small(), options, 1);
  const auto parameters = static_cast<std::size_t>(Transformer<float>(small()).parameter_count());
  CHECK(planned - without >= 8 * parameters);
  Mailbox box(2);
  std::array<std::uint64_t, 2> allocations{};
  box.run([&](Ranks& ranks) {
    ThreadPool threads(1);
    TrainingStep<float> step(Transformer<float>(small()), options, threads);
    CHECK(step.plan().total_bytes() == planned);
    OuterRounds<float> rounds(step.outer_step(), &ranks, options.diloco);
    rounds.finish(2, false, false);
    rounds.agree(StopReason::finished);
    any_rank(ranks, false);
    const octavo_test::HeapGuard guard;
    rounds.finish(4, false, false);
    rounds.agree(StopReason::finished);
    allocations[static_cast<std::size_t>(ranks.rank())] = guard.allocations();
    any_rank(ranks, false);
  });
  for (const std::uint64_t number : allocations) CHECK(number == 0);
}
