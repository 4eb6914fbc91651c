// SPDX-License-Identifier: MIT
// Frozen parameters: what trains has the bits that it has where the others are given a learning
// rate of 0, in less memory, and nothing runs backward below the lowest tensor that trains.
#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/training/training_step.hpp>

#include "heap_guard/heap_guard.hpp"

using namespace octavo;

namespace {

constexpr ModelConfig untied{.vocabulary = 19,
                             .context = 12,
                             .layers = 3,
                             .width = 16,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 24}};
constexpr ModelConfig tied{.vocabulary = 23,
                           .context = 11,
                           .layers = 2,
                           .width = 12,
                           .attention = {.heads = 3},
                           .feed_forward = {.d_ff = 20, .activation = Activation::gelu},
                           .head = {.tied = true}};

void fill(TrainingStep<float>& step) {
  const auto vocabulary = static_cast<std::size_t>(step.config().vocabulary);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(i * 7 % vocabulary);
    step.targets()[i] = static_cast<Token>(i * 11 % vocabulary);
  }
}

struct Trained {
  std::vector<float> weights;
  std::vector<double> losses, norms;
};

Trained train(TrainingStep<float>& step) {
  fill(step);
  Trained result;
  for (int i = 0; i < 5; ++i) {
    const StepResult told = step.train(1e-2);
    result.losses.push_back(told.loss);
    result.norms.push_back(told.gradient_norm);
  }
  result.weights.assign(step.weights().begin(), step.weights().end());
  return result;
}

/// The same with gradients and moments of everything, and a learning rate of 0 for what is frozen.
Trained train_all(const ModelConfig& config, TrainingOptions options, ThreadPool& threads) {
  TrainingStep<float> frozen(Transformer<float>(config), options, threads);
  options.freeze = "";
  options.train_last = 0;
  TrainingStep<float> step(Transformer<float>(config), options, threads);
  for (const Parameter& tensor : frozen.parameters()) {
    step.parameters().set_learning_rate_factor_of(static_cast<std::size_t>(tensor.index),
                                                  tensor.trains() ? 1 : 0);
  }
  return train(step);
}

std::vector<TrainingOptions> groups() {
  return {{.train_last = 1},
          {.train_last = 2},
          {.freeze = "attention"},
          {.freeze = "tokens, positions"},
          {.freeze = "positions"},
          {.freeze = "blocks.0., bias"},
          {.freeze = "norm*weight", .train_last = 2},
          {.freeze = "feed*weight,final"},
          {.freeze = "blocks."},
          {.freeze = "blocks.1.feed_forward.,tokens"}};
}

}  // namespace

TEST_CASE("what trains has the bits of a step in which the others have a learning rate of 0") {
  for (const ModelConfig& config : {untied, tied}) {
    for (TrainingOptions options : groups()) {
      options.batch = 3, options.sequence = 9;
      for (const Index micro_batch : {1, 3}) {
        for (const int way : {0, 1, 2, 3}) {
          options.micro_batch = micro_batch;
          options.recompute = way % 2 == 1;
          options.fused_update = way / 2 == 1;
          options.clip = options.fused_update ? 0.01 : 0;
          options.dropout = micro_batch == 3 ? 0.1 : 0;
          INFO(std::string(options.freeze.text()), " last ", options.train_last, " tied ",
               config.head.tied, " micro ", micro_batch, " recompute ", options.recompute,
               " fused ", options.fused_update);
          ThreadPool threads(2);
          TrainingStep<float> step(Transformer<float>(config), options, threads);
          const Trained some = train(step);
          const Trained all = train_all(config, options, threads);
          CHECK(some.weights == all.weights);
          CHECK(some.losses == all.losses);
          for (std::size_t i = 0; i < some.norms.size(); ++i) {
            CHECK(some.norms[i] == doctest::Approx(all.norms[i]).epsilon(1e-12));
          }
          CHECK(step.plan().total_bytes() == training_bytes<float>(config, options, 2));
          TrainingOptions whole = options;
          whole.freeze = "", whole.train_last = 0;
          // Where blocks train different numbers, activations do not lie in gradients' memory.
          const Transformer<float> model(config);
          if (!trained_tensors(model, options).equal_blocks) continue;
          CHECK(step.plan().total_bytes() < training_bytes<float>(config, whole, 2));
        }
      }
    }
  }
}

