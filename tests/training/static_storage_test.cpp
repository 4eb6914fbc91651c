// SPDX-License-Identifier: MIT
// Training, evaluation and generation in a static array, with the heap banned.
#include <algorithm>
#include <array>
#include <cstddef>
#include <heap_guard/heap_guard.hpp>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training/trainer.hpp>

using namespace octavo;
using octavo_test::HeapBan;
using octavo_test::HeapGuard;

namespace {

constexpr ModelConfig config{.vocabulary = 35,
                             .context = 16,
                             .layers = 2,
                             .width = 24,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 40}};
using Config = FixedConfig<config>;
using Model = Transformer<float, Config>;

constexpr TrainingOptions options_of(const AnyOptimizer& optimizer, bool recompute, bool fused,
                                     Index workers) {
  TrainingOptions options;
  options.steps = 60;
  options.batch = 3;
  options.sequence = 16;
  options.micro_batch = 2;
  options.learning_rate = 1e-2;
  options.warmup = 5;
  options.optimizer = optimizer;
  options.evaluate_every = 20;
  options.recompute = recompute;
  options.fused_update = fused;
  options.between_steps_bytes = generation_bytes<float>(config, 16, workers);
  return options;
}

constexpr std::byte untouched{0xA5};

/// A static array of exactly the planned size, between two that nobody may touch.
template <std::size_t bytes>
struct Fenced {
  std::array<std::byte, alignment_bytes> before;
  alignas(alignment_bytes) std::array<std::byte, bytes> memory;
  std::array<std::byte, alignment_bytes> after;

  void raise() {
    before.fill(untouched);
    memory.fill(untouched);
    after.fill(untouched);
  }
  bool stands() const {
    for (const std::byte byte : before) {
      if (byte != untouched) return false;
    }
    for (const std::byte byte : after) {
      if (byte != untouched) return false;
    }
    return true;
  }
  template <typename T>
  bool holds(std::span<T> part) const {
    const auto inner = std::as_bytes(part);
    return !inner.empty() && inner.data() >= memory.data() &&
           inner.data() + inner.size() <= memory.data() + memory.size();
  }
};

struct AdamWay {
  static constexpr Index workers = 2;
  static constexpr TrainingOptions options = options_of(AdamW{}, false, false, workers);
};
struct EightBitWay {
  static constexpr Index workers = 1;
  static constexpr TrainingOptions options = options_of(AdamW8bit{}, false, false, workers);
};
struct FusedWay {
  static constexpr Index workers = 2;
  static constexpr TrainingOptions options = options_of(AdamW8bit{}, true, true, workers);
};

template <typename Way>
Fenced<training_bytes<float>(config, Way::options, Way::workers)> storage;

}  // namespace

TEST_CASE_TEMPLATE("a run in a static array needs no heap, and has the bits of one on the heap",
                   Way, AdamWay, EightBitWay, FusedWay) {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  const TokenStore tokens = tokenize(tokenizer, sample_text);
  const TokenSplit split = split_tokens(tokens.view());
  const Token prompt[] = {tokens.view()[0]};
  const Model model(Config{});
  ThreadPool threads(Way::workers);
  auto& fenced = storage<Way>;
  fenced.raise();
  Trainer<float, Config> trainer(model, Way::options, threads, fenced.memory);

  int steps = 0;
  int evaluations = 0;
  std::array<Token, 60> written{};
  std::size_t count = 0;
  double validation_loss = 0;
  Generator<float, Config> generator(model, trainer.weights(), 16, threads,
                                     trainer.between_steps());
  const auto evaluated = [&](Index, double) {
    ++evaluations;
    count = 0;
    generator.generate(prompt, 60, {.temperature = 0.8}, 1, [&](Token token) {
      written[count++] = token;
      return true;
    });
  };
  // std::function keeps the larger of the two on the heap, before the run begins.
  const TrainingCallbacks callbacks{.step = [&](const StepResult&) { ++steps; },
                                    .evaluation = evaluated};
  {
    const HeapBan ban;
    validation_loss = trainer.run(split.train, split.validation, callbacks).validation_loss;
  }

  CHECK(steps == 60);
  CHECK(evaluations == 3);
  CHECK(count == 60);
  CHECK(fenced.stands());
  CHECK(trainer.plan().total_bytes() == fenced.memory.size());
  CHECK(fenced.holds(trainer.weights()));
  CHECK(fenced.holds(trainer.training_step().optimizer_state()));
  CHECK(fenced.holds(trainer.training_step().inputs()));
  CHECK(fenced.holds(trainer.between_steps()));
  if (!Way::options.fused_update) CHECK(fenced.holds(trainer.training_step().gradients()));

  Trainer<float, Config> on_heap(model, Way::options, threads);
  CHECK(on_heap.run(split.train, split.validation).validation_loss == validation_loss);
  CHECK(std::equal(on_heap.weights().begin(), on_heap.weights().end(), trainer.weights().begin()));
  Generator<float, Config> writer(model, on_heap.weights(), 16, threads);
  std::vector<Token> expected;
  writer.generate(prompt, 60, {.temperature = 0.8}, 1, [&](Token token) {
    expected.push_back(token);
    return true;
  });
  CHECK(std::equal(written.begin(), written.end(), expected.begin(), expected.end()));
}

TEST_CASE("starting in a static array allocates the tensors' names alone") {
  if (!octavo_test::heap_guard_active()) return;
  const HeapGuard model_guard;
  const Model model(Config{});
  const auto for_model = model_guard.allocations();
  const HeapGuard names_guard;
  const ParameterList names = model.parameters();
  const auto for_names = names_guard.allocations();
  ThreadPool alone(1);
  const HeapGuard trainer_guard;
  const Trainer<float, Config> trainer(model, EightBitWay::options, alone,
                                       storage<EightBitWay>.memory);
  const auto for_trainer = trainer_guard.allocations();
  const HeapGuard generator_guard;
  const Generator<float, Config> generator(model, trainer.weights(), 16, alone,
                                           trainer.between_steps());
  const auto for_generator = generator_guard.allocations();
  CHECK(for_model == 0);
  CHECK(for_names > 0);
  CHECK(for_trainer == for_names);
  CHECK(for_generator == 0);
}
