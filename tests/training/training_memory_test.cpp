// SPDX-License-Identifier: MIT
// Roads to one number: the closed formula, the constexpr plan, and the bytes that a real step
// touches.
#include <algorithm>
#include <initializer_list>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/plan_check.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/presets.hpp>

#include "training/memory_formula.hpp"
#include "transformer/fixed_shape.hpp"
#include "transformer/stored_model.hpp"

using namespace octavo_test;

static_assert(training_bytes<float>(presets::tiny, {.batch = 1, .sequence = 32}) < 1'000'000);

namespace {

/// Some adapters.
LoraConfig draw_adapters(std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::sampling);
  return {.rank = static_cast<Index>(1 + random.below(0, 9)),
          .dropout = random.below(1, 2) == 0 ? 0.1 : 0,
          .targets = random.below(2, 2) == 0 ? "" : "q_proj,v_proj,down_proj"};
}

/// Some configuration: every option comes up.
struct Drawn {
  ModelConfig config;
  TrainingOptions options;
  Index workers;
};

Drawn draw(std::uint64_t seed, bool of_a_family = false) {
  const CounterRandom random(seed, RandomStream::batches);
  std::uint64_t position = 0;
  const auto from = [&](Index least, Index most) {
    return least + static_cast<Index>(
                       random.below(position++, static_cast<std::uint64_t>(most - least + 1)));
  };
  Drawn drawn;
  ModelConfig& config = drawn.config;
  config.vocabulary = from(2, 90);
  config.layers = from(1, 4);
  config.attention.heads = from(1, 4);
  config.width = config.attention.heads * from(1, 14);
  config.feed_forward.d_ff = from(1, 80);
  if (from(0, 1) == 0) config = without_biases(config);
  if (of_a_family) {
    config.attention.kv_heads = config.attention.heads % 2 == 0 ? from(0, 2) : 0;
    config.attention.head_width = 2 * from(1, 9);
    config = with_family(config, static_cast<Family>(from(0, 9)));
    config.attention.window = std::min(config.attention.window, from(1, 60));
    if (from(0, 6) == 0) config.arrangement = Arrangement::parallel;
    config.conv_taps = std::max<Index>(0, from(-6, most_taps));
  }
  config.head.tied = from(0, 1) == 1;
  config.feed_forward.activation = static_cast<Activation>(from(0, 4));
  TrainingOptions& step = drawn.options;
  step.batch = from(1, 4);
  step.accumulate = from(1, 2);
  step.micro_batch = from(1, 9);
  step.sequence = from(1, 40);
  config.context = step.sequence + from(0, 5);
  step.train_last = std::max<Index>(0, from(-2, config.layers));
  drawn.workers = Index{1} << from(0, 2);
  drawn.options.dropout = from(0, 2) == 0 ? 0.2 : 0.0;
  drawn.options.recompute = from(0, 1) == 1;
  drawn.options.fused_update = from(0, 1) == 1;
  const AnyOptimizer optimizers[] = {AdamW{}, AdamW8bit{}, Lion{}, Muon{}};
  drawn.options.optimizer = optimizers[from(0, 3)];
  drawn.options.between_steps_bytes = static_cast<std::size_t>(from(0, 1) * from(1, 100'000));
  drawn.options.ema = from(0, 1) == 1 ? 0.99 : 0;
  return drawn;
}

/// The plan is the closed formula to the byte.
void check_formula(const Drawn& drawn, std::uint64_t seed) {
  INFO("seed ", seed, ": ", describe(drawn.config));
  CHECK(training_bytes<float>(drawn.config, drawn.options, drawn.workers) ==
        closed_formula<float>(drawn.config, drawn.options, drawn.workers));
  CHECK(training_bytes<double>(drawn.config, drawn.options, drawn.workers) ==
        closed_formula<double>(drawn.config, drawn.options, drawn.workers));
}

}  // namespace

TEST_CASE_TEMPLATE("the plan is the closed formula to the byte", T, float, double) {
  for (const Index workers : {1, 2, 4}) {
    CHECK(training_bytes<T>(presets::tiny, {1, 32}, workers) ==
          closed_formula<T>(presets::tiny, {1, 32}, workers));
    CHECK(training_bytes<T>(octavo_test::fixed_shape, {1, 32}, workers) ==
          closed_formula<T>(octavo_test::fixed_shape, {1, 32}, workers));
    CHECK(training_bytes<T>(presets::small, {1, 64}, workers) ==
          closed_formula<T>(presets::small, {1, 64}, workers));
    for (const Index micro : {1, 3, 8}) {
      CHECK(training_bytes<T>(presets::nano, {12, 64, 1, micro}, workers) ==
            closed_formula<T>(presets::nano, {12, 64, 1, micro}, workers));
      CHECK(training_bytes<T>(presets::medium, {8, 128, 1, micro}, workers) ==
            closed_formula<T>(presets::medium, {8, 128, 1, micro}, workers));
      CHECK(training_bytes<T>(presets::large, {8, 128, 1, micro}, workers) ==
            closed_formula<T>(presets::large, {8, 128, 1, micro}, workers));
    }
  }
}

TEST_CASE("with every option the plan is the formula, and no byte is wasted by placement") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Drawn drawn = draw(seed);
    check_formula(drawn, seed);
  }
}

