// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <heap_guard/heap_guard.hpp>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

namespace {

TokenStore soliloquy_tokens() {
  return tokenize(CharacterTokenizer::from_text(sample_text), sample_text);
}

TrainingOptions short_run() {
  TrainingOptions options;
  options.steps = 200;
  options.warmup = 10;
  options.learning_rate = 3e-3;
  return options;
}

}  // namespace

TEST_CASE("a run learns, tells every step, and follows the schedule") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(2);
  Trainer<float> trainer(presets::tiny, short_run(), threads);
  std::vector<StepResult> results;
  trainer.run(tokens.view(), {.step = [&](const StepResult& r) { results.push_back(r); }});
  REQUIRE(results.size() == 200);
  CHECK(results.front().loss == doctest::Approx(std::log(35.0)).epsilon(0.02));
  CHECK(results.back().loss < 2.4);
  CHECK(results[0].learning_rate == doctest::Approx(3e-3 / 11));
  CHECK(results[10].learning_rate == doctest::Approx(3e-3));
  for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].step == static_cast<Index>(i));
}

TEST_CASE("evaluation is the mean over every target once, whatever the micro-batch") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(2);
  TrainingOptions options = short_run();
  options.batch = 5;
  Trainer<double> one(presets::tiny, options, threads);
  options.micro_batch = 3;
  Trainer<double> three(presets::tiny, options, threads);
  for (const Index size : {2, 32, 33, 34, 100, 432}) {
    const TokenView part = tokens.view().subview(0, size);
    const double loss = one.evaluate(part);
    CHECK(three.evaluate(part) == loss);
    // The weights are so small that the untrained model is nearly uniform.
    CHECK(loss == doctest::Approx(std::log(35.0)).epsilon(0.02));
  }
  CHECK_THROWS_AS(one.evaluate(tokens.view().subview(0, 1)), DataError);
}

TEST_CASE("evaluation takes whole windows one after the other, and what is left as one window") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(1);
  // The mean loss of the targets from `first` on in one window of `length`.
  const auto one_window = [&](Index first, Index length) {
    TrainingOptions options = short_run();
    options.sequence = length;
    return Trainer<double>(presets::tiny, options, threads)
        .evaluate(tokens.view().subview(first, length + 1));
  };
  Trainer<double> trainer(presets::tiny, short_run(), threads);
  for (const Index targets : {1, 2, 3, 31, 32, 33, 34, 63, 66, 99}) {
    double total = 0;
    for (Index first = 0; first < targets; first += 32) {
      const Index length = std::min<Index>(32, targets - first);
      total += one_window(first, length) * static_cast<double>(length);
    }
    const double loss = trainer.evaluate(tokens.view().subview(0, targets + 1));
    CHECK(loss == doctest::Approx(total / static_cast<double>(targets)).epsilon(1e-13));
  }
}

TEST_CASE("evaluating does not change what is trained") {
  const TokenStore tokens = soliloquy_tokens();
  const TokenSplit split = split_tokens(tokens.view());
  ThreadPool threads(2);
  TrainingOptions options = short_run();
  Trainer<float> never(presets::tiny, options, threads);
  options.evaluate_every = 7;
  Trainer<float> often(presets::tiny, options, threads);
  int evaluations = 0;
  never.run(split.train);
  often.run(split.train, split.validation, {.evaluation = [&](Index, double) { ++evaluations; }});
  CHECK(evaluations == 29);  // 28 times every 7 steps, and at the end
  CHECK(std::equal(never.weights().begin(), never.weights().end(), often.weights().begin()));
}

TEST_CASE("a stop request ends the run after the step") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(1);
  Trainer<float> trainer(presets::tiny, short_run(), threads);
  Index seen = 0;
  const auto result = trainer.run(tokens.view(), {.step = [&](const StepResult&) { ++seen; },
                                                  .stop = [&] { return seen == 5; }});
  CHECK(result.reason == octavo::StopReason::asked);
  CHECK(trainer.training_step().steps_done() == 5);
}

TEST_CASE("a run ends after as many evaluations in a row without a better one as patience says") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(1);
  TrainingOptions options = short_run();
  options.learning_rate = 1e-30;  // the first evaluation stays the best
  options.evaluate_every = 2;
  options.patience = 3;
  Trainer<float> trainer(presets::tiny, options, threads);
  const auto result = trainer.run(tokens.view(), tokens.view());
  CHECK(result.reason == octavo::StopReason::patience);
  CHECK(trainer.training_step().steps_done() == 8);
}

TEST_CASE("steps and evaluations make no heap call") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(2);
  Trainer<float> trainer(presets::tiny, short_run(), threads);
  const octavo_test::HeapGuard guard;
  for (int i = 0; i < 3; ++i) trainer.step(tokens.view());
  trainer.evaluate(tokens.view());
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
}

TEST_CASE("training takes any span of ids, and refuses what is no token or too short") {
  ThreadPool threads(1);
  Trainer<float> trainer(presets::tiny, short_run(), threads);
  std::vector<std::uint16_t> ids(100, 3);
  CHECK_NOTHROW(trainer.step(std::span<const std::uint16_t>(ids)));
  ids[57] = 35;
  CHECK_THROWS_WITH_AS(trainer.run(std::span<const std::uint16_t>(ids)),
                       "token 57 is 35, expected 0 to 34", DataError);
  ids.resize(32);
  CHECK_THROWS_WITH_AS(trainer.step(std::span<const std::uint16_t>(ids)),
                       "training text: got 32 tokens, need at least 33 (sequence 32 + 1)",
                       DataError);
  // A text for validation that is too short costs no step.
  const std::vector<std::uint16_t> long_enough(100, 3), one(1, 3);
  int steps = 0;
  CHECK_THROWS_WITH_AS(
      trainer.run(std::span<const std::uint16_t>(long_enough), std::span<const std::uint16_t>(one),
                  {.step = [&](const StepResult&) { ++steps; }}),
      "validation text: got 1 token, need at least 2 (sequence 1 + 1)", DataError);
  CHECK(steps == 0);
}

