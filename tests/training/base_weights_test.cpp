// SPDX-License-Identifier: MIT
// Adapters on a frozen base that stays in the number type of its file: the bits of a run on the
// decoded numbers, in the memory of what trains.
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_store.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/training/step_time.hpp>
#include <octavo/training/trainer.hpp>

#include "heap_guard/heap_guard.hpp"
#include "training/small_steps.hpp"
#include "transformer/small_families.hpp"
#include "transformer/stored_model.hpp"

using namespace octavo_test;

namespace {

constexpr LoraConfig adapters{.rank = 3, .alpha = 5};

ModelConfig with(ModelConfig config, const LoraConfig& lora = adapters) {
  config.lora = lora;
  return config;
}

/// Lines of it have whole blocks of every type.
ModelConfig wide_model(Family family, bool tied) {
  ModelConfig config = with_family({.vocabulary = 23,
                                    .context = 32,
                                    .layers = 2,
                                    .width = 256,
                                    .attention = {.heads = 4, .kv_heads = 2, .head_width = 64},
                                    .feed_forward = {.d_ff = 256}},
                                   family);
  if (family == Family::gpt2) config.attention = {.heads = 4};
  config.head.tied = tied;
  return config;
}

/// Some steps; the same for both kinds of base, without a heap call after the first.
Trained take_steps(TrainingStep<float>& step) {
  fill(step);
  Trained result;
  result.losses.push_back(step.train(1e-2).loss);
  const HeapGuard guard;
  std::array<double, 3> losses{};
  for (double& loss : losses) loss = step.train(1e-2).loss;
  losses[2] = step.add_losses(0, 1, 17);
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  result.losses.insert(result.losses.end(), losses.begin(), losses.end());
  for (const Parameter& tensor : step.parameters()) {
    if (!tensor.trains()) continue;
    const auto numbers = step.weights().subspan(static_cast<std::size_t>(tensor.offset),
                                                static_cast<std::size_t>(tensor.count()));
    result.weights.insert(result.weights.end(), numbers.begin(), numbers.end());
  }
  result.averages.assign(step.averages().begin(), step.averages().end());
  return result;
}

constexpr TrainingOptions sized(TrainingOptions options) {
  options.batch = 3, options.sequence = 17, options.ema = 0.15;
  return options;
}

/// On the numbers of the base.
Trained train_on_numbers(const StoredModel& base, const LoraConfig& lora, TrainingOptions options) {
  options = sized(options);
  ThreadPool threads(2);
  TrainingStep<float> step(Transformer<float>(with(base.model.config(), lora)), options, threads);
  const ParameterList list = base.model.parameters();
  for (const Parameter& tensor : list) {
    step.weight(tensor.name) = list.map(std::span<const float>(base.numbers), tensor.name);
  }
  return take_steps(step);
}

/// On the stored base.
Trained train_on_base(const StoredModel& base, const LoraConfig& lora, TrainingOptions options,
                      Index workers) {
  options = sized(options);
  ThreadPool threads(workers);
  const ModelConfig config = with(base.model.config(), lora);
  TrainingStep<float> step(Transformer<float>(config), options, threads, base.stored.parameters());
  options.stored_base = true;
  CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, workers));
  return take_steps(step);
}

}  // namespace

TEST_CASE("adapters on a base of any type train to the bits of those on its numbers") {
  for (const bool tied : {true, false}) {
    const Family family = tied ? Family::llama : Family::qwen3;
    for_each_stored_type([&](StoredType type, StoredLayout layout) {
      const StoredModel base(wide_model(family, tied), type, layout);
      INFO(std::string(name_of(type)), ", tied ", tied);
      const Trained expected = train_on_numbers(base, adapters, {});
      CHECK(expected.losses[2] < expected.losses[0]);
      CHECK(train_on_base(base, adapters, {}, 1) == expected);
      CHECK(train_on_base(base, adapters, {.recompute = true}, 3) == expected);
    });
  }
}

TEST_CASE("a stored base: any family, threads, micro-batch, recomputation, the same bits") {
  std::size_t kind = 0;
  for (const auto& family : small_families()) {
    const StoredType types[] = {StoredType::f32, StoredType::f16, StoredType::bf16};
    const StoredModel base(family.config, types[kind % 3],
                           kind % 2 == 0 ? StoredLayout::grouped : StoredLayout::lines);
    ++kind;
    const LoraConfig lora{.rank = 2, .dropout = 0.2};
    INFO(family.name);
    const Trained expected = train_on_numbers(base, lora, {});
    for (const Index workers : {1, 2, 3, 4}) {
      CHECK(train_on_base(base, lora, {}, workers) == expected);
    }
    CHECK(train_on_base(base, lora, {.micro_batch = 3}, 2) == expected);
    CHECK(train_on_base(base, lora, {.micro_batch = 2, .recompute = true}, 3) == expected);
    for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW8bit{}), AnyOptimizer(Muon{})}) {
      TrainingOptions options{.optimizer = optimizer, .clip = 0, .dropout = 0.1};
      const Trained fused = train_on_numbers(base, lora, options);
      options.fused_update = true;
      CHECK(train_on_base(base, lora, options, 2) == fused);
      options.recompute = true;
      options.micro_batch = 3;
      CHECK(train_on_base(base, lora, options, 1) == fused);
    }
  }
}

