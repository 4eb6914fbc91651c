// SPDX-License-Identifier: MIT
// What workers do in a step, without TrainingStep's threads.
// Workers in turn: between two barriers one does all of its work before the next begins.
// Whichever goes ahead, the weights must be those of one worker, bit for bit. Without any one of
// the barriers in step_work.hpp or gradient_clipping.hpp some case here fails in every run.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/testing/workers_in_turn.hpp>
#include <octavo/training/training_step.hpp>

using namespace octavo;
using testing::run_in_turn;
using testing::Turns;

namespace {

constexpr ModelConfig untied{.vocabulary = 19,
                             .context = 12,
                             .layers = 2,
                             .width = 20,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 33}};

ModelConfig tied() {
  ModelConfig config = untied;
  config.head.tied = true;
  return without_biases(config);
}

/// A block whose backward begins with its parameters' gradients, which it only adds to: it pulls
/// them towards zero.
struct Pulling {
  using Value = float;
  Pulling(const Builder<float>& builder, const ModelConfig& config)
      : first(builder.matrix("first", 5, config.width)),
        second(builder.vector("second", config.width, InitialValue::normal)),
        unused(builder.vector("unused", 3, InitialValue::normal)) {}

  void forward(const Pass<float>&, MatrixView<float>) const {}
  void backward(const Pass<float>& pass, MatrixView<float>) const {
    for (const ParameterSlot& slot : {first, second}) {
      float* const gradient = pass.gradient_to_add_to(slot);
      const Range mine = pass.worker().split(slot.count());
      for (Index i = mine.begin; i < mine.end; ++i) gradient[i] += pass.weight(slot)[i];
    }
    pass.worker().barrier();
  }

  ParameterSlot first, second, unused;
};

/// A block that runs one layer twice: x += linear(linear(x)).
struct Twice {
  using Value = float;
  Twice(const Builder<float>& builder, const ModelConfig& config)
      : linear(builder.reused() / "linear", config.width, config.width),
        middle(builder.saved("middle", config.width)),
        input(builder.saved("input", config.width)),
        output(builder.forward_scratch("output", config.width)),
        gradient(builder.backward_scratch("gradient", config.width)) {}

  void forward(const Pass<float>& pass, MatrixView<float> x) const {
    copy<float>(pass.worker(), x, pass[input]);
    pass.worker().barrier();
    linear.forward(pass, pass[input], pass[middle]);
    linear.forward(pass, pass[middle], pass[output]);
    add<float>(pass.worker(), pass[output], x);
  }
  void backward(const Pass<float>& pass, MatrixView<float> dx) const {
    pass.worker().barrier();
    linear.backward(pass, pass[middle], dx, pass[gradient]);
    linear.backward(pass, pass[input], pass[gradient], pass[middle]);
    add<float>(pass.worker(), pass[middle], dx);
    pass.worker().barrier();
  }

  Linear<float> linear;
  Buffer<float> middle, input, output, gradient;
};

struct Case {
  std::string what;
  TrainingOptions options;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool fused : {false, true}) {
    const auto add = [&](const char* what, TrainingOptions options) {
      options.fused_update = fused;
      all.push_back({std::string(what) + (fused ? ", fused" : ""), options});
    };
    add("one pass", {.batch = 3, .sequence = 12, .accumulate = 1, .micro_batch = 3});
    add("a pass for each sequence",
        {.batch = 3, .sequence = 12, .accumulate = 1, .micro_batch = 1});
    add("dropout", {.batch = 2, .sequence = 9, .accumulate = 2, .micro_batch = 2, .dropout = 0.2});
    add("blocks run again",
        {.batch = 2, .sequence = 12, .accumulate = 1, .micro_batch = 2, .recompute = true});
    add("SGD, strongly clipped", {.batch = 1, .sequence = 12, .optimizer = Sgd{}, .clip = 1e-3});
    add("8 bits", {.batch = 1, .sequence = 12, .optimizer = AdamW8bit{}});
    // Workers have other shares of the averages than of an update in 8 bits.
    add("8 bits, averaged", {.batch = 1, .sequence = 12, .optimizer = AdamW8bit{}, .ema = 0.9});
  }
  return all;
}

template <BlockPart Part>
using Step = TrainingStep<float, ModelConfig, Part>;

template <BlockPart Part>
void fill(Step<Part>& step) {
  const CounterRandom random(3, RandomStream::batches,
                             static_cast<std::uint64_t>(step.steps_done()));
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(random.below(2 * i, 19));
    step.targets()[i] = static_cast<Token>(random.below(2 * i + 1, 19));
  }
}

/// One step on workers in turn.
template <BlockPart Part>
void train_in_turn(Step<Part>& step, Index workers, Turns turns) {
  const auto work = step.work();
  const auto run = [&](const auto& task) {
    CHECK(testing::unequal_barriers(run_in_turn(workers, turns, task)) == "");
  };
  if (step.options().fused_update) {
    run([&](const Worker& worker) { work.run_fused(worker, 0.01); });
  } else {
    run([&](const Worker& worker) { work.accumulate_gradients(worker); });
    run([&](const Worker& worker) { work.updates().update_all(worker, 0.01); });
  }
  step.set_steps_done(step.steps_done() + 1);
}

