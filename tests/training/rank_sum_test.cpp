// SPDX-License-Identifier: MIT
// Several processes that share each step get the bits of one.
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/packed_data.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "parallel/mailbox.hpp"
#include "training/rank_texts.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using octavo_test::Mailbox;

namespace {

constexpr Index sequence = 13;

struct Trained {
  std::vector<float> weights, averages;
  std::vector<std::byte> moments;
  double loss = 0, norm = 0, validation = 0;

  bool operator==(const Trained&) const = default;
};

template <typename Data>
Trained train(Trainer<float>& trainer, const Data& data) {
  Trained result;
  TrainingCallbacks callbacks;
  callbacks.step = [&](const StepResult& step) {
    result.loss = step.loss, result.norm = step.gradient_norm;
  };
  result.validation = trainer.run(data, data, callbacks).validation_loss;
  result.weights.assign(trainer.weights().begin(), trainer.weights().end());
  result.averages.assign(trainer.averages().begin(), trainer.averages().end());
  result.moments.assign(trainer.optimizer_state().begin(), trainer.optimizer_state().end());
  return result;
}

Trained train(const ModelConfig& config, const TrainingOptions& options, Index workers,
              Ranks* ranks) {
  ThreadPool threads(workers);
  Trainer<float> trainer(config, options, threads);
  if (ranks != nullptr) trainer.set_ranks(*ranks);
  if (!options.packed) return train(trainer, octavo_test::rank_text());
  return train(trainer, octavo_test::rank_rows(sequence));
}

TrainingOptions with_sizes(TrainingOptions options) {
  options.steps = 3, options.warmup = 1, options.learning_rate = 1e-2;
  options.batch = 6, options.accumulate = 2, options.sequence = sequence;
  if (options.leaves == 1) options.leaves = 12;
  options.evaluate_every = 2, options.evaluation_tokens = 5 * sequence;
  return options;
}

/// Checks that 1 to 4 processes of 1 or 2 threads get the bits of one process of one thread.
void check_ranks(const ModelConfig& config, TrainingOptions options) {
  options = with_sizes(options);
  const Trained expected = train(config, options, 1, nullptr);
  CHECK(std::isfinite(expected.loss));
  // All pairs of processes and threads are tried with MPI: see tests/mpi.
  for (const Index count : {1, 2, 3, 4}) {
    if (options.leaves % count != 0) continue;
    const Index workers = count % 2 == 0 ? 1 : 2;
    INFO(count << " processes of " << workers << " threads");
    Mailbox box(count);
    std::vector<Trained> results(static_cast<std::size_t>(count));
    options.ranks = count;
    box.run([&](Ranks& ranks) {
      results[static_cast<std::size_t>(ranks.rank())] = train(config, options, workers, &ranks);
    });
    for (const Trained& result : results) CHECK(result == expected);
  }
}

}  // namespace

TEST_CASE("every family, on 1 to 4 processes: the same bits") {
  for (const auto& family : octavo_test::small_families()) {
    INFO(family.name);
    check_ranks(family.config, {.ema = 0.5, .dropout = 0.2});
    check_ranks(family.config, {.micro_batch = 3, .dropout = 0.2, .fused_update = true});
  }
}

TEST_CASE("few leaves, passes of several sequences, blocks run again: the same bits") {
  for (const std::size_t i : {0u, 1u, 5u}) {
    const auto family = octavo_test::small_families()[i];
    INFO(family.name);
    for (const bool fused : {false, true}) {
      check_ranks(family.config, {.leaves = 4, .micro_batch = 3, .fused_update = fused});
      check_ranks(family.config, {.leaves = 6, .recompute = true, .fused_update = fused});
      check_ranks(family.config, {.leaves = 2, .micro_batch = 2, .fused_update = fused});
    }
  }
}

TEST_CASE("packed rows, other optimizers, adapters, frozen parts: the same bits") {
  ModelConfig config = octavo_test::small_families()[1].config;
  for (const bool fused : {false, true}) {
    check_ranks(config, {.fused_update = fused, .packed = true});
    check_ranks(config, {.optimizer = Muon{}, .fused_update = fused});
    check_ranks(config, {.fused_update = fused, .train_last = 1});
    check_ranks(config, {.fused_update = fused, .freeze = NamePatterns("norm,embedding")});
  }
  config.lora.rank = 2;
  config.lora.dropout = 0.1;
  check_ranks(config, {.dropout = 0.1});
}

