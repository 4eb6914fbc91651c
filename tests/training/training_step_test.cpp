// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <heap_guard/heap_guard.hpp>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/sgd.hpp>
#include <octavo/parallel/phase_clock.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/transformer/phases.hpp>
#include <octavo/transformer/presets.hpp>

#include "transformer/fixed_shape.hpp"

using namespace octavo;

namespace {

template <typename Step>
void fill_tokens(Step& step) {
  const CounterRandom random(11, RandomStream::batches,
                             static_cast<std::uint64_t>(step.steps_done()));
  const auto vocabulary = static_cast<std::uint64_t>(step.config().vocabulary);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(random.below(2 * i, vocabulary));
    step.targets()[i] = static_cast<Token>(random.below(2 * i + 1, vocabulary));
  }
}

template <Scalar T, ModelConfigSource Config, Layer FeedForwardLayer = FeedForward<T>>
std::vector<T> weights_after(const Config& config, const TrainingOptions& options, Index workers,
                             int steps) {
  ThreadPool threads(workers);
  TrainingStep<T, Config, FeedForwardLayer> step(Transformer<T, Config, FeedForwardLayer>{config},
                                                 options, threads);
  for (int i = 0; i < steps; ++i) {
    fill_tokens(step);
    step.train(1e-3);
  }
  return {step.weights().begin(), step.weights().end()};
}

constexpr ModelConfig tied_gelu{
    .vocabulary = 19,
    .context = 24,
    .layers = 2,
    .width = 24,
    .norm = {.bias = false},
    .attention = {.heads = 2, .bias = false},
    .feed_forward = {.d_ff = 40, .activation = Activation::gelu, .bias = false},
    .head = {.tied = true, .bias = false}};

/// Hands out places to a layer that only ever adds.
class ZeroedFirst final : public GradientConsumer<float> {
 public:
  ZeroedFirst(const Pass<float>& pass, const ParameterTable& table) : pass_(pass), table_(table) {}
  GradientPlace<float> place(Index tensor) override {
    const Index within = tensor - pass_.first_tensor;
    const ParameterEntry& entry = table_[within];
    return {pass_.gradient_to_add_to({within, entry.offset, entry.rows, entry.columns}),
            Output::accumulate};
  }
  void complete(Index first, Index count) override {
    pass_.complete({first - pass_.first_tensor}, count);
  }

 private:
  const Pass<float>& pass_;
  const ParameterTable& table_;
};

/// Adds to its gradients, as a layer of a user's may.
struct AlwaysAdding : FeedForward<float> {
  using FeedForward<float>::FeedForward;
  void backward(const Pass<float>& pass, MatrixView<const float> x, MatrixView<const float> dy,
                MatrixView<float> dx) const {
    static const Transformer<float> model{tied_gelu};
    ZeroedFirst consumer(pass, model.block_table());
    const PassRun<float> run{pass.worker(), pass.run.arena, pass.run.pack_buffer, &consumer,
                             pass.run.dropout};
    FeedForward<float>::backward(
        {run, pass.rows, pass.weights, pass.first_tensor, pass.block, pass.copy}, x, dy, dx);
  }
};

}  // namespace

TEST_CASE("200 steps give the same weights with 1, 2, 3 and 4 threads") {
  TrainingOptions options;
  options.batch = 2, options.sequence = 24, options.accumulate = 1, options.micro_batch = 1;
  options.dropout = 0.1;
  const auto alone = weights_after<float>(tied_gelu, options, 1, 200);
  for (const Index workers : {2, 3, 4}) {
    CHECK(weights_after<float>(tied_gelu, options, workers, 200) == alone);
  }
}

TEST_CASE_TEMPLATE("micro-batch and accumulation do not change a bit", T, float, double) {
  TrainingOptions options;
  options.batch = 6, options.sequence = 16, options.accumulate = 1, options.micro_batch = 1;
  options.dropout = 0.2;
  for (const ModelConfig& config : {tied_gelu, presets::tiny}) {
    const auto one = weights_after<T>(config, options, 2, 10);
    for (TrainingOptions changed :
         {TrainingOptions{.batch = 6, .sequence = 16, .accumulate = 1, .micro_batch = 6},
          TrainingOptions{.batch = 6, .sequence = 16, .accumulate = 1, .micro_batch = 4},
          TrainingOptions{.batch = 2, .sequence = 16, .accumulate = 3, .micro_batch = 1},
          TrainingOptions{.batch = 1, .sequence = 16, .accumulate = 6, .micro_batch = 5}}) {
      changed.dropout = options.dropout;
      CHECK(weights_after<T>(config, changed, 2, 10) == one);
    }
  }
}