template <BlockPart Part>
void check(const ModelConfig& config, const std::vector<Case>& all = cases()) {
  for (const Case& one : all) {
    const Transformer<float, ModelConfig, Part> model{config};
    ThreadPool alone(1);
    Step<Part> expected(model, one.options, alone);
    for (int i = 0; i < 3; ++i) {
      fill(expected);
      expected.train(0.01);
    }
    for (const Index workers : {2, 3}) {
      for (const Turns turns : {Turns::first_to_last, Turns::last_to_first}) {
        ThreadPool threads(workers);  // for the plan
        Step<Part> step(model, one.options, threads);
        for (int i = 0; i < 3; ++i) {
          fill(step);
          train_in_turn(step, workers, turns);
        }
        INFO(one.what, config.head.tied ? ", tied, " : ", untied, ", workers, " workers, ",
             turns == Turns::first_to_last ? "the first ahead" : "the last ahead");
        CHECK(std::ranges::equal(step.weights(), expected.weights()));
        CHECK(std::ranges::equal(step.optimizer_state(), expected.optimizer_state()));
        CHECK(std::ranges::equal(step.averages(), expected.averages()));
      }
    }
  }
}

}  // namespace

TEST_CASE("workers in turn give one worker's bits: Octavo's model, untied") {
  check<FeedForward<float>>(untied);
}

TEST_CASE("workers in turn give one worker's bits: Octavo's model, tied") {
  check<FeedForward<float>>(tied());
}

TEST_CASE("workers in turn give one worker's bits: gradients of tables in rows") {
  std::vector<Case> all;
  for (const double clip : {0.0, 1e-3}) {
    for (const Index micro : {1, 3}) {
      all.push_back({"", TrainingOptions{.batch = 3,
                                         .sequence = 12,
                                         .micro_batch = micro,
                                         .clip = clip,
                                         .fused_update = true,
                                         .recompute_logits = true}});
    }
  }
  for (ModelConfig config : {untied, tied()}) {
    config.width = 16;
    config.vocabulary = 1800;
    check<FeedForward<float>>(config, all);
  }
}

TEST_CASE("workers in turn give one worker's bits: a block that begins with its gradients") {
  check<Pulling>(untied);
  check<Pulling>(tied());
}

TEST_CASE("workers in turn give one worker's bits: a block that runs a layer twice") {
  check<Twice>(untied);
}

TEST_CASE("gradients are those of the mean over the targets that count") {
  ThreadPool alone(1);
  const Transformer<float> model{untied};
  TrainingStep<float> step(model, {.batch = 2, .sequence = 6, .accumulate = 1, .micro_batch = 2},
                           alone);
  fill<FeedForward<float>>(step);
  const auto half = [&](std::size_t row) { step.targets()[row] = ignored_target; };
  for (std::size_t row = 6; row < 12; ++row) half(row);  // the second sequence says nothing
  const auto work = step.work();
  work.accumulate_gradients(Worker{});
  const double loss = work.mean_loss();
  const std::vector<float> gradients(step.gradients().begin(), step.gradients().end());

  TrainingStep<float> first(model, {.batch = 1, .sequence = 6}, alone);
  std::ranges::copy(step.inputs().first(6), first.inputs().begin());
  std::ranges::copy(step.targets().first(6), first.targets().begin());
  const auto work_of_first = first.work();
  work_of_first.accumulate_gradients(Worker{});
  CHECK(work_of_first.mean_loss() == loss);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const double expected = static_cast<double>(first.gradients()[i]);
    CHECK(static_cast<double>(gradients[i]) == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("where no target counts, loss and gradients are 0") {
  ThreadPool alone(1);
  const Transformer<float> model{untied};
  TrainingStep<float> step(model, {.batch = 1, .sequence = 6}, alone);
  std::ranges::fill(step.targets(), ignored_target);
  std::ranges::fill(step.gradients(), 99.f);
  const auto work = step.work();
  work.accumulate_gradients(Worker{});
  CHECK(work.mean_loss() == 0.0);
  CHECK(std::ranges::all_of(step.gradients(), [](float g) { return g == 0; }));
}

TEST_CASE("an update returns the norm before clipping, and changes nothing if that is not finite") {
  ThreadPool alone(1);
  const Transformer<float> model{untied};
  TrainingStep<float> step(model, {.batch = 1, .sequence = 6}, alone);
  std::ranges::fill(step.gradients(), 0.f);
  step.gradients()[0] = 3;
  step.gradients()[1] = -4;
  const std::vector<float> before(step.weights().begin(), step.weights().end());
  CHECK(step.work().updates().update_all(Worker{}, 0.01) == doctest::Approx(5));
  CHECK_FALSE(std::ranges::equal(step.weights(), before));
  const std::vector<float> after(step.weights().begin(), step.weights().end());
  step.gradients()[7] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(std::isfinite(step.work().updates().update_all(Worker{}, 0.01)));
  CHECK(std::ranges::equal(step.weights(), after));
}
