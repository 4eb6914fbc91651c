// SPDX-License-Identifier: MIT
// Roads to one number: the closed formula, the constexpr plan, and the bytes that a real step
// touches.
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/plan_check.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/presets.hpp>

using namespace octavo;

static_assert(training_bytes<float>(presets::tiny, {.batch = 1, .sequence = 32}) < 1'000'000);

namespace {

/// Every buffer begins at a multiple of 64 bytes.
template <typename T>
std::size_t room(Index count) {
  return (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
}

/// The bytes of a step with AdamW, written down by hand from docs/memory.md: what lives always,
/// what is kept per block, and the largest of the phases' scratch.
template <typename T>
std::size_t closed_formula(const ModelShape& m, const StepShape& step, Index workers) {
  const Index micro = std::min(step.micro_batch, step.sequences());
  const Index n = micro * step.sequence;
  const Index c = m.width, f = m.d_ff, h = m.heads, v = m.vocabulary, t = step.sequence;
  const Index p = parameter_count(m);
  const std::size_t always = 2 * room<T>(p) + room<T>(2 * p) + 2 * room<Token>(step.rows()) +
                             room<T>(step.rows()) + room<T>(workers * matmul_panel_elements<T>) +
                             room<T>(n * c) + (m.tied ? room<T>(step.rows() * c) : 0);
  const std::size_t kept =
      static_cast<std::size_t>(m.layers) *
      (3 * room<T>(n * c) + 2 * room<T>(n) + room<T>(n * 3 * c) + room<T>(n * h) + room<T>(n * f));
  const Index row = (t + 15) / 16 * 16;
  const std::size_t scores = room<T>(workers * 32 * row);
  const std::size_t scores_back = room<T>(workers * (64 * row + (2 * t * (c / h) + 30) / 16 * 16));
  const std::size_t two = 2 * room<T>(n * c);
  const std::size_t head = room<T>(n * c) + room<T>(n) + room<T>(std::min<Index>(n, 64) * v) + two;
  const std::size_t scratch =
      std::max({two + scores, two + room<T>(n * f), two + scores_back + room<T>(n * c), head});
  return always + kept + scratch;
}

template <typename T>
std::size_t planned(const ModelShape& shape, const StepShape& step, Index workers) {
  return training_bytes<T>(shape, TrainingMemoryOptions{.step = step, .workers = workers});
}

}  // namespace

TEST_CASE_TEMPLATE("the plan is the closed formula to the byte", T, float, double) {
  for (const Index workers : {1, 2, 4}) {
    CHECK(planned<T>(presets::tiny, {1, 32}, workers) ==
          closed_formula<T>(presets::tiny, {1, 32}, workers));
    CHECK(planned<T>(presets::v2, {1, 32}, workers) ==
          closed_formula<T>(presets::v2, {1, 32}, workers));
    CHECK(planned<T>(presets::small, {1, 64}, workers) ==
          closed_formula<T>(presets::small, {1, 64}, workers));
    for (const Index micro : {1, 3, 8}) {
      CHECK(planned<T>(presets::nano, {12, 64, 1, micro}, workers) ==
            closed_formula<T>(presets::nano, {12, 64, 1, micro}, workers));
      CHECK(planned<T>(presets::medium, {8, 128, 1, micro}, workers) ==
            closed_formula<T>(presets::medium, {8, 128, 1, micro}, workers));
      CHECK(planned<T>(presets::large, {8, 128, 1, micro}, workers) ==
            closed_formula<T>(presets::large, {8, 128, 1, micro}, workers));
    }
  }
}

TEST_CASE("a real step touches every buffer of the plan, and nothing outside it") {
  const Transformer<float> model{RuntimeConfig(presets::tiny)};
  ThreadPool threads(2);
  const StepOptions options{.step = {2, 32}};
  const TrainingStep<float> measured(model, options, threads);
  const std::size_t total = measured.plan().total_bytes();
  std::vector<std::byte> block(total + 128 + 64, std::byte{0});
  auto* const base =
      reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block.data()) + 63) / 64 * 64);
  // Painted behind the arena too: the paint there must survive.
  std::fill(base + total, base + total + 64, std::byte{0xA5});
  TrainingStep<float> step(model, options, threads, {base, total});
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(i % 35);
    step.targets()[i] = static_cast<Token>((i + 1) % 35);
  }
  step.train(1e-3);
  for (int id = 0; id < step.plan().size(); ++id) {
    INFO(step.plan().request(id).part, ": ", step.plan().request(id).name);
    const std::byte* first = base + step.plan().offset(id);
    const auto touched = std::count_if(first, first + step.plan().request(id).bytes,
                                       [](std::byte b) { return b != std::byte{0}; });
    CHECK(touched > 0);
  }
  CHECK(std::all_of(base + total, base + total + 64,
                    [](std::byte b) { return b == std::byte{0xA5}; }));
}

TEST_CASE("dropout and another optimizer change the plan by what they need") {
  TrainingMemoryOptions options{.step = {1, 32}};
  const std::size_t plain = training_bytes<float>(presets::tiny, options);
  options.optimizer = Sgd{};
  CHECK(plain - training_bytes<float>(presets::tiny, options) ==
        room<float>(2 * 46'307) - room<float>(46'307));
  options.optimizer = AdamW{};
  options.dropout = true;
  CHECK(training_bytes<float>(presets::tiny, options) >= plain);
}

TEST_CASE("a step shape without work is refused by name") {
  CHECK_THROWS_WITH_AS(planned<float>(presets::tiny, {0, 32}, 1),
                       "batch: expected at least 1 sequence", ConfigError);
  CHECK_THROWS_WITH_AS(planned<float>(presets::tiny, {1, 0}, 1),
                       "sequence: expected at least 1 position", ConfigError);
}