TEST_CASE_TEMPLATE(
    "the norm that a fused step tells does not say how many sequences went at a time", T, float,
    double) {
  TrainingOptions options;
  options.fused_update = true;
  const auto norms = [&](Index at_a_time) {
    options.batch = 6, options.sequence = 16, options.accumulate = 1,
    options.micro_batch = at_a_time;
    ThreadPool threads(2);
    TrainingStep<T> step(Transformer<T>{tied_gelu}, options, threads);
    fill_tokens(step);
    std::vector<double> result(50);
    for (double& norm : result) norm = step.train(1e-2).gradient_norm;
    return result;
  };
  const std::vector<double> one = norms(1);
  CHECK(norms(4) == one);
  CHECK(norms(6) == one);
}

TEST_CASE("a step of more positions than a number holds is refused") {
  ThreadPool threads(1);
  const Transformer<float> model{tied_gelu};
  for (const TrainingOptions& options :
       {TrainingOptions{.batch = Index{1} << 30, .sequence = 2},
        TrainingOptions{.batch = 1 << 16, .sequence = 1, .accumulate = 1 << 16},
        TrainingOptions{.batch = 1964258824, .sequence = 32, .accumulate = 293474946}}) {
    CHECK_THROWS_WITH_AS(TrainingStep<float>(model, options, threads),
                         "batch x accumulate x sequence: expected at most 2^31 - 1 positions in a "
                         "step",
                         ConfigError);
  }
}

TEST_CASE(
    "a micro-batch of more sequences than there are is one of all, and takes no more memory") {
  ThreadPool threads(1);
  const auto bytes = [&](Index micro_batch) {
    TrainingOptions options;
    options.batch = 2, options.sequence = 16, options.accumulate = 2,
    options.micro_batch = micro_batch;
    const TrainingStep<float> step(Transformer<float>{tied_gelu}, options, threads);
    CHECK(step.options().pass_sequences() == std::min<Index>(micro_batch, 4));
    return step.plan().total_bytes();
  };
  CHECK(bytes(99) == bytes(4));
  CHECK(bytes(4) > bytes(1));
}

TEST_CASE("gradients that are computed twice are the same: nothing stays of those before") {
  ThreadPool threads(2);
  TrainingOptions options;
  options.batch = 3, options.sequence = 16, options.accumulate = 1, options.micro_batch = 2;
  for (const ModelConfig& config : {tied_gelu, presets::tiny}) {
    TrainingStep<float> step(Transformer<float>{config}, options, threads);
    fill_tokens(step);
    step.compute_gradients();
    const std::vector<float> first(step.gradients().begin(), step.gradients().end());
    step.compute_gradients();
    CHECK(std::equal(first.begin(), first.end(), step.gradients().begin()));
  }
}

TEST_CASE("losses that are looked at between gradients and update leave the gradients alone") {
  TrainingOptions options;
  options.batch = 3, options.sequence = 16, options.accumulate = 1,
  options.micro_batch = 3;  // one pass: activations lie in the gradients' memory
  ThreadPool threads(2);
  TrainingStep<float> step(Transformer<float>{tied_gelu}, options, threads);
  fill_tokens(step);
  step.compute_gradients();
  const std::vector<float> before(step.gradients().begin(), step.gradients().end());
  step.add_losses(0, 3, 16);
  CHECK(std::equal(before.begin(), before.end(), step.gradients().begin()));
}

TEST_CASE("fixed and run-time configuration end in equal bytes after 20 steps") {
  TrainingOptions options;
  options.batch = 1, options.sequence = 32, options.accumulate = 1, options.micro_batch = 1;
  CHECK(weights_after<float>(FixedConfig<octavo_test::fixed_shape>{}, options, 2, 20) ==
        weights_after<float>(octavo_test::fixed_shape, options, 1, 20));
}

TEST_CASE(
    "a layer that always adds to its gradients finds zeros there, and the bits are the same") {
  for (const bool fused : {false, true}) {
    TrainingOptions options;
    options.batch = 3, options.sequence = 20;
    options.fused_update = fused;
    const ModelConfig config(tied_gelu);
    CHECK(weights_after<float, ModelConfig, AlwaysAdding>(config, options, 2, 5) ==
          weights_after<float>(config, options, 2, 5));
  }
}

TEST_CASE("no preset's step calls the heap") {
  if (!octavo_test::heap_guard_active())
    return;  // there they would take longest of all and show nothing
  struct Case {
    ModelConfig config;
    Index batch, sequence;
  };
  for (const Case& preset : {Case{presets::tiny, 1, 32}, Case{octavo_test::fixed_shape, 1, 32},
                             Case{presets::small, 1, 64}, Case{presets::nano, 12, 64},
                             Case{presets::medium, 8, 128}, Case{presets::large, 2, 128}}) {
    ThreadPool threads(2);
    TrainingStep<float> step(Transformer<float>{preset.config},
                             {.batch = preset.batch, .sequence = preset.sequence, .dropout = 0.1},
                             threads);
    fill_tokens(step);
    const octavo_test::HeapGuard guard;
    step.train(1e-3);
    step.add_losses(0, 1, 16);
    const auto allocations = guard.allocations();
    CHECK(allocations == 0);
  }
}