TEST_CASE("a trainer is named by its model") {
  ThreadPool threads(1);
  const Transformer<float> model(presets::tiny);
  Trainer deduced(model, short_run(), threads);
  static_assert(std::same_as<decltype(deduced), Trainer<float>>);
  static_assert(std::same_as<TrainerOf<Transformer<double>>, Trainer<double>>);
  TrainerOf<Transformer<float>> named(presets::tiny, short_run(), threads);
  CHECK(std::ranges::equal(deduced.weights(), named.weights()));
}

TEST_CASE("a trainer takes a shape's numbers, and tokens in any vector or array") {
  ThreadPool threads(1);
  const TrainingOptions options{.steps = 2, .sequence = 4};
  Trainer<float> trainer({.vocabulary = 35,
                          .context = 8,
                          .width = 8,
                          .attention = {.heads = 2},
                          .feed_forward = {.d_ff = 8}},
                         options, threads);
  CHECK(trainer.config().width == 8);
  const std::vector<Token> tokens = octavo::ByteTokenizer().encode("\1\2\3\4\5\6\7\1\2");
  const std::array<std::uint8_t, 9> bytes{1, 2, 3, 4, 5, 6, 7, 1, 2};
  trainer.run(tokens);
  CHECK(trainer.state().steps_done == 2);
  CHECK(trainer.evaluate(tokens) == trainer.evaluate(bytes));
  CHECK_THROWS_AS(trainer.set_state({.steps_done = -1}), octavo::ConfigError);
  CHECK(trainer.state().steps_done == 2);
}

TEST_CASE("two trainers in two threads do not disturb each other") {
  const TokenStore tokens = soliloquy_tokens();
  const auto weights = [&] {
    ThreadPool threads(2);
    Trainer<float> trainer(presets::tiny, short_run(), threads);
    trainer.run(tokens.view());
    return std::vector<float>(trainer.weights().begin(), trainer.weights().end());
  };
  const std::vector<float> alone = weights();
  std::vector<float> first, second;
  std::thread other([&] { first = weights(); });
  second = weights();
  other.join();
  CHECK(first == alone);
  CHECK(second == alone);
}

TEST_CASE("evaluation of a sample takes the same whole windows each time, evenly spread") {
  const TokenStore tokens = soliloquy_tokens();
  ThreadPool threads(2);
  TrainingOptions options = short_run();
  options.batch = 5;
  Trainer<double> one(presets::tiny, options, threads);
  options.micro_batch = 3;
  Trainer<double> three(presets::tiny, options, threads);
  // 431 targets are 13 windows of 32 and a shorter one.
  const auto windows = [&](std::initializer_list<Index> chosen) {
    double total = 0;
    for (const Index window : chosen) total += one.evaluate(tokens.view().subview(window * 32, 33));
    return total / static_cast<double>(chosen.size());
  };
  const auto check = [&](Index most, std::initializer_list<Index> chosen) {
    CAPTURE(most);
    const double loss = one.evaluate(tokens.view(), most);
    CHECK(loss == doctest::Approx(windows(chosen)).epsilon(1e-13));
    CHECK(three.evaluate(tokens.view(), most) == loss);
  };
  check(1, {0});
  check(63, {0});
  check(64, {0, 6});
  check(4 * 32, {0, 3, 6, 9});
  check(13 * 32, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (const Index all : {0, 431, 432, 100000}) {
    CHECK(one.evaluate(tokens.view(), all) == one.evaluate(tokens.view()));
  }
  const TokenView little = tokens.view().subview(0, 20);  // less than a window
  CHECK(one.evaluate(little, 5) == one.evaluate(little));
}

TEST_CASE("a run's evaluations are of the sample, and at the end of the whole text as well") {
  const TokenStore tokens = soliloquy_tokens();
  const TokenSplit split = split_tokens(tokens.view().subview(0, 432));
  ThreadPool threads(2);
  TrainingOptions options = short_run();
  options.sequence = 8;
  options.evaluate_every = 50;
  options.evaluation_tokens = 16;
  Trainer<float> trainer(presets::tiny, options, threads);
  double last = 0;
  const auto evaluated = [&](Index done, double loss) {
    CHECK(loss == trainer.evaluate(split.validation, 16));
    CHECK(trainer.state().best_validation <= loss);
    CHECK((trainer.state().best_step == done) == (trainer.state().best_validation == loss));
    last = loss;
  };
  const octavo::RunResult result =
      trainer.run(split.train, split.validation, {.evaluation = evaluated});
  CHECK(result.validation_loss == trainer.evaluate(split.validation));
  CHECK(result.validation_loss != last);
}

TEST_CASE("evaluations take a tenth of the arithmetic, whatever the clock says") {
  using octavo::affordable_evaluation_tokens;
  static_assert(affordable_evaluation_tokens(0, 64) == 0);
  static_assert(affordable_evaluation_tokens(500, 64) == 9600);  // 0.1 x 3 x 500 x 64
  static_assert(affordable_evaluation_tokens(1, 64) == octavo::least_evaluation_tokens);
  static_assert(affordable_evaluation_tokens(Index{1} << 62, Index{1} << 62) == Index{1} << 62);
}
