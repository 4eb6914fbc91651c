// SPDX-License-Identifier: MIT
// What saves memory: the choices that may not change a bit, and those that change what they say.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
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
constexpr ModelConfig tied{
    .vocabulary = 23,
    .context = 11,
    .layers = 2,
    .width = 12,
    .norm = {.bias = false},
    .attention = {.heads = 3, .bias = false},
    .feed_forward = {.d_ff = 20, .activation = Activation::gelu, .bias = false},
    .head = {.tied = true, .bias = false}};

/// A layer whose backward bursts, as one does whose numbers have become too large.
struct Bursting : FeedForward<float> {
  using FeedForward<float>::FeedForward;

  void backward(const Pass<float>& pass, MatrixView<const float> input,
                MatrixView<const float> output_gradient, MatrixView<float> input_gradient) const {
    FeedForward<float>::backward(pass, input, output_gradient, input_gradient);
    pass.worker().barrier();
    if (pass.worker().index() == 0) {
      input_gradient.row(0)[0] = std::numeric_limits<float>::infinity();
    }
    pass.worker().barrier();
  }
};

template <typename Step>
void draw(Step& step) {
  const CounterRandom random(3, RandomStream::batches,
                             static_cast<std::uint64_t>(step.steps_done()));
  const auto vocabulary = static_cast<std::uint64_t>(step.config().vocabulary);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(random.below(2 * i, vocabulary));
    step.targets()[i] = static_cast<Token>(random.below(2 * i + 1, vocabulary));
  }
  step.targets()[1] = -1;
}

struct Trained {
  std::vector<float> weights;
  std::vector<double> losses;
  std::size_t bytes;
  friend bool operator==(const Trained& a, const Trained& b) {
    return a.weights == b.weights && a.losses == b.losses;
  }
};

Trained train(const ModelConfig& config, const TrainingOptions& options, Index workers = 2) {
  ThreadPool threads(workers);
  TrainingStep<float> step(Transformer<float>{config}, options, threads);
  Trained result{{}, {}, step.plan().total_bytes()};
  const octavo_test::HeapGuard guard;
  std::array<double, 6> losses{};
  for (double& loss : losses) {
    draw(step);
    loss = step.train(1e-2).loss;
  }
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  result.weights.assign(step.weights().begin(), step.weights().end());
  result.losses.assign(losses.begin(), losses.end());
  return result;
}

TrainingOptions options(Index micro_batch, double clip, double dropout) {
  return {.batch = 3,
          .sequence = 10,
          .accumulate = 2,
          .micro_batch = micro_batch,
          .clip = clip,
          .dropout = dropout};
}

}  // namespace

TEST_CASE("running blocks again on the way back does not change a bit, and needs less memory") {
  for (const ModelConfig& config : {untied, tied}) {
    for (const double dropout : {0.0, 0.3}) {
      const Trained plain = train(config, options(1, 1.0, dropout), 1);
      for (const Index micro : {1, 4, 6}) {
        TrainingOptions again = options(micro, 1.0, dropout);
        const std::size_t before = train(config, again).bytes;
        again.recompute = true;
        const Trained recomputed = train(config, again);
        CHECK(recomputed == plain);
        CHECK(recomputed.bytes < before);
      }
    }
  }
}

TEST_CASE("without clipping, updates as soon as a gradient is complete do not change a bit") {
  for (const ModelConfig& config : {untied, tied}) {
    for (const double dropout : {0.0, 0.3}) {
      const Trained plain = train(config, options(1, 0, dropout), 1);
      for (const Index micro : {1, 4, 6}) {
        for (const bool recompute : {false, true}) {
          TrainingOptions fused = options(micro, 0, dropout);
          fused.recompute = recompute;
          fused.fused_update = true;
          INFO("tied ", config.head.tied, ", dropout ", dropout, ", micro ", micro, ", rec ",
               recompute);
          CHECK(train(config, fused, recompute ? 3 : 2) == plain);
        }
      }
    }
  }
}

TEST_CASE("gradients of tables that are never whole change no bit, and need less memory") {
  const AnyOptimizer optimizers[] = {AdamW{}, AdamW8bit{}, Muon{}};
  for (ModelConfig config : {untied, tied}) {
    config.vocabulary = config.head.tied ? 7000 : 1300;
    config.head.cap = config.head.tied ? 3 : 0;
    config.embedding_scale = config.head.tied ? 3 : 1;
    for (const double clip : {0.0, 0.01}) {
      for (const AnyOptimizer& optimizer : optimizers) {
        TrainingOptions whole = options(6, clip, clip > 0 ? 0.3 : 0);
        whole.optimizer = optimizer;
        whole.ema = clip > 0 ? 0.9 : 0;
        whole.fused_update = true;
        const Trained expected = train(config, whole, 1);
        for (const Index micro : {1, 4, 6}) {
          TrainingOptions rows = whole;
          rows.recompute_logits = true;
          rows.recompute = micro == 1;
          rows.micro_batch = micro;
          INFO(name_of(optimizer), ", tied ", config.head.tied, ", clip ", clip, ", micro ", micro);
          const Trained found = train(config, rows, micro == 4 ? 3 : 2);
          CHECK(found == expected);
          if (micro == 6) CHECK(found.bytes < training_bytes<float>(config, whole, 2));
        }
      }
    }
  }
}

