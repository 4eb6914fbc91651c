// SPDX-License-Identifier: MIT
// Every layer of the library against central differences, on one worker and on three.
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/layer_norm.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/testing/gradient_check.hpp>

using namespace octavo;
using testing::check_gradients;
using testing::GradientCheckOptions;

namespace {

template <Layer L>
void enrol(const L& layer) {
  for (const Index workers : {1, 3}) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      GradientCheckOptions options;
      options.workers = workers;
      options.seed = seed;
      const auto result = check_gradients(layer, options);
      INFO(result.failures());
      CHECK(result.passed());
    }
  }
}

/// The gradients and outputs of a crew of any size equal those of one worker, bit for bit.
template <Layer L>
void enrol_bits(const L& layer) {
  GradientCheckOptions options;
  testing::LayerHarness<L> alone(layer, options);
  alone.backward();
  for (const Index workers : {2, 3, 7}) {
    options.workers = workers;
    testing::LayerHarness<L> crew(layer, options);
    crew.backward();
    CHECK(crew.output == alone.output);
    CHECK(crew.input_gradient == alone.input_gradient);
    CHECK(crew.gradients == alone.gradients);
  }
}

template <Layer L>
void enrol_all(const L& layer) {
  enrol(layer);
  enrol_bits(layer);
}

}  // namespace

TEST_CASE("linear layer") {
  enrol_all(Linear<double>(7, 19, true));
  enrol_all(Linear<double>(33, 5, false));
  enrol_all(Linear<double, 6, 40>(6, 40, true));
}

TEST_CASE("layer norm") {
  enrol_all(LayerNorm<double>(12, true));
  enrol_all(LayerNorm<double>(37, false));
  enrol_all(LayerNorm<double, 16>(16, true));
}

TEST_CASE("causal self-attention") {
  enrol_all(CausalSelfAttention<double>(12, 3, true));
  enrol_all(CausalSelfAttention<double>(10, 1, false));
  enrol_all(CausalSelfAttention<double, 8>(8, 4, true));
}

TEST_CASE("causal self-attention over several tiles of queries") {
  GradientCheckOptions options;
  options.sequences = 1;
  options.sequence = 70;
  const auto result = check_gradients(CausalSelfAttention<double>(6, 2, true), options);
  INFO(result.failures());
  CHECK(result.passed());
}

TEST_CASE("feed-forward layer") {
  enrol_all(FeedForward<double>(6, 10, Activation::gelu, true));
  enrol_all(FeedForward<double>(5, 17, Activation::gelu_tanh, false));
  enrol_all(FeedForward<double>(8, 12, Activation::relu, true));
}

TEST_CASE("dropout") { enrol_all(Dropout<double>(11, 3)); }

TEST_CASE("dropouts of different sites and blocks drop different numbers, always the same") {
  MemoryPlan plan;
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  const auto dropped = [&](Index site, Index block, Index first_row) {
    std::vector<double> ones(64, 1.0);
    const LayerContext<double> context{
        worker,
        arena,
        nullptr,
        nullptr,
        0,
        0,
        1,
        8,
        {},
        first_row,
        DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0.5}};
    Dropout<double>(8, site).apply(context, block, {ones.data(), 8, 8});
    return ones;
  };
  const auto numbers = dropped(2, 3, 0);
  CHECK(dropped(2, 3, 0) == numbers);
  CHECK(dropped(1, 4, 0) == numbers);  // sites are added
  CHECK(dropped(2, 4, 0) != numbers);
  CHECK(dropped(3, 3, 0) != numbers);
  CHECK(dropped(2, 3, 8) != numbers);
}