TEST_CASE("for every family the plan is the formula") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Drawn drawn = draw(seed, true);
    check_formula(drawn, seed);
  }
}

TEST_CASE("with tables in rows the plan is the formula") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Drawn drawn = draw(seed, seed % 2 == 1);
    drawn.config.vocabulary *= 50;
    drawn.options.fused_update = drawn.options.recompute_logits = true;
    check_formula(drawn, seed);
  }
}

TEST_CASE("with adapters the plan is the formula, whatever the family, also without the base") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Drawn drawn = draw(seed, true);
    drawn.config.lora = draw_adapters(seed);
    drawn.options.stored_base = seed % 2 == 1;
    check_formula(drawn, seed);
  }
}

namespace {

/// Runs a step inside painted memory: each buffer of the plan loses its paint, nothing behind the
/// block does.
template <typename T>
void check_marks(const ModelConfig& config, const TrainingOptions& options, Index workers,
                 std::span<const Weight<T>> frozen = {}) {
  constexpr std::byte paint{0xA5};
  ThreadPool threads(workers);
  const Transformer<T> model{config};
  const std::size_t total = training_bytes<T>(config, options, workers);
  std::vector<std::byte> block(total + 64 + 64);
  auto* const base =
      reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block.data()) + 63) / 64 * 64);
  const std::span<std::byte> memory(base, total);
  auto step = frozen.empty() ? TrainingStep<T>(model, options, threads, memory)
                             : TrainingStep<T>(model, options, threads, memory, frozen);
  const MemoryPlan& plan = step.plan();
  for (int id = 0; id < plan.size(); ++id) {
    if (plan.request(id).lifetime == phase::always) continue;  // weights and what belongs to them
    std::fill_n(base + plan.offset(id), MemoryPlan::footprint(plan.request(id)), paint);
  }
  std::fill(base + total, block.data() + block.size(), paint);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(1 + i % static_cast<std::size_t>(config.vocabulary - 1));
    step.targets()[i] = static_cast<Token>((i + 1) % static_cast<std::size_t>(config.vocabulary));
  }
  step.train(1e-3);
  for (int id = 0; id < plan.size(); ++id) {
    const MemoryRequest& request = plan.request(id);
    if (request.name == "between steps" || request.lifetime == phase::always) continue;
    INFO(request.part, ": ", request.name);
    const std::byte* first = base + plan.offset(id);
    CHECK(std::any_of(first, first + request.bytes, [&](std::byte b) { return b != paint; }));
  }
  CHECK(std::all_of(base + total, block.data() + block.size(),
                    [&](std::byte b) { return b == paint; }));
}

}  // namespace

TEST_CASE("a real step touches every buffer of the plan, and nothing outside it") {
  check_marks<float>(presets::tiny, {.batch = 2, .sequence = 32}, 2);
  check_marks<double>(octavo_test::fixed_shape, {.batch = 1, .sequence = 32}, 1);
  check_marks<float>(presets::small, {.batch = 1, .sequence = 64}, 4);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed ", seed);
    const Drawn drawn = draw(seed);
    if (seed % 2 == 0) {
      check_marks<float>(drawn.config, drawn.options, drawn.workers);
    } else {
      check_marks<double>(drawn.config, drawn.options, drawn.workers);
    }
  }
}

TEST_CASE("a step of any family touches every buffer of its plan, and nothing outside it") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Drawn drawn = draw(seed, true);
    INFO("seed ", seed, ": ", describe(drawn.config));
    check_marks<float>(drawn.config, drawn.options, drawn.workers);
  }
}

TEST_CASE("a step of adapters touches every buffer of its plan, and nothing outside it") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Drawn drawn = draw(seed, true);
    drawn.config.lora = draw_adapters(seed);
    INFO("seed ", seed, ": ", describe(drawn.config));
    check_marks<float>(drawn.config, drawn.options, drawn.workers);
  }
}

