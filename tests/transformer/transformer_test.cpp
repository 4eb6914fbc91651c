// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/plan_check.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/testing/gradient_check.hpp>
#include <octavo/training/gradient_consumers.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/presets.hpp>
#include <octavo/transformer/transformer.hpp>

#include "transformer/fixed_shape.hpp"

using namespace octavo;

static_assert(parameter_count(presets::tiny) == 46'307);
static_assert(parameter_count(octavo_test::fixed_shape) == 291'398);
static_assert(parameter_count(presets::small) == 422'179);
static_assert(parameter_count(presets::medium) == 2'175'554);
static_assert(parameter_count(presets::large) == 8'545'346);
static_assert(parameter_count(presets::nano) == 804'096);
static_assert(parameter_count(presets::gpt2) == 124'439'808);

namespace {

/// A model with memory, tokens and weights of its own, run as one pass.
template <Scalar T, ModelConfigSource Config = ModelConfig>
struct Rig {
  Rig(const Config& config, Index batch, Index length, Index workers, bool dropout = false)
      : threads(workers),
        sequences(batch),
        sequence(length),
        model(config, plan, {sequences, sequence, threads.size(), true, dropout}),
        parameters(model.parameters()),
        arena(placed(plan)),
        weights(size(parameters.count())),
        gradients(weights.size()),
        losses(size(sequences * sequence)),
        marks(parameters.size() * size(workers)),
        inputs(losses.size()),
        targets(losses.size()) {
    const CounterRandom random(7, RandomStream::batches);
    const auto vocabulary = static_cast<std::uint64_t>(model.config().vocabulary);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = static_cast<Token>(random.below(2 * i, vocabulary));
      targets[i] = static_cast<Token>(random.below(2 * i + 1, vocabulary));
    }
    targets[inputs.size() / 2] = ignored_target;
    const CounterRandom draws(3, RandomStream::initial_weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<T>(static_cast<float>(0.4 * draws.normal(i)));
    }
    if (dropout) draw = DropoutDraw{CounterRandom(5, RandomStream::dropout, 9), 0, 0.3};
  }

  static std::size_t size(Index count) { return static_cast<std::size_t>(count); }

  static const MemoryPlan& placed(MemoryPlan& plan) {
    plan.place();
    return plan;
  }
  Pass<T> pass(const Worker& worker, GradientConsumer<T>* consumer = nullptr) const {
    return {.run = {worker, arena, model.pack_buffer(arena), consumer, draw},
            .rows = {sequences, sequence},
            .weights = weights.data()};
  }

  double loss(bool backward = false) {
    const T scale = T{1} / static_cast<T>(count_targets(targets));
    std::fill(arena.bytes().begin(), arena.bytes().end(), std::byte{0xFF});
    threads.run([&](const Worker& worker) {
      AccumulateGradients<T> consumer(
          parameters.span(), gradients,
          std::span(marks).subspan(size(worker.index()) * parameters.size(), parameters.size()));
      const Pass<T> pass = this->pass(worker, backward ? &consumer : nullptr);
      model.loss(pass, inputs, targets, losses, scale);
      if (!backward) return;
      for (Index layer = model.config().layers - 1; layer >= 0; --layer) {
        model.backward_block(pass, layer);
      }
      model.backward_embedding(pass, inputs);
      consumer.finish(worker);
    });
    double total = 0;
    for (const T loss : losses) total += static_cast<double>(loss);
    return total / static_cast<double>(count_targets(targets));
  }

  ThreadPool threads;
  Index sequences, sequence;
  MemoryPlan plan;
  Transformer<T, Config> model;
  ParameterList parameters;
  Arena arena;
  std::vector<T> weights, gradients, losses;
  std::vector<GradientMark> marks;
  std::vector<Token> inputs, targets;
  std::optional<DropoutDraw> draw;
};

constexpr ModelConfig gelu_biased{.vocabulary = 11,
                                  .context = 9,
                                  .layers = 2,
                                  .width = 8,
                                  .attention = {.heads = 2},
                                  .feed_forward = {.d_ff = 12, .activation = Activation::gelu}};
constexpr ModelConfig tanh_tied{
    .vocabulary = 13,
    .context = 40,
    .layers = 2,
    .width = 12,
    .norm = {.bias = false},
    .attention = {.heads = 3, .bias = false},
    .feed_forward = {.d_ff = 20, .activation = Activation::gelu_tanh, .bias = false},
    .head = {.tied = true, .bias = false}};
constexpr ModelConfig relu_untied{.vocabulary = 17,
                                  .context = 8,
                                  .layers = 2,
                                  .width = 10,
                                  .attention = {.heads = 1},
                                  .feed_forward = {.d_ff = 9}};

void check_model(const ModelConfig& config, Index sequences, Index sequence, bool dropout = false) {
  Rig<double> rig(config, sequences, sequence, 2, dropout);
  rig.loss(true);
  const std::vector<double> gradients = rig.gradients;
  for (const Parameter& parameter : rig.parameters) {
    const auto first = static_cast<std::size_t>(parameter.offset);
    const auto size = static_cast<std::size_t>(parameter.count());
    // Half of the loss's evaluations would be lost to curvature with a larger step.
    const auto check =
        testing::check_tensor(parameter.name, std::span(rig.weights).subspan(first, size),
                              std::span<const double>(gradients).subspan(first, size),
                              {.step = 3e-6}, [&] { return rig.loss(); });
    INFO(check.name, " differs by ", check.difference, ", allowed ", check.allowed);
    CHECK(check.passed());
  }
}

}  // namespace

TEST_CASE("gradients of every parameter agree with central differences") {
  check_model(gelu_biased, 2, 7);
  check_model(tanh_tied, 1, 6);
  check_model(relu_untied, 3, 5);
}

TEST_CASE("so they do under dropout") { check_model(gelu_biased, 2, 5, true); }

TEST_CASE("float gradients agree with double ones") {
  for (const ModelConfig& config : {gelu_biased, tanh_tied, relu_untied}) {
    Rig<double> exact(config, 2, 8, 1);
    Rig<float> rounded(config, 2, 8, 1);
    CHECK(rounded.loss(true) == doctest::Approx(exact.loss(true)).epsilon(1e-5));
    for (const Parameter& parameter : exact.parameters) {
      double difference = 0, norm = 0;
      for (Index i = parameter.offset; i < parameter.offset + parameter.count(); ++i) {
        const double g = exact.gradients[static_cast<std::size_t>(i)];
        const double delta =
            g - static_cast<double>(rounded.gradients[static_cast<std::size_t>(i)]);
        difference += delta * delta;
        norm += g * g;
      }
      INFO(parameter.name);
      CHECK(std::sqrt(difference) <= 1e-7 + 1e-5 * std::sqrt(norm));
    }
  }
}

TEST_CASE_TEMPLATE("loss and gradients do not depend on the number of workers", T, float, double) {
  Rig<T> alone(presets::tiny, 2, 48, 1, true);
  const double loss = alone.loss(true);
  for (const Index workers : {2, 3, 4, 7}) {
    Rig<T> parallel(presets::tiny, 2, 48, workers, true);
    CHECK(parallel.loss(true) == loss);
    CHECK(parallel.gradients == alone.gradients);
  }
}

TEST_CASE("fixed and run-time sizes give the same bits") {
  Rig<float, FixedConfig<octavo_test::fixed_shape>> fixed(FixedConfig<octavo_test::fixed_shape>{},
                                                          1, 32, 1);
  Rig<float> given(octavo_test::fixed_shape, 1, 32, 1);
  CHECK(fixed.loss(true) == given.loss(true));
  CHECK(fixed.gradients == given.gradients);
  CHECK(fixed.arena.size() == given.arena.size());
}

TEST_CASE("a forward pass has the loss of a training pass, and needs no gradients") {
  Rig<float> rig(presets::small, 1, 64, 2);
  CHECK(rig.loss(false) == rig.loss(true));
}

TEST_CASE("the mean of logits and targets is the loss") {
  Rig<double> rig(tanh_tied, 2, 9, 2);
  const double loss = rig.loss();
  const Index vocabulary = rig.model.config().vocabulary;
  std::vector<double> logits(rig.inputs.size() * static_cast<std::size_t>(vocabulary));
  rig.threads.run([&](const Worker& worker) {
    rig.model.logits(rig.pass(worker), rig.inputs,
                     MatrixView<double>(logits.data(), 18, vocabulary));
  });
  double total = 0;
  for (std::size_t r = 0; r < rig.targets.size(); ++r) {
    if (rig.targets[r] < 0) continue;
    const double* row = &logits[r * static_cast<std::size_t>(vocabulary)];
    double sum = 0;
    for (Index v = 0; v < vocabulary; ++v) sum += std::exp(row[v]);
    total += std::log(sum) - row[rig.targets[r]];
  }
  CHECK(total / static_cast<double>(count_targets(rig.targets)) == doctest::Approx(loss));
}

TEST_CASE("every plan is sound") {
  for (const ModelConfig& config : {gelu_biased, tanh_tied, presets::tiny, presets::nano}) {
    for (const bool training : {true, false}) {
      for (const Index workers : {1, 2, 5}) {
        MemoryPlan plan;
        const Transformer<float> model(config, plan, {2, 8, workers, training, true});
        plan.place();
        CHECK(plan_defect(plan) == "");
        CHECK(plan.total_bytes() >= plan.peak_live_bytes());
      }
    }
  }
}

TEST_CASE("shapes that make no model are refused by name") {
  ModelConfig config = presets::tiny;
  config.attention.heads = 3;
  CHECK_THROWS_WITH_AS(Transformer<float>{config}, "width 64 is not a multiple of heads 3",
                       ConfigError);
  config = presets::tiny;
  config.vocabulary = 0;
  CHECK_THROWS_WITH_AS(Transformer<float>{config}, "vocabulary is 0, expected 1 to 2147483647",
                       ConfigError);
  config = presets::tiny;
  config.width = 759'250'125;
  config.attention.heads = 1;
  config.layers = 8;
  CHECK_THROWS_WITH_AS(Transformer<float>{config},
                       "model config: expected less than 2^50 parameters", ConfigError);
  MemoryPlan plan;
  CHECK_THROWS_WITH_AS(Transformer<float>(presets::tiny, plan, {1, 129}),
                       "sequence: got 129, expected 1 to 128, the model's context", ConfigError);
}

TEST_CASE("a model begins with GPT-2's initial weights") {
  const ParameterList list = Transformer<float>{octavo_test::fixed_shape}.parameters();
  std::vector<float> weights(static_cast<std::size_t>(list.count()));
  constexpr Index layers = 8;
  set_initial_weights<float>(list, layers, 5, weights);
  const auto deviation = [&](const char* name) {
    const Parameter& tensor = list.find(name);
    double squares = 0;
    for (Index i = 0; i < tensor.count(); ++i) {
      const auto weight = static_cast<double>(weights[static_cast<std::size_t>(tensor.offset + i)]);
      squares += weight * weight;
    }
    return std::sqrt(squares / static_cast<double>(tensor.count()));
  };
  for (const char* name : {"embedding.tokens.weight", "blocks.0.feed_forward.up.weight"}) {
    CHECK(deviation(name) / 0.02 == doctest::Approx(1).epsilon(0.02));
  }
  for (const char* name :
       {"blocks.1.attention.output.weight", "blocks.0.feed_forward.down.weight"}) {
    CHECK(deviation(name) / 0.02 == doctest::Approx(1.0 / 4).epsilon(0.02));
  }
  CHECK(deviation("blocks.1.attention_norm.weight") == 1);
  CHECK(deviation("blocks.1.attention_norm.bias") == 0);
}

TEST_CASE("parameters have GPT-2's names, in memory order without gaps") {
  const ParameterList list = Transformer<float>{octavo_test::fixed_shape}.parameters();
  CHECK(list.count() == 291'398);
  CHECK(list[0].name == "embedding.tokens.weight");
  CHECK(list.find("blocks.1.attention.qkv.weight").columns == 384);
  CHECK(list.find("blocks.1.feed_forward.up.weight").rows == 128);
  CHECK(list.find("head.bias").columns == 70);
  Index next = 0;
  for (const Parameter& parameter : list) {
    CHECK(parameter.offset == next);
    next += parameter.count();
  }
  CHECK(next == list.count());
}