TEST_CASE("each phase of a step is timed, evaluations are not, and no bit changes") {
  for (int variant = 0; variant < 4; ++variant) {
    INFO("variant " << variant);
    TrainingOptions options{.batch = 2, .sequence = 16};
    options.fused_update = (variant & 1) != 0;
    options.recompute = (variant & 2) != 0;
    ThreadPool threads(2);
    TrainingStep<float> step(Transformer<float>(tied_gelu), options, threads);
    PhaseClock clock(phase::between_steps);
    threads.set_clock(&clock);
    fill_tokens(step);
    step.add_losses(0, 1, 16);
    for (int i = 0; i < phase::between_steps; ++i) CHECK(clock.seconds(i) == 0);
    for (int i = 0; i < 3; ++i) {
      fill_tokens(step);
      step.train(1e-3);
    }
    for (std::size_t i = 0; i < phase::names.size(); ++i) {
      CAPTURE(phase::names[i]);
      CHECK(clock.seconds(static_cast<int>(i)) > 0);
    }
    CHECK(clock.enter(0) == phase::between_steps);
    const std::vector<float> expected = weights_after<float>(tied_gelu, options, 1, 3);
    const bool same = std::ranges::equal(step.weights(), expected);
    CHECK(same);
  }
}

TEST_CASE("every optimizer lowers the loss of one batch") {
  const AnyOptimizer optimizers[] = {AdamW{}, Adam{}, Sgd{}};
  const double rates[] = {3e-3, 3e-3, 0.1};
  for (int i = 0; i < 3; ++i) {
    ThreadPool threads(1);
    TrainingStep<double> step(Transformer<double>{tied_gelu},
                              {.batch = 1, .sequence = 16, .optimizer = optimizers[i]}, threads);
    fill_tokens(step);
    const double first = step.train(rates[i]).loss;
    for (int k = 0; k < 60; ++k) step.train(rates[i]);
    CHECK(step.compute_gradients() < first / 2);
  }
}

TEST_CASE("frozen tensors keep their bits, others learn") {
  ThreadPool threads(1);
  TrainingStep<float> step(Transformer<float>{tied_gelu}, {.batch = 1, .sequence = 16}, threads);
  CHECK(step.parameters().set_learning_rate_factor("positions", 0) == 1);
  const Eigen::MatrixXf frozen = step.weight("embedding.positions.weight");
  const Eigen::MatrixXf trained = step.weight("embedding.tokens.weight");
  fill_tokens(step);
  step.train(1e-2);
  CHECK(step.weight("embedding.positions.weight") == frozen);
  CHECK(step.weight("embedding.tokens.weight") != trained);
}

TEST_CASE("a diverging step throws before the update and changes nothing") {
  ThreadPool threads(2);
  TrainingStep<float> step(Transformer<float>{tied_gelu}, {.batch = 1, .sequence = 16}, threads);
  fill_tokens(step);
  step.weight("blocks.1.feed_forward.up.weight")(3, 4) = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before(step.weights().begin(), step.weights().end());
  CHECK_THROWS_AS(step.train(1e-3), Diverged);
  CHECK(std::memcmp(before.data(), step.weights().data(), before.size() * sizeof(float)) == 0);
  CHECK(step.steps_done() == 0);
}

TEST_CASE("a run inside memory of the caller has the bits of one that owns its memory") {
  static constexpr TrainingOptions config{.batch = 1, .sequence = 32};
  alignas(64) static std::byte memory[training_bytes<float>(presets::tiny, config)];
  ThreadPool threads(1);
  const Transformer<float> model{presets::tiny};
  TrainingStep<float> owning(model, config, threads);
  TrainingStep<float> borrowing(model, config, threads, memory);
  CHECK(owning.plan().total_bytes() == sizeof(memory));
  for (auto* step : {&owning, &borrowing}) {
    fill_tokens(*step);
    step->train(1e-3);
  }
  CHECK(std::equal(owning.weights().begin(), owning.weights().end(), borrowing.weights().begin()));
  CHECK_THROWS_AS(
      TrainingStep<float>(model, config, threads, std::span(memory).first(sizeof(memory) - 64)),
      ConfigError);
}

TEST_CASE("a moved step goes on where the other stopped") {
  ThreadPool threads(1);
  const Transformer<float> model{tied_gelu};
  TrainingStep<float> stays(model, {.batch = 1, .sequence = 16}, threads);
  TrainingStep<float> goes(model, {.batch = 1, .sequence = 16}, threads);
  fill_tokens(stays);
  fill_tokens(goes);
  stays.train(1e-3);
  goes.train(1e-3);
  TrainingStep<float> arrived = std::move(goes);
  CHECK(arrived.train(1e-3).loss == stays.train(1e-3).loss);
}
