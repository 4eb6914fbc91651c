// SPDX-License-Identifier: MIT
// Roads to one number: the closed formula, the constexpr plan, and the bytes that a real step
// touches.
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/plan_check.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/presets.hpp>

#include "transformer/fixed_shape.hpp"

using namespace octavo;

static_assert(training_bytes<float>(presets::tiny, {.batch = 1, .sequence = 32}) < 1'000'000);

namespace {

/// Every buffer begins at a multiple of 64 bytes.
template <typename T>
std::size_t room(Index count) {
  return (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
}

/// The bytes of a step, written down by hand from docs/memory.md: for each phase, what is alive.
template <typename T>
std::size_t closed_formula(const ModelShape& m, const TrainingMemoryOptions& o) {
  const StepShape& step = o.step;
  const Index n = std::min(step.micro_batch, step.sequences()) * step.sequence;
  const Index rows = step.rows();
  const Index held = o.fused_update ? (rows + n - 1) / n : 1;
  const Index c = m.width, f = m.d_ff, h = m.heads, v = m.vocabulary, t = step.sequence;
  const Index p = parameter_count(m);
  const Index biases = m.bias ? 1 : 0;
  const Index block_parameters = 4 * c * c + 2 * c * f + 2 * c + biases * (7 * c + f);
  const Index embedding_parameters = (v + m.context) * c;
  const Index end_parameters = p - embedding_parameters - m.layers * block_parameters;
  const Index tensors = 2 + m.layers * (6 + 6 * biases) + 1 + biases + (m.tied ? 0 : 1 + biases);
  const Index largest = std::max({block_parameters, embedding_parameters, end_parameters});
  const Index largest_layer = std::max(3 * c * c + biases * 3 * c, c * f + biases * std::max(c, f));
  const bool by_layer = held == 1;
  const auto layers = static_cast<std::size_t>(m.layers * held);

  const std::size_t state =
      o.optimizer.same_rule(AdamW8bit{})
          ? room<std::byte>(2 * ((p + 63) / 64 * 64) + 4 * (p / 256 + tensors))
      : o.optimizer.same_rule(Lion{}) ? room<T>(p)
                                      : room<T>(2 * p);
  const std::size_t always = room<T>(p) + state + 2 * room<Token>(rows) + room<T>(rows) +
                             (o.fused_update ? 0 : room<T>(p));
  const Index panel = std::min<Index>(std::max({3 * c, f, v, n}), 256) * 192;  // bytes
  const std::size_t passes = room<std::byte>(o.workers * panel) + room<T>(held * n * c) +
                             (m.tied && !o.fused_update ? room<T>(rows * c) : 0);
  // Of what blocks keep, all but the first's is in the gradients of the block before, if the step
  // is one pass and where there is room.
  const bool one_pass = n == rows && !o.fused_update;
  std::size_t lodging = one_pass ? static_cast<std::size_t>(block_parameters) * sizeof(T) : 0;
  const auto per_block = [&](Index count) {
    const bool lodges = layers > 1 && room<T>(count) + 63 <= lodging;
    if (lodges) lodging -= room<T>(count);
    return (lodges ? 1 : layers) * room<T>(count);
  };
  const std::size_t inputs = o.recompute ? per_block(n * c) : 0;
  std::size_t kept = 0;
  for (const Index count : {n * c, n, n * 3 * c, n * c, n * h, n * c, n, n * f}) {
    kept += o.recompute ? room<T>(count) : per_block(count);
  }
  const auto fused = [&](Index count) { return o.fused_update ? room<T>(count) : 0; };
  const std::size_t partials = room<double>(((o.fused_update ? largest : p) + 4095) / 4096);

  const Index row = (t + 15) / 16 * 16;
  const std::size_t branch = 2 * room<T>(n * c);
  const std::size_t back = branch + (o.dropout ? room<T>(n * c) : 0);
  const std::size_t scratch[9] = {
      0,
      branch + room<T>(o.workers * 32 * row),
      branch + room<T>(n * f),
      branch + room<T>(n * c) + room<T>(n) + room<T>(std::min<Index>(n, 64) * v),
      back + room<T>(n * f),
      back + room<T>(n * c) + room<T>(o.workers * (64 * row + (2 * t * (c / h) + 15) / 16 * 16)),
      0,
      0,
      room<std::byte>(static_cast<Index>(o.between_steps_bytes))};
  std::size_t most = 0;
  for (int phase = 0; phase < 9; ++phase) {
    const auto in = [&](int first, int last, std::size_t bytes) {
      return first <= phase && phase <= last ? bytes : 0;
    };
    most = std::max(most, scratch[phase] + in(0, 6, passes) +
                              in(held > 1 && !o.recompute ? 0 : 1, 5, kept) +
                              in(held > 1 ? 0 : 1, 5, inputs) + in(0, 3, fused(end_parameters)) +
                              in(o.recompute && !by_layer ? 1 : 4, 5,
                                 fused(by_layer ? largest_layer : block_parameters)) +
                              in(m.tied ? 0 : 6, 6, fused(embedding_parameters)) +
                              in(o.fused_update ? 0 : 7, o.fused_update ? 6 : 7, partials));
  }
  return always + most;
}

template <typename T>
std::size_t planned(const ModelShape& shape, const StepShape& step, Index workers) {
  return training_bytes<T>(shape, TrainingMemoryOptions{.step = step, .workers = workers});
}

template <typename T>
std::size_t closed_formula(const ModelShape& shape, const StepShape& step, Index workers) {
  return closed_formula<T>(shape, TrainingMemoryOptions{.step = step, .workers = workers});
}

/// Some configuration: every option comes up.
struct Drawn {
  ModelShape shape;
  StepOptions options;
  Index workers;
};

Drawn draw(std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::batches);
  std::uint64_t position = 0;
  const auto from = [&](Index least, Index most) {
    return least + static_cast<Index>(
                       random.below(position++, static_cast<std::uint64_t>(most - least + 1)));
  };
  Drawn drawn;
  ModelShape& shape = drawn.shape;
  shape.vocabulary = from(2, 90);
  shape.layers = from(1, 4);
  shape.heads = from(1, 4);
  shape.width = shape.heads * from(1, 14);
  shape.d_ff = from(1, 80);
  shape.bias = from(0, 1) == 1;
  shape.tied = from(0, 1) == 1;
  shape.activation = static_cast<Activation>(from(0, 2));
  StepShape& step = drawn.options.step;
  step.batch = from(1, 4);
  step.accumulate = from(1, 2);
  step.micro_batch = from(1, 9);
  step.sequence = from(1, 40);
  shape.context = step.sequence + from(0, 5);
  drawn.workers = Index{1} << from(0, 2);
  drawn.options.dropout = from(0, 2) == 0 ? 0.2 : 0.0;
  drawn.options.recompute = from(0, 1) == 1;
  drawn.options.fused_update = from(0, 1) == 1;
  const AnyOptimizer optimizers[] = {AdamW{}, AdamW8bit{}, Lion{}};
  drawn.options.optimizer = optimizers[from(0, 2)];
  drawn.options.between_steps_bytes = static_cast<std::size_t>(from(0, 1) * from(1, 100'000));
  return drawn;
}

}  // namespace

TEST_CASE_TEMPLATE("the plan is the closed formula to the byte", T, float, double) {
  for (const Index workers : {1, 2, 4}) {
    CHECK(planned<T>(presets::tiny, {1, 32}, workers) ==
          closed_formula<T>(presets::tiny, {1, 32}, workers));
    CHECK(planned<T>(octavo_test::fixed_shape, {1, 32}, workers) ==
          closed_formula<T>(octavo_test::fixed_shape, {1, 32}, workers));
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

TEST_CASE("with every option the plan is the formula, and no byte is wasted by placement") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Drawn drawn = draw(seed);
    const TrainingMemoryOptions options = drawn.options.memory(drawn.workers);
    INFO("seed ", seed);
    CHECK(training_bytes<float>(drawn.shape, options) ==
          closed_formula<float>(drawn.shape, options));
    CHECK(training_bytes<double>(drawn.shape, options) ==
          closed_formula<double>(drawn.shape, options));
  }
}

namespace {

/// Runs a step inside painted memory: each buffer of the plan loses its paint, nothing behind the
/// block does.
template <typename T>
void check_marks(const ModelShape& shape, const StepOptions& options, Index workers) {
  constexpr std::byte paint{0xA5};
  ThreadPool threads(workers);
  const Transformer<T> model{RuntimeConfig(shape)};
  const std::size_t total = training_bytes<T>(shape, options.memory(workers));
  std::vector<std::byte> block(total + 64 + 64);
  auto* const base =
      reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block.data()) + 63) / 64 * 64);
  TrainingStep<T> step(model, options, threads, {base, total});
  const MemoryPlan& plan = step.plan();
  for (int id = 0; id < plan.size(); ++id) {
    if (plan.request(id).lifetime == phase::always) continue;  // weights and what belongs to them
    std::fill_n(base + plan.offset(id), MemoryPlan::footprint(plan.request(id)), paint);
  }
  std::fill(base + total, block.data() + block.size(), paint);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(1 + i % static_cast<std::size_t>(shape.vocabulary - 1));
    step.targets()[i] = static_cast<Token>((i + 1) % static_cast<std::size_t>(shape.vocabulary));
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
  check_marks<float>(presets::tiny, {.step = {2, 32}}, 2);
  check_marks<double>(octavo_test::fixed_shape, {.step = {1, 32}}, 1);
  check_marks<float>(presets::small, {.step = {1, 64}}, 4);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed ", seed);
    const Drawn drawn = draw(seed);
    if (seed % 2 == 0) {
      check_marks<float>(drawn.shape, drawn.options, drawn.workers);
    } else {
      check_marks<double>(drawn.shape, drawn.options, drawn.workers);
    }
  }
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

TEST_CASE("all sequences at once are the leanest way where a block is larger than what it keeps") {
  const TrainingMemoryOptions wide{.step = {.batch = 4, .sequence = 64}, .workers = 2};
  CHECK(leanest_micro_batch<float>(presets::gpt2, wide) == 4);
  CHECK(leanest_micro_batch<float>(presets::medium, {.step = {8, 128}}) == 1);
  TrainingMemoryOptions once = wide;
  once.step.micro_batch = 4;
  CHECK(training_bytes<float>(presets::gpt2, once) < training_bytes<float>(presets::gpt2, wide));
}
