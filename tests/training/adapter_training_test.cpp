// SPDX-License-Identifier: MIT
// A model with low-rank adapters trains them alone: on any number of threads the same bits, in the
// memory of what trains.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/presets.hpp>

#include "heap_guard/heap_guard.hpp"
#include "training/small_steps.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr LoraConfig adapters{.rank = 3, .alpha = 5};

constexpr ModelConfig with(ModelConfig config, const LoraConfig& lora = adapters) {
  config.lora = lora;
  return config;
}

Trained train(const ModelConfig& config, TrainingOptions options, Index workers) {
  options.batch = 3, options.sequence = 17, options.ema = 0.15;
  ThreadPool threads(workers);
  TrainingStep<float> step(Transformer<float>(config), options, threads);
  fill(step);
  Trained result;
  result.losses.push_back(step.train(1e-2).loss);
  const octavo_test::HeapGuard guard;
  std::array<double, 3> losses{};
  for (double& loss : losses) loss = step.train(1e-2).loss;
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, workers));
  result.losses.insert(result.losses.end(), losses.begin(), losses.end());
  result.weights.assign(step.weights().begin(), step.weights().end());
  result.averages.assign(step.averages().begin(), step.averages().end());
  return result;
}

}  // namespace

TEST_CASE("adapters train alone, in the memory of the base and of what trains") {
  const ModelConfig base = octavo_test::small_families()[3].config, config = with(base);
  const Index added = parameter_count(config) - parameter_count(base);
  ThreadPool threads(2);
  TrainingStep<float> step(Transformer<float>(config), {.sequence = 17}, threads);
  const std::vector<float> before(step.weights().begin(), step.weights().end());
  CHECK(std::ssize(before) == parameter_count(base) + added);
  CHECK(std::ssize(step.gradients()) == added);
  CHECK(std::ssize(step.optimizer_state()) == 2 * added * Index{sizeof(float)});
  fill(step);
  step.train(1e-2);
  step.train(1e-2);
  Index trained = 0;
  for (const Parameter& tensor : step.parameters()) {
    INFO(tensor.name);
    const auto first = static_cast<std::size_t>(tensor.offset);
    const bool changed =
        !std::equal(step.weights().begin() + tensor.offset,
                    step.weights().begin() + tensor.offset + tensor.count(), &before[first]);
    CHECK(changed == is_adapter(tensor.name));
    CHECK(tensor.trains() == is_adapter(tensor.name));
    if (tensor.trains()) trained += tensor.count();
  }
  CHECK(trained == added);
}

TEST_CASE("as they begin, adapters change nothing; A is uniform, B is 0") {
  const ModelConfig base = octavo_test::small_families()[2].config, config = with(base);
  ThreadPool threads(1);
  TrainingStep<double> plain(Transformer<double>(base), {.sequence = 17}, threads);
  TrainingStep<double> adapted(Transformer<double>(config), {.sequence = 17}, threads);
  for (const Parameter& tensor : plain.parameters()) {
    adapted.weight(tensor.name) = plain.weight(tensor.name);
  }
  for (auto* step : {&plain, &adapted}) {
    for (std::size_t i = 0; i < step->inputs().size(); ++i) {
      step->inputs()[i] = step->targets()[i] = static_cast<Token>(i * 5 % 23);
    }
  }
  CHECK(adapted.compute_gradients() == plain.compute_gradients());
  for (const Parameter& tensor : adapted.parameters()) {
    if (!tensor.trains()) continue;
    const auto values = adapted.weight(tensor.name);
    INFO(tensor.name);
    if (tensor.name.ends_with("lora_b")) {
      CHECK(values.isZero(0));
      CHECK_FALSE(adapted.gradient(tensor.name).isZero(0));
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(tensor.rows));
    CHECK(values.maxCoeff() <= bound);
    CHECK(values.minCoeff() >= -bound);
    CHECK(values.maxCoeff() - values.minCoeff() > 1.5 * bound);
    CHECK(adapted.gradient(tensor.name).isZero(0));
  }
}

