// SPDX-License-Identifier: MIT
// Tokens that are none of the vocabulary, and weights that are not finite: what is said, and that
// nothing was changed.
#include <algorithm>
#include <cstring>
#include <functional>
#include <heap_guard/heap_guard.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/trainer.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

namespace {

constexpr Token far_outside = 900'000'000;

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

std::string hint_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Diverged& error) {
    return error.hint();
  }
  return "no divergence";
}

/// Whether an object of that kind shows its numbers; one that is gone at once must not.
template <typename O>
concept ShowsWeights = requires(O object) {
  std::forward<O>(object).weights();
};
static_assert(ShowsWeights<Trainer<float>&> && ShowsWeights<const TrainingStep<float>&>);
static_assert(!ShowsWeights<Trainer<float>> && !ShowsWeights<TrainingStep<float>>);

}  // namespace

TEST_CASE("a step refuses tokens and targets outside the vocabulary, and changes nothing") {
  ThreadPool threads(2);
  for (const bool fused : {false, true}) {
    TrainingStep<float> step(Transformer<float>{presets::tiny},
                             {.batch = 2, .sequence = 16, .fused_update = fused}, threads);
    const std::vector<float> before(step.weights().begin(), step.weights().end());
    const auto train = [&] { step.train(1e-3); };
    const auto evaluate = [&] { step.add_losses(0, 1, 16); };
    for (const Token bad : {35, far_outside}) {
      const std::string told = std::to_string(bad) + ", expected 0 to 34";
      step.inputs()[13] = bad;
      CHECK(refusal(train) == "token 13 is " + told);
      CHECK(refusal(evaluate) == "token 13 is " + told);
      if (!fused) CHECK(refusal([&] { step.compute_gradients(); }) == "token 13 is " + told);
      step.inputs()[13] = -1;
      CHECK(refusal(train) == "token 13 is -1, expected 0 to 34");
      step.inputs()[13] = 0;
      step.targets()[5] = bad;
      CHECK(refusal(train) == "target 5 is " + told + ", or below 0: ignored");
      CHECK(refusal(evaluate) == "target 5 is " + told + ", or below 0: ignored");
      step.targets()[5] = -100;
    }
    CHECK(std::ranges::equal(step.weights(), before));
    CHECK(
        std::ranges::all_of(step.optimizer_state(), [](std::byte b) { return b == std::byte{}; }));
    CHECK(step.steps_done() == 0);
    CHECK(refusal(train) == "accepted");
  }
}

TEST_CASE("losses of more positions than a micro-batch has are refused") {
  ThreadPool threads(1);
  TrainingStep<float> step(Transformer<float>{presets::tiny},
                           {.batch = 4, .sequence = 16, .accumulate = 1, .micro_batch = 2},
                           threads);
  CHECK(refusal([&] { step.add_losses(0, 3, 16); }) ==
        "losses: got 3 x 16 positions, expected at most 2 x 16, a micro-batch");
  CHECK(refusal([&] { step.add_losses(0, 1, 17); }) ==
        "losses: got 1 x 17 positions, expected at most 2 x 16, a micro-batch");
  CHECK(refusal([&] { step.add_losses(0, -1, 16); }) != "accepted");
}

TEST_CASE("a trainer's step and evaluation name the text's token, without a heap call before") {
  ThreadPool threads(2);
  Trainer<float> trainer(presets::tiny, {.steps = 5, .sequence = 32}, threads);
  std::vector<Token> text(33, 7);
  const TokenView view{std::span<const Token>(text)};
  {
    const octavo_test::HeapGuard guard;
    trainer.step(view);
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
  }
  const std::vector<float> before(trainer.weights().begin(), trainer.weights().end());
  for (const Token bad : {35, -1, far_outside}) {
    text[31] = bad;
    const std::string told = "token 31 is " + std::to_string(bad) + ", expected 0 to 34";
    CHECK(refusal([&] { trainer.step(view); }) == told);
    CHECK(refusal([&] { trainer.evaluate(view); }) == told);
    // A promise that does not hold opens no door.
    CHECK(refusal([&] { trainer.step(view.checked(35)); }) == told);
    CHECK(refusal([&] { trainer.run(view.checked(35)); }) == told);
  }
  CHECK(std::ranges::equal(trainer.weights(), before));
  CHECK(trainer.state().steps_done == 1);
}

TEST_CASE("before the first step a loss that is not finite is not blamed on the learning rate") {
  ThreadPool threads(1);
  Trainer<float> trainer(presets::tiny, {.steps = 5, .sequence = 16}, threads);
  const std::vector<Token> text(40, 7);
  const TokenView view{std::span<const Token>(text)};
  const auto step = [&] { trainer.step(view); };
  const std::vector<float> good(trainer.weights().begin(), trainer.weights().end());
  trainer.weights()[0] = trainer.weights()[7 * 64] = std::numeric_limits<float>::quiet_NaN();
  const char* const not_finite = "no step was done yet: the initial weights are not all finite";
  CHECK(hint_of(step) == not_finite);
  CHECK(hint_of([&] { trainer.evaluate(view); }) == not_finite);
  std::ranges::fill(trainer.weights(), std::numeric_limits<float>::max());
  CHECK(hint_of(step) == "no step was done yet: the initial weights are too large");
  std::ranges::copy(good, trainer.weights().begin());
  step();
  trainer.weights()[7 * 64] = std::numeric_limits<float>::infinity();
  CHECK(hint_of(step) == "lower the learning rate");
}
