// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <octavo/training/step_options.hpp>

using namespace octavo;

TEST_CASE("what a step's options say of its memory is passed on") {
  const StepOptions options{.step = {4, 8, 2, 3},
                            .dropout = 0.1,
                            .recompute = true,
                            .fused_update = true,
                            .between_steps_bytes = 77};
  const TrainingMemoryOptions memory = options.memory(5);
  CHECK(memory.step.batch == 4);
  CHECK(memory.step.sequence == 8);
  CHECK(memory.workers == 5);
  CHECK(memory.dropout);
  CHECK(memory.recompute);
  CHECK(memory.fused_update);
  CHECK(memory.between_steps_bytes == 77);
  CHECK_FALSE(StepOptions{}.memory(1).dropout);  // a rate of 0 needs no memory
}

TEST_CASE("a micro-batch has no more sequences than the step") {
  CHECK(detail::checked<float>({.step = {4, 8, 2, 100}}).step.micro_batch == 8);
  CHECK(detail::checked<float>({.step = {4, 8, 2, 3}}).step.micro_batch == 3);
}

TEST_CASE("options that are out of their range are named") {
  const auto refused = [](auto change, const char* message) {
    StepOptions options;
    change(options);
    CHECK_THROWS_WITH_AS(detail::checked<float>(options), message, ConfigError);
  };
  refused([](auto& options) { options.dropout = 1; }, "dropout is 1, expected 0 to less than 1");
  refused([](auto& options) { options.dropout = -0.5; },
          "dropout is -0.5, expected 0 to less than 1");
  refused([](auto& options) { options.clip = -1; },
          "clip is -1, expected a finite number, 0 or more");
  refused([](auto& options) { options.step.batch = 0; }, "batch: expected at least 1 sequence");
  refused([](auto& options) { options.optimizer = AdamW{.beta1 = 2}; },
          "adamw: beta1 is 2, expected 0 to less than 1");
}

TEST_CASE("a setting must be a number of the weights' scalar") {
  StepOptions options;
  options.optimizer = AdamW{.weight_decay = 1e300};
  CHECK_NOTHROW(detail::checked<double>(options));
  CHECK_THROWS_AS(detail::checked<float>(options), ConfigError);
}

TEST_CASE("a learning rate is a finite number of the weights' scalar, of either sign") {
  for (const double rate : {0.0, 1e-3, -1.0, 1e38}) CHECK_NOTHROW(detail::check_rate<float>(rate));
  CHECK_NOTHROW(detail::check_rate<double>(1e300));
  CHECK_THROWS_AS(detail::check_rate<float>(1e300), ConfigError);
  for (const double rate : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    CHECK_THROWS_AS(detail::check_rate<double>(rate), ConfigError);
  }
}