TEST_CASE("a stored base: what else trains are numbers that begin as the base's") {
  for (const bool tied : {true, false}) {
    const StoredModel base(wide_model(Family::gpt2, tied), StoredType::q8_0, StoredLayout::grouped);
    for (const TrainingOptions& options :
         {TrainingOptions{.train_too = "norm,embedding"},
          TrainingOptions{.train_too = "qkv.weight"}, TrainingOptions{.train_last = 1},
          TrainingOptions{.freeze = "lora_a"},
          TrainingOptions{.train_too = "norm", .train_last = 1}}) {
      INFO(options.train_too.text(), options.freeze.text(), ", tied ", tied);
      CHECK(train_on_base(base, adapters, options, 2) == train_on_numbers(base, adapters, options));
    }
  }
}

TEST_CASE("a stored base: the plan has what trains, and frozen adapters") {
  const StoredModel base(wide_model(Family::llama, true), StoredType::q4_0, StoredLayout::grouped);
  const ModelConfig config = with(base.model.config());
  const Transformer<float> model(config);
  ThreadPool threads(1);
  const Index added = model.parameter_count() - base.model.parameter_count();
  const std::vector<std::byte> before(base.stored.parameters()[0].stored[0].data,
                                      base.stored.parameters()[0].stored[0].data + 64);
  for (const TrainingOptions& options : {TrainingOptions{}, TrainingOptions{.train_last = 1},
                                         TrainingOptions{.train_too = "norm"}}) {
    TrainingStep<float> step(model, options, threads, base.stored.parameters());
    const Index norms = options.train_too.text().empty() ? 0 : 5 * 256;
    CHECK(std::ssize(step.weights()) == added + norms);
    CHECK(std::ssize(step.gradients()) == (options.train_last == 1 ? added / 2 : added + norms));
    CHECK(std::ssize(step.optimizer_state()) == 8 * std::ssize(step.gradients()));
    CHECK(step.options().stored_base);
  }
  TrainingStep<float> step(model, {}, threads, base.stored.parameters());
  CHECK_THROWS_WITH_AS(step.weight("final_norm.weight"),
                       "'final_norm.weight' belongs to the base: it is not among the weights",
                       ConfigError);
  fill(step);
  step.train(1e-2);
  CHECK(std::equal(before.begin(), before.end(), base.stored.parameters()[0].stored[0].data));
  // The adapters begin as those of a run on numbers.
  const TrainingStep<float> plain(model, {}, threads);
  TrainingStep<float> fresh(model, {}, threads, base.stored.parameters());
  for (const Parameter& tensor : fresh.parameters()) {
    if (is_adapter(tensor.name)) CHECK(fresh.weight(tensor.name) == plain.weight(tensor.name));
  }
}

TEST_CASE("a stored base: a whole run with evaluations, and double") {
  const StoredModelOf<double> base(wide_model(Family::gemma3, true), StoredType::q6_k,
                                   StoredLayout::lines);
  const Transformer<double> model(with(base.model.config()));
  ThreadPool threads(2);
  const TrainingOptions options{.steps = 5, .sequence = 12, .evaluate_every = 2};
  Trainer<double> stored(model, options, threads, base.stored.parameters());
  Trainer<double> plain(model, options, threads);
  const ParameterList list = base.model.parameters();
  for (const Parameter& tensor : list) {
    plain.weight(tensor.name) = list.map(std::span<const double>(base.numbers), tensor.name);
  }
  TokenStore tokens(23);
  for (Token i = 0; i < 100; ++i) tokens.push_back(i * i % 23);
  const RunResult of_stored = stored.run(tokens.view(), tokens.view());
  const RunResult of_plain = plain.run(tokens.view(), tokens.view());
  CHECK(of_stored.validation_loss == of_plain.validation_loss);
  CHECK(stored.state().best_validation == plain.state().best_validation);
  CHECK(measure_step<double>(model.config(), stored.options(), threads, 0,
                             base.stored.parameters()) > 0);
}

TEST_CASE("a stored base of another model is refused") {
  const StoredModel base(wide_model(Family::llama, true), StoredType::f16, StoredLayout::grouped);
  ThreadPool threads(1);
  const auto refused = [&](const ModelConfig& config, std::span<const Weight<float>> weights,
                           const char* message) {
    CHECK_THROWS_WITH_AS(TrainingStep<float>(Transformer<float>(config), {}, threads, weights),
                         message, ConfigError);
  };
  const ModelConfig config = with(base.model.config());
  ModelConfig other = config;
  other.layers = 3;
  refused(other, base.stored.parameters(),
          "base: got 14 tensors, expected 20, those of the model without adapters");
  other = config;
  other.vocabulary = 24;
  refused(other, base.stored.parameters(),
          "base: the weights of 'embedding.tokens.weight' have another size");
  other = config;
  other.feed_forward.d_ff = 128;
  refused(other, base.stored.parameters(),
          "base: the weights of 'blocks.0.feed_forward.gate_up.weight' have another size");
  CHECK_THROWS_WITH_AS(
      TrainingStep<float>(Transformer<float>(config), {.stored_base = true}, threads),
      "base: got 0 tensors, expected 14, those of the model without adapters", ConfigError);
}