TEST_CASE("adapters: any number of threads, any micro-batch, kept or computed again, same bits") {
  for (const auto& family : octavo_test::small_families()) {
    for (const double dropout : {0.0, 0.2}) {
      const ModelConfig config = with(family.config, {.rank = 3, .alpha = 5, .dropout = dropout});
      INFO(family.name);
      const Trained expected = train(config, {}, 1);
      CHECK(std::isfinite(expected.losses.back()));
      CHECK(expected.losses.back() < expected.losses.front());
      for (const Index workers : {2, 3, 4}) CHECK(train(config, {}, workers) == expected);
      CHECK(train(config, {.micro_batch = 3}, 2) == expected);
      CHECK(train(config, {.recompute = true}, 2) == expected);
      CHECK(train(config, {.micro_batch = 2, .recompute = true}, 3) == expected);
    }
  }
}

TEST_CASE("adapters: updates at once, with dropout and moments of 8 bits, and Muon: same bits") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig config = with(family.config, {.rank = 2, .dropout = 0.1});
    INFO(family.name);
    for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW8bit{}), AnyOptimizer(Muon{})}) {
      TrainingOptions options{.optimizer = optimizer, .clip = 0, .dropout = 0.1};
      const Trained expected = train(config, options, 1);
      options.fused_update = true;
      CHECK(train(config, options, 2) == expected);
      options.micro_batch = 3;
      CHECK(train(config, options, 3) == expected);
      options.recompute = true;
      CHECK(train(config, options, 2) == expected);
    }
  }
}

TEST_CASE("adapters of the last block; norms and tables besides; the base needs no gradients") {
  for (const auto& family : octavo_test::small_families()) {
    const ModelConfig config = with(family.config);
    INFO(family.name);
    for (TrainingOptions options :
         {TrainingOptions{.train_last = 1}, TrainingOptions{.train_too = "norm,embedding"},
          TrainingOptions{.freeze = "lora_a"}}) {
      options.clip = 0;
      const Trained expected = train(config, options, 1);
      CHECK(train(config, options, 3) == expected);
      options.fused_update = true;
      CHECK(train(config, options, 2) == expected);
      TrainingOptions whole{.batch = 3, .sequence = 17, .fused_update = true};
      options.batch = 3, options.sequence = 17;
      if (!options.train_too.text().empty()) continue;
      CHECK(training_bytes<float>(config, options) < training_bytes<float>(family.config, whole));
    }
  }
}

TEST_CASE("adapters: what else trains") {
  const Transformer<float> model(with(presets::tiny)), plain(presets::tiny);
  const auto count = [](const auto& of, const TrainingOptions& options) {
    const TrainedTensors trained = trained_tensors(of, options);
    CHECK(trained_parameters(of, options).trained_count() == trained.sizes.count);
    return trained.sizes.count;
  };
  const Index adapters_alone = count(model, {});
  CHECK(adapters_alone == model.parameter_count() - plain.parameter_count());
  CHECK(count(model, {.train_too = "final_norm"}) == adapters_alone + 2 * 64);
  CHECK(count(model, {.freeze = "attention", .train_too = "final_norm"}) < adapters_alone);
  CHECK_THROWS_WITH_AS(count(model, {.train_too = "norms"}),
                       "train_too: no tensor's name contains 'norms'", ConfigError);
  const char* const none =
      "train_too: the model has no adapters, so that everything trains already";
  CHECK_THROWS_WITH_AS(count(plain, {.train_too = "norm"}), none, ConfigError);
  CHECK_THROWS_WITH_AS(trained_parameters(plain, {.train_too = "norm"}), none, ConfigError);
  static_assert(training_bytes<float>(with(presets::small), {.sequence = 64}) <
                training_bytes<float>(presets::small, {.sequence = 64}));
}

TEST_CASE("adapters: a target that the blocks do not have is an error") {
  CHECK_THROWS_WITH_AS(Transformer<float>(with(presets::tiny, {.rank = 2, .targets = "gate_proj"})),
                       "lora_targets: no linear layer of a block is called 'gate_proj'",
                       ConfigError);
}