TEST_CASE("tables in rows: frozen ones, and what cannot be") {
  ModelConfig config = untied;
  config.vocabulary = 1300;
  for (const char* const freeze : {"tokens", "head", "tokens,head", "positions"}) {
    TrainingOptions whole = options(3, 0.1, 0);
    whole.freeze = freeze;
    whole.fused_update = true;
    TrainingOptions rows = whole;
    rows.recompute_logits = true;
    INFO(freeze);
    CHECK(train(config, rows) == train(config, whole));
  }
  const auto refused = [&](TrainingOptions wanted, const char* told) {
    wanted.recompute_logits = true;
    CHECK_THROWS_WITH_AS(check_step(wanted), told, ConfigError);
  };
  refused({}, "recompute_logits: expected fused_update, because without it all gradients are kept");
  refused({.batch = 2, .leaves = 2, .fused_update = true},
          "recompute_logits: got 2 leaves, expected 1: the gradients of leaves are added up as a "
          "whole");
}

TEST_CASE("fused updates clip every tensor by its own norm") {
  for (const ModelConfig& config : {untied, tied}) {
    ThreadPool threads(2);
    const Transformer<float> model{config};
    TrainingOptions plain_options = options(2, 0, 0);
    TrainingStep<float> plain(model, plain_options, threads);
    draw(plain);
    plain.compute_gradients();
    double total = 0;
    for (const Parameter& parameter : plain.parameters()) {
      auto gradient = plain.gradient(parameter.name);
      const double norm = gradient.cast<double>().norm();
      total += norm * norm;
      gradient *= static_cast<float>(clipping_factor(norm, 0.01));
    }
    plain.update(1e-2);

    for (const Index micro : {2, 6}) {  // block by block, layer by layer
      TrainingOptions fused_options = options(micro, 0.01, 0);
      fused_options.fused_update = true;
      TrainingStep<float> fused(model, fused_options, threads);
      draw(fused);
      const StepResult result = fused.train(1e-2);
      CHECK(result.gradient_norm == doctest::Approx(std::sqrt(total)).epsilon(1e-6));
      for (std::size_t i = 0; i < plain.weights().size(); ++i) {
        CHECK(fused.weights()[i] ==
              doctest::Approx(static_cast<double>(plain.weights()[i])).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a fused step whose loss is not finite changes nothing, and cannot be taken apart") {
  ThreadPool threads(2);
  TrainingOptions fused = options(1, 1, 0);
  fused.fused_update = true;
  TrainingStep<float> step(Transformer<float>{untied}, fused, threads);
  draw(step);
  step.weight("embedding.positions.weight")(0, 0) = std::numeric_limits<float>::infinity();
  const std::vector<float> before(step.weights().begin(), step.weights().end());
  CHECK_THROWS_AS(step.train(1e-2), Diverged);
  CHECK(std::equal(before.begin(), before.end(), step.weights().begin()));
  CHECK(step.steps_done() == 0);
  CHECK_THROWS_AS(step.compute_gradients(), ConfigError);
  CHECK_THROWS_AS(step.update(1e-2), ConfigError);
  CHECK(step.gradients().empty());
}

TEST_CASE("a fused step ends before the first tensor whose gradient is not finite") {
  using Model = Transformer<float, ModelConfig, Bursting>;
  ThreadPool threads(2);
  TrainingOptions fused = options(1, 1, 0);
  fused.fused_update = true;
  const Model model{untied};
  TrainingStep<float, ModelConfig, Bursting> step(model, fused, threads);
  draw(step);
  const std::vector<float> before(step.weights().begin(), step.weights().end());
  CHECK_THROWS_AS(step.train(1e-2), Diverged);
  const auto is_finite = [](float x) { return std::isfinite(x); };
  CHECK(std::all_of(step.weights().begin(), step.weights().end(), is_finite));
  const auto changed = [&](std::string_view name) {
    const Parameter& tensor = step.parameters().find(name);
    const auto* const now = step.weights().data() + tensor.offset;
    return !std::equal(now, now + tensor.count(), before.data() + tensor.offset);
  };
  CHECK(changed("head.weight"));
  CHECK_FALSE(changed("blocks.0.feed_forward.up.weight"));
  CHECK_FALSE(changed("embedding.tokens.weight"));
  CHECK(step.steps_done() == 0);
}

TEST_CASE("memory between steps is there, and is shared with the steps") {
  ThreadPool threads(1);
  TrainingOptions with = options(1, 1, 0);
  const Transformer<float> model{untied};
  const std::size_t bytes = TrainingStep<float>(model, with, threads).plan().total_bytes();
  with.between_steps_bytes = 1000;
  TrainingStep<float> step(model, with, threads);
  CHECK(step.between_steps().size() == 1000);
  CHECK(step.plan().total_bytes() == bytes);
  draw(step);
  const double first = step.compute_gradients();
  std::ranges::fill(step.between_steps(), std::byte{0xFF});
  CHECK(step.compute_gradients() == first);
}
