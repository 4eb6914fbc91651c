// SPDX-License-Identifier: MIT
// Frozen tensors (learning-rate factor 0): the norm that clips, and is told, is that of all others.
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

namespace {

TrainingStep<float> make_step(const TrainingOptions& options, ThreadPool& threads) {
  TrainingStep<float> step(Transformer<float>{presets::tiny}, options, threads);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(i * 7 % 35);
    step.targets()[i] = static_cast<Token>(i * 11 % 35);
  }
  return step;
}

/// Vectors and the block's first product learn; tensors of several chunks of the norm do not.
void freeze(ParameterList& parameters) {
  REQUIRE(parameters.set_learning_rate_factor("", 0) == 18);
  REQUIRE(parameters.set_learning_rate_factor("bias", 1) > 2);
  REQUIRE(parameters.set_learning_rate_factor("feed_forward.up", 2) == 2);
}

double norm_of_what_learns(const TrainingStep<float>& step) {
  double total = 0;
  for (const Parameter& tensor : step.parameters()) {
    if (tensor.learning_rate_factor == 0) continue;
    const auto gradient = step.gradient(tensor.name).cast<double>().eval();
    total += gradient.squaredNorm();
  }
  return std::sqrt(total);
}

}  // namespace

TEST_CASE(
    "the norm leaves out what is frozen, on any number of workers, and clips the others by it") {
  std::vector<double> norms;
  std::vector<std::vector<float>> weights;
  for (const Index workers : {1, 2, 3}) {
    ThreadPool threads(workers);
    auto step = make_step(
        {.batch = 2, .sequence = 32, .optimizer = Sgd{.momentum = 0}, .clip = 0.01}, threads);
    freeze(step.parameters());
    step.compute_gradients();
    const double expected = norm_of_what_learns(step);
    const float before = step.weight("blocks.0.feed_forward.up.weight")(3, 5);
    const float gradient = step.gradient("blocks.0.feed_forward.up.weight")(3, 5);
    norms.push_back(step.update(0.5));
    CHECK(norms.back() == doctest::Approx(expected).epsilon(1e-9));
    CHECK(norms.back() > 0.02);
    const float after = step.weight("blocks.0.feed_forward.up.weight")(3, 5);
    CHECK(static_cast<double>(before - after) ==
          doctest::Approx(static_cast<double>(gradient) * 0.01 / expected).epsilon(1e-3));
    weights.emplace_back(step.weights().begin(), step.weights().end());
  }
  CHECK(norms[1] == norms[0]);
  CHECK(norms[2] == norms[0]);
  CHECK(weights[1] == weights[0]);
  CHECK(weights[2] == weights[0]);
}

TEST_CASE("a fused step's norm leaves out what is frozen as well") {
  ThreadPool threads(2);
  auto whole = make_step({.batch = 2, .sequence = 32, .clip = 0}, threads);
  auto fused = make_step({.batch = 2, .sequence = 32, .clip = 0, .fused_update = true}, threads);
  for (auto* step : {&whole, &fused}) freeze(step->parameters());
  const double norm = whole.train(1e-3).gradient_norm;
  CHECK(fused.train(1e-3).gradient_norm == doctest::Approx(norm).epsilon(1e-6));
  CHECK(std::equal(whole.weights().begin(), whole.weights().end(), fused.weights().begin()));
}

TEST_CASE(
    "where everything is frozen a step changes nothing, and where nothing is the norm is whole") {
  ThreadPool threads(2);
  for (const bool fused : {false, true}) {
    auto step = make_step({.batch = 1, .sequence = 32, .fused_update = fused}, threads);
    const std::vector<float> before(step.weights().begin(), step.weights().end());
    CHECK(step.parameters().set_learning_rate_factor("", 0) == 18);
    const StepResult result = step.train(1e-2);
    CHECK(result.gradient_norm == 0);
    CHECK(result.loss > 3);
    CHECK(std::equal(before.begin(), before.end(), step.weights().begin()));
    CHECK(step.parameters().set_learning_rate_factor("", 1) == 18);
    CHECK(step.train(1e-2).gradient_norm > 0.1);
  }
}
