// SPDX-License-Identifier: MIT
// The block of examples/own_block.cpp, in double: its gradients, and everything that a Transformer
// does with a block.
#include <algorithm>
#include <array>
#include <iostream>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/octavo.hpp>

// The example's main is not this program's, and so has to return something.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
#define main own_block_main
#include "../../examples/own_block.cpp"
#undef main
#pragma GCC diagnostic pop

namespace {

constexpr ModelConfig config{.vocabulary = 11,
                             .context = 12,
                             .layers = 2,
                             .width = 48,
                             .attention = {.heads = 4},
                             .feed_forward = {.d_ff = 192}};
using OwnModel = Transformer<double, ModelConfig, ParallelBlock<double>>;
using Step = TrainingStep<double, ModelConfig, ParallelBlock<double>>;

static_assert(TransformerBlock<ParallelBlock<float>>);
static_assert(!TransformerBlock<FeedForward<float>>);
static_assert(BlockPart<FeedForward<float>>);

Step make_step(ThreadPool& threads, TrainingOptions options = {}) {
  options.batch = 2, options.sequence = 9;
  Step step(OwnModel{config}, options, threads);
  for (double& weight : step.weights()) weight *= 4;
  const CounterRandom random(1, RandomStream::batches);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(random.below(2 * i, 11));
    step.targets()[i] = static_cast<Token>(random.below(2 * i + 1, 11));
  }
  return step;
}

}  // namespace

TEST_CASE("an own block's gradients agree with central differences, in every tensor") {
  ThreadPool threads(2);
  Step step = make_step(threads);
  step.compute_gradients();
  const std::vector<double> gradients(step.gradients().begin(), step.gradients().end());
  double largest = 0;
  for (const Parameter& parameter : step.parameters()) {
    for (const Index part : {0, 3, 7}) {  // some numbers of each tensor
      const auto i = static_cast<std::size_t>(parameter.offset + parameter.count() * part / 8);
      const double before = step.weights()[i];
      constexpr double h = 1e-5;
      step.weights()[i] = before + h;
      const double above = step.compute_gradients();
      step.weights()[i] = before - h;
      const double below = step.compute_gradients();
      step.weights()[i] = before;
      INFO(parameter.name, " number ", i);
      CHECK(std::abs(gradients[i] - (above - below) / (2 * h)) < 1e-9);
      largest = std::max(largest, std::abs(gradients[i]));
    }
  }
  CHECK(largest > 1e-3);
}

TEST_CASE("an own block gives the same bits with more workers, recomputed, and fused") {
  const auto trained = [](Index workers, const TrainingOptions& options) {
    ThreadPool threads(workers);
    Step step = make_step(threads, options);
    for (int i = 0; i < 3; ++i) step.train(1e-3);
    return std::vector<double>(step.weights().begin(), step.weights().end());
  };
  const std::vector<double> expected = trained(1, {.clip = 0});
  CHECK(trained(3, {.clip = 0}) == expected);
  CHECK(trained(2, {.clip = 0, .recompute = true}) == expected);
  CHECK(trained(2, {.clip = 0, .fused_update = true}) == expected);
}

TEST_CASE("an own block generates with a cache, with the bits of the whole sequence") {
  ThreadPool threads(2);
  const Step step = make_step(threads);
  const std::vector<Token> tokens(step.inputs().begin(), step.inputs().begin() + 9);
  MemoryPlan plan;
  const OwnModel model(config, plan, {1, 9, 1, false});
  plan.place();
  const Arena arena(plan);
  std::vector<double> logits(9 * 11);
  const Worker worker;
  model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                .rows = {1, 9},
                .weights = step.weights().data()},
               tokens, MatrixView<double>(logits.data(), 9, 11));
  Generator generator(step.model(), step.weights(), 9, threads);
  for (std::size_t i = 0; i < 9; ++i) {
    generator.read(std::span(tokens).subspan(i, 1));
    CHECK(std::equal(generator.logits().begin(), generator.logits().end(), &logits[i * 11]));
  }
}