TEST_CASE("the bytes sent are those of the formula, and a step makes no heap call") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  TrainingOptions options = with_sizes({});
  for (const Index count : {2, 3, 4}) {
    Mailbox box(count);
    options.ranks = count;
    std::array<std::size_t, 4> before{};
    box.run([&](Mailbox::Rank& rank) {
      ThreadPool threads(2);
      TrainingStep<float> step(Transformer<float>(config), options, threads);
      step.set_ranks(rank);
      step.train(1e-2);
      before[static_cast<std::size_t>(rank.rank())] = rank.sent_bytes;
      CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, 2));
    });
    const Transformer<float> model(config);
    const TrainedTensors trained = trained_tensors(model, options);
    const SumTree tree{options.leaves, count};
    for (Index rank = 0; rank < count; ++rank) {
      // The nodes of other processes' shards, then the sum of the own one to all others.
      Index numbers = 0;
      const auto add_part = [&](Index size) {
        const Index own = rank_shard<float>(size, rank, count).size();
        numbers += tree.nodes(rank) * (size - own) + (count - 1) * own;
      };
      add_part(trained.embedding_count);
      add_part(trained.head_count);
      for (Index layer = 0; layer < config.layers; ++layer) add_part(trained.largest_block);
      const Index losses = (count - 1) * options.rows() / count;
      CHECK(before[static_cast<std::size_t>(rank)] ==
            sizeof(float) * static_cast<std::size_t>(numbers + losses));
    }
  }
}

TEST_CASE("with one node per process, two processes send one copy of the gradients") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  TrainingOptions options = with_sizes({.leaves = 4});
  options.ranks = 2;
  Mailbox box(2);
  box.run([&](Mailbox::Rank& rank) {
    ThreadPool threads(1);
    TrainingStep<float> step(Transformer<float>(config), options, threads);
    step.set_ranks(rank);
    step.train(1e-2);
  });
  std::size_t sent = 0;
  for (const auto& rank : box.ranks()) {
    CHECK(rank.progressed > 0);
    sent += rank.sent_bytes;
  }
  const auto gradients = static_cast<std::size_t>(Transformer<float>(config).parameter_count());
  CHECK(sent == sizeof(float) * (2 * gradients + static_cast<std::size_t>(options.rows())));
}

TEST_CASE("steps and evaluations make no heap call") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  for (const bool fused : {false, true}) {
    TrainingOptions options = with_sizes({.fused_update = fused});
    options.ranks = 3;
    Mailbox box(3);
    std::array<std::uint64_t, 3> allocations{};
    box.run([&](Ranks& ranks) {
      ThreadPool threads(2);
      Trainer<float> trainer(config, options, threads);
      trainer.set_ranks(ranks);
      const auto work = [&] {
        trainer.step(octavo_test::rank_text());
        trainer.evaluate(octavo_test::rank_text());
        any_rank(ranks, false);
      };
      work();
      const octavo_test::HeapGuard guard;
      for (int i = 0; i < 3; ++i) work();
      allocations[static_cast<std::size_t>(ranks.rank())] = guard.allocations();
      any_rank(ranks, false);  // so that none ends while another counts
    });
    for (const std::uint64_t count : allocations) CHECK(count == 0);
  }
}

TEST_CASE("the stop of one process and a divergence end the run on all") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  TrainingOptions options = with_sizes({});
  options.steps = 50, options.ranks = 3;
  Mailbox box(3);
  std::array<Index, 3> done{};
  std::array<StopReason, 3> reasons{};
  box.run([&](Ranks& ranks) {
    ThreadPool threads(1);
    Trainer<float> trainer(config, options, threads);
    trainer.set_ranks(ranks);
    TrainingCallbacks callbacks;
    if (ranks.rank() == 1) {
      callbacks.stop = [&] { return trainer.state().steps_done == 4; };
    }
    const auto own = static_cast<std::size_t>(ranks.rank());
    reasons[own] = trainer.run(octavo_test::rank_text(), callbacks).reason;
    done[own] = trainer.state().steps_done;
  });
  CHECK(done == std::array<Index, 3>{4, 4, 4});
  for (const StopReason reason : reasons) CHECK(reason == StopReason::asked);

  for (const bool fused : {false, true}) {
    options.fused_update = fused;
    std::array<std::string, 3> ends;
    Mailbox another(3);
    another.run([&](Ranks& ranks) {
      ThreadPool threads(1);
      Trainer<float> trainer(config, options, threads);
      trainer.set_ranks(ranks);
      trainer.weights()[30] = std::numeric_limits<float>::quiet_NaN();
      try {
        trainer.run(octavo_test::rank_text());
      } catch (const Diverged& error) {
        ends[static_cast<std::size_t>(ranks.rank())] = error.what();
      }
    });
    CHECK(ends[0] == "training diverged at step 0: loss is not a number");
    for (const std::string& end : ends) CHECK(end == ends[0]);
  }
}

TEST_CASE("another number of processes than the options say is refused, and none at all") {
  const ModelConfig config = octavo_test::small_families()[0].config;
  TrainingOptions options = with_sizes({});
  options.ranks = 3;
  ThreadPool threads(1);
  Trainer<float> trainer(config, options, threads);
  Mailbox box(2);
  const auto refusal = [](auto action) -> std::string {
    try {
      action();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(refusal([&] { trainer.set_ranks(box.ranks()[0]); }) == "processes: got 2, expected 3");
  CHECK(refusal([&] { trainer.step(octavo_test::rank_text()); }) ==
        "the step is shared by several processes: call set_ranks()");
  CHECK(refusal([&] { trainer.evaluate(octavo_test::rank_text()); }) ==
        "the step is shared by several processes: call set_ranks()");
}