TEST_CASE("with clipping the norm is that of what trains; any number of threads, any micro-batch") {
  for (TrainingOptions options : groups()) {
    options.batch = 3, options.sequence = 9, options.clip = 0.01;
    for (const AnyOptimizer& optimizer : {AnyOptimizer(Lion{}), AnyOptimizer(AdamW8bit{})}) {
      options.optimizer = optimizer;
      std::vector<Trained> all;
      for (const Index workers : {1, 3}) {
        options.micro_batch = workers;
        ThreadPool threads(workers);
        TrainingStep<float> step(Transformer<float>(untied), options, threads);
        fill(step);
        step.compute_gradients();
        double squares = 0;
        for (const float gradient : step.gradients()) {
          squares += static_cast<double>(gradient) * static_cast<double>(gradient);
        }
        CHECK(step.update(0) == doctest::Approx(std::sqrt(squares)).epsilon(1e-9));
        all.push_back(train(step));
      }
      CHECK(all[0].weights == all[1].weights);
      CHECK(all[0].norms == all[1].norms);
    }
  }
}

TEST_CASE("gradients and moments are those of what trains alone, to the byte") {
  ThreadPool threads(1);
  const TrainingOptions options{.sequence = 8, .train_last = 1};
  TrainingStep<float> step(Transformer<float>(untied), options, threads);
  const Index block = step.model().block_range(0).count, end = step.model().head_range().count;
  CHECK(std::ssize(step.gradients()) == block + end);
  CHECK(step.optimizer_state().size() ==
        static_cast<std::size_t>(2 * (block + end)) * sizeof(float));
  CHECK(step.gradient("head.weight").rows() == 19);
  CHECK_THROWS_WITH_AS(step.gradient("embedding.tokens.weight"),
                       "'embedding.tokens.weight' is frozen: it has no gradient", ConfigError);
  fill(step);
  const octavo_test::HeapGuard guard;
  step.train(1e-3);
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  static_assert(training_bytes<float>(untied, {.sequence = 8, .train_last = 1}) <
                training_bytes<float>(untied, {.sequence = 8}));
  static_assert(training_bytes<float>(untied, {.sequence = 8, .freeze = "attention"}) <
                training_bytes<float>(untied, {.sequence = 8}));
}

namespace {

/// Adds nothing, and counts how often each block runs backward.
struct Counting {
  using Value = float;
  static inline std::array<std::atomic<int>, 8> calls{};

  Counting(const Builder<float>& builder, const ModelConfig& config)
      : gain(builder.vector("gain", config.width)) {}
  void forward(const Pass<float>& pass, MatrixView<float>) const { pass.worker().barrier(); }
  void backward(const Pass<float>& pass, MatrixView<float>) const {
    if (pass.worker().index() == 0) ++calls[static_cast<std::size_t>(pass.block)];
    pass.worker().barrier();
  }
  ParameterSlot gain;
};

std::vector<int> backward_calls(const TrainingOptions& options) {
  ThreadPool threads(2);
  ModelConfig config = untied;
  config.layers = 5;
  TrainingStep<float, ModelConfig, Counting> step(Transformer<float, ModelConfig, Counting>(config),
                                                  options, threads);
  for (auto& calls : Counting::calls) calls = 0;
  step.train(1e-3);
  return {Counting::calls.begin(), Counting::calls.begin() + 5};
}

}  // namespace

TEST_CASE("below the lowest tensor that trains nothing runs backward") {
  using Calls = std::vector<int>;
  CHECK(backward_calls({.sequence = 4}) == Calls{1, 1, 1, 1, 1});
  CHECK(backward_calls({.sequence = 4, .train_last = 2}) == Calls{0, 0, 0, 1, 1});
  CHECK(backward_calls({.sequence = 4, .fused_update = true, .train_last = 2}) ==
        Calls{0, 0, 0, 1, 1});
  CHECK(backward_calls({.sequence = 4, .freeze = "embedding, blocks.0., blocks.3."}) ==
        Calls{0, 1, 1, 1, 1});
  CHECK(backward_calls({.sequence = 4, .freeze = "embedding,gain"}) == Calls{0, 0, 0, 0, 0});
  CHECK(backward_calls({.sequence = 4, .freeze = "tokens,gain"}) == Calls{1, 1, 1, 1, 1});
}

TEST_CASE("groups that make no sense are refused") {
  ThreadPool threads(1);
  const auto refusal = [&](const TrainingOptions& options) -> std::string {
    try {
      TrainingStep<float>(Transformer<float>(untied), options, threads);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal({.sequence = 4, .freeze = "atn"}) == "freeze: no tensor's name contains 'atn'");
  CHECK(refusal({.sequence = 4, .freeze = "*"}) == "freeze: nothing is left to train");
  CHECK(refusal({.sequence = 4, .train_last = 4}) ==
        "train_last is 4, expected 0 to 3, the model's blocks");
  CHECK(refusal({.sequence = 4, .train_last = -1}) == "train_last is -1, expected 0 or more");
  CHECK(refusal({.sequence = 4, .train_last = 3}) == "");
}