TEST_CASE("a step with tables in rows touches its plan alone") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Drawn drawn = draw(seed, seed % 2 == 1);
    drawn.config.vocabulary *= 50;
    drawn.options.fused_update = drawn.options.recompute_logits = true;
    INFO("seed ", seed, ": ", describe(drawn.config));
    check_marks<float>(drawn.config, drawn.options, drawn.workers);
  }
}

TEST_CASE("a step of adapters on a stored base touches its plan alone") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Drawn drawn = draw(seed, true);
    const StoredType types[] = {StoredType::f32, StoredType::f16, StoredType::bf16};
    const StoredModel base(drawn.config, types[seed % 3],
                           seed % 2 == 0 ? StoredLayout::grouped : StoredLayout::lines);
    drawn.config.lora = draw_adapters(seed);
    drawn.options.stored_base = true;
    INFO("seed ", seed, ": ", describe(drawn.config));
    check_marks<float>(drawn.config, drawn.options, drawn.workers, base.stored.parameters());
  }
}

TEST_CASE("dropout and another optimizer change the plan by what they need") {
  TrainingOptions options{.batch = 1, .sequence = 32};
  const std::size_t plain = training_bytes<float>(presets::tiny, options);
  options.optimizer = Sgd{};
  CHECK(plain - training_bytes<float>(presets::tiny, options) ==
        room<float>(2 * 46'307) - room<float>(46'307));
  options.optimizer = AdamW{};
  options.dropout = 0.1;
  CHECK(training_bytes<float>(presets::tiny, options) >= plain);
}

TEST_CASE("a step shape without work is refused by name") {
  CHECK_THROWS_WITH_AS(training_bytes<float>(presets::tiny, {.batch = 0}),
                       "batch is 0, expected 1 to 2147483647", ConfigError);
  CHECK_THROWS_WITH_AS(training_bytes<float>(presets::tiny, {.sequence = 0}),
                       "sequence is 0, expected 1 to 2147483647", ConfigError);
}

TEST_CASE("sizes and options that make no step are refused when they are sized") {
  const auto refused = [](const TrainingOptions& options, Index workers, const char* told) {
    CHECK_THROWS_WITH_AS(training_bytes<float>(presets::tiny, options, workers),
                         doctest::Contains(told), ConfigError);
    CHECK_THROWS_WITH_AS((void)leanest_micro_batch<float>(presets::tiny, options, workers),
                         doctest::Contains(told), ConfigError);
    CHECK_THROWS_WITH_AS(fit_budget<float>(presets::tiny, options, workers, 1'000'000'000),
                         doctest::Contains(told), ConfigError);
  };
  for (const Index workers : {Index{0}, Index{-5}})
    refused({}, workers, "needs sequences and workers");
  for (const Index workers : {Index{1} << 40, ~(Index{1} << 63)})
    refused({}, workers, "2^20 workers");
  for (const Index size : {Index{0}, Index{-1}, Index{1} << 40}) {
    refused({.batch = size}, 1, "batch is");
    refused({.sequence = size}, 1, "sequence is");
    refused({.accumulate = size}, 1, "accumulate is");
  }
  CHECK_THROWS_WITH_AS(training_bytes<float>(presets::tiny, {.micro_batch = 0}),
                       "micro_batch is 0, expected 1 to 2147483647", ConfigError);
  refused({.batch = size_range.most, .accumulate = 2}, 1, "batch x accumulate x sequence");
  // What a trainer would refuse.
  refused({.freeze = "blokcs"}, 1, "freeze: no tensor's name contains 'blokcs'");
  refused({.freeze = "blocks.0., blocks.9."}, 1, "freeze: no tensor's name contains 'blocks.9.'");
  CHECK(training_bytes<float>(presets::tiny, {.freeze = "blocks.0., tokens"}) <
        training_bytes<float>(presets::tiny, {}));
  for (const std::size_t bytes : {~std::size_t{0}, (std::size_t{1} << 62) + 1}) {
    refused({.between_steps_bytes = bytes}, 1, "between_steps_bytes is ");
  }
  ModelConfig none = presets::tiny;
  none.attention.heads = 0;
  CHECK_THROWS_WITH_AS(training_bytes<float>(none, {}), doctest::Contains("heads is 0"),
                       ConfigError);
}

TEST_CASE("all sequences at once are the leanest way where a block is larger than what it keeps") {
  const TrainingOptions wide{.batch = 4, .sequence = 64};
  CHECK(leanest_micro_batch<float>(presets::gpt2, wide, 2) == 4);
  CHECK(leanest_micro_batch<float>(presets::medium, {.batch = 8, .sequence = 128}) == 1);
  TrainingOptions once = wide;
  once.micro_batch = 4;
  CHECK(training_bytes<float>(presets::gpt2, once, 2) <
        training_bytes<float>(presets::gpt2, wide, 2));
}
