// SPDX-License-Identifier: MIT
// A step's workers in turn: between two barriers one does all of its work before the next begins.
// Whichever goes ahead, the weights must be those of one worker, bit for bit. Without any one of
// the barriers in step_work.hpp or gradient_clipping.hpp some case here fails in every run.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/testing/workers_in_turn.hpp>
#include <octavo/training/training_step.hpp>

using namespace octavo;
using testing::run_in_turn;
using testing::Turns;

namespace {

constexpr ModelShape untied{
    .vocabulary = 19, .context = 12, .layers = 2, .heads = 2, .width = 20, .d_ff = 33};

ModelShape tied() {
  ModelShape shape = untied;
  shape.tied = true;
  shape.bias = false;
  return shape;
}

/// A layer as users write them: it adds to gradients that must be zero before.
struct AlwaysAdding : FeedForward<float> {
  using FeedForward<float>::FeedForward;
  static constexpr bool overwrites_gradients = false;
};

/// A block whose backward begins with its parameters' gradients: it pulls them towards zero.
struct Pulling {
  using Value = float;
  static constexpr bool overwrites_all = false;
  ParameterSlot first, second;
  ParameterRange range;

  const ParameterRange& added_to() const { return range; }
  void declare(ParameterDeclarations& list) {
    first = list.matrix("first", 5, 20, InitialValue::normal);
    second = list.vector("second", 20, InitialValue::normal);
    range.count = 120;
  }
  void book(const BlockScope&) {}
  void forward(const LayerContext<float>&, MatrixView<float>) const {}
  void backward(const LayerContext<float>& context, MatrixView<float>) const {
    for (const ParameterSlot& slot : {first, second}) {
      const Range mine = context.worker.split(slot.end() - slot.offset);
      for (Index i = mine.begin; i < mine.end; ++i) {
        slot.in(context.gradients)[i] += slot.in(context.weights)[i];
      }
    }
    context.worker.barrier();
  }
};

struct Case {
  std::string what;
  StepOptions options;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bool fused : {false, true}) {
    const auto add = [&](const char* what, StepOptions options) {
      options.fused_update = fused;
      all.push_back({std::string(what) + (fused ? ", fused" : ""), options});
    };
    add("one pass", {.step = {3, 12, 1, 3}});
    add("a pass for each sequence", {.step = {3, 12, 1, 1}});
    add("dropout", {.step = {2, 9, 2, 2}, .dropout = 0.2});
    add("blocks run again", {.step = {2, 12, 1, 2}, .recompute = true});
    add("SGD, strongly clipped", {.step = {1, 12}, .optimizer = Sgd{}, .clip = 1e-3});
    add("8 bits", {.step = {1, 12}, .optimizer = AdamW8bit{}});
  }
  return all;
}

template <BlockPart Part>
using Step = TrainingStep<float, RuntimeConfig, Part>;

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
    run([&](const Worker& worker) { work.update(worker, 0.01); });
  }
  step.set_steps_done(step.steps_done() + 1);
}

template <BlockPart Part>
void check(const ModelShape& shape, const Part& part) {
  for (const Case& one : cases()) {
    const Transformer<float, RuntimeConfig, Part> model(RuntimeConfig(shape), part);
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
        INFO(one.what, shape.tied ? ", tied, " : ", untied, ", workers, " workers, ",
             turns == Turns::first_to_last ? "the first ahead" : "the last ahead");
        CHECK(std::ranges::equal(step.weights(), expected.weights()));
        CHECK(std::ranges::equal(step.optimizer_state(), expected.optimizer_state()));
      }
    }
  }
}

template <typename Part>
Part part_of(const ModelShape& shape) {
  return Part(shape.width, shape.d_ff, shape.activation, shape.bias);
}

}  // namespace

TEST_CASE("workers in turn give one worker's bits: Octavo's model, untied") {
  check(untied, part_of<FeedForward<float>>(untied));
}

TEST_CASE("workers in turn give one worker's bits: Octavo's model, tied") {
  check(tied(), part_of<FeedForward<float>>(tied()));
}

TEST_CASE("workers in turn give one worker's bits: a layer that always adds to its gradients") {
  check(untied, part_of<AlwaysAdding>(untied));
}

TEST_CASE("workers in turn give one worker's bits: a block that begins with its gradients") {
  check(untied, Pulling{});
  check(tied(), Pulling{});
}
