// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

namespace {

std::size_t bytes(const TrainingOptions& options) {
  return training_bytes<float>(presets::medium, options, 2);
}

TrainingOptions wanted() { return {.batch = 8, .sequence = 128, .micro_batch = 8}; }

}  // namespace

TEST_CASE("a budget takes the fastest way that fits, down to the byte") {
  TrainingOptions one = wanted();
  one.micro_batch = 1;
  TrainingOptions again = one;
  again.recompute = true;
  CHECK(bytes(again) < bytes(one));
  CHECK(bytes(one) < bytes(wanted()));

  // With updates in backward also logits computed again, if that needs less.
  ModelConfig words = presets::medium;
  words.vocabulary = 20000;
  TrainingOptions fused = again;
  fused.fused_update = true;
  fused.micro_batch = leanest_micro_batch<float>(words, fused, 2);
  const std::size_t whole = training_bytes<float>(words, fused, 2);
  CHECK_FALSE(fit_budget<float>(words, fused, 2, whole).recompute_logits);
  const TrainingOptions leaner = fit_budget<float>(words, fused, 2, whole - 1);
  CHECK((leaner.recompute && leaner.recompute_logits));
  CHECK(training_bytes<float>(words, leaner, 2) < whole);

  const auto fit = [](std::size_t budget) {
    return fit_budget<float>(presets::medium, wanted(), 2, budget, 1000);
  };
  CHECK(fit(bytes(wanted()) + 1000).micro_batch == 8);
  CHECK(fit(bytes(wanted()) + 999).micro_batch == 1);
  CHECK_FALSE(fit(bytes(one) + 1000).recompute);
  CHECK(fit(bytes(one) + 999).recompute);
  CHECK(fit(bytes(again) + 1000).recompute);
  CHECK_THROWS_AS(fit(bytes(again) + 999), ConfigError);
}

TEST_CASE("what is needed before the training begins counts where it is more") {
  const auto fit = [](std::size_t budget, std::size_t before) {
    return fit_budget<float>(presets::medium, wanted(), 2, budget, 1000, before);
  };
  const std::size_t before = bytes(wanted()) + 5000;
  CHECK(fit(before + 1000, before).micro_batch == 8);
  CHECK(fit(bytes(wanted()) + 1000, bytes(wanted())).micro_batch == 8);
  const std::string least = "expected at least " + std::to_string(before + 1000) + " bytes";
  CHECK_THROWS_WITH_AS(fit(before + 999, before), doctest::Contains(least.c_str()), ConfigError);
}

TEST_CASE("a budget that is too small tells the smallest, and what would fit at a price") {
  TrainingOptions least = wanted();
  least.micro_batch = 1;
  least.recompute = true;
  const std::string smallest = std::to_string(bytes(least)) + " bytes";
  const auto refused = [](std::size_t budget) -> Error {
    try {
      fit_budget<float>(presets::medium, wanted(), 2, budget);
    } catch (const Error& error) {
      return error;
    }
    FAIL("expected an exception");
    return ConfigError("");
  };
  const Error a_little = refused(bytes(least) - 1);
  CHECK(std::string(a_little.what()).find("expected at least " + smallest) != std::string::npos);
  least.optimizer = AdamW8bit{};
  CHECK(a_little.hint() ==
        "raise the budget, or let results change a little: optimizer adamw-8bit needs " +
            std::to_string(bytes(least)) + " bytes (" + readable_bytes(bytes(least)) + ")");
  const Error by_far = refused(1);
  CHECK(by_far.hint().starts_with("no choice of optimizer adamw-8bit and fused-update needs less"));
}
