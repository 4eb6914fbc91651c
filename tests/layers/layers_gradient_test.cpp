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

/// Layers from `width` to `output_width` (0: the same).
struct Widths {
  Index width = 0;
  Index output_width = 0;
};

template <typename Make>
void enrol(const Make& make, Widths widths) {
  for (const Index workers : {1, 3}) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      const GradientCheckOptions options{.workers = workers,
                                         .seed = seed,
                                         .width = widths.width,
                                         .output_width = widths.output_width};
      const auto result = check_gradients(make, options);
      INFO(result.failures());
      CHECK(result.passed());
    }
  }
}

/// The gradients and outputs of any number of workers equal those of one, bit for bit.
template <typename Make>
void enrol_bits(const Make& make, Widths widths) {
  using Harness = testing::LayerHarness<testing::PartOf<Make>>;
  GradientCheckOptions options{.width = widths.width, .output_width = widths.output_width};
  Harness alone(make, options);
  alone.backward();
  for (const Index workers : {2, 3, 7}) {
    options.workers = workers;
    Harness together(make, options);
    together.backward();
    CHECK(together.output == alone.output);
    CHECK(together.input_gradient == alone.input_gradient);
    CHECK(together.gradients == alone.gradients);
  }
}

/// L(builder, arguments...).
template <Layer L, typename... Arguments>
void enrol_all(Widths widths, Arguments... arguments) {
  const auto make = [=](const Builder<double>& builder) { return L(builder, arguments...); };
  enrol(make, widths);
  enrol_bits(make, widths);
}

}  // namespace

TEST_CASE("linear layer") {
  enrol_all<Linear<double>>({7, 19}, 7, 19, true);
  enrol_all<Linear<double>>({33, 5}, 33, 5, false);
}

TEST_CASE("layer norm") {
  enrol_all<LayerNorm<double>>({12}, 12, true);
  enrol_all<LayerNorm<double>>({37}, 37, false);
}

TEST_CASE("causal self-attention") {
  enrol_all<CausalSelfAttention<double>>({12}, 12, 3, true);
  enrol_all<CausalSelfAttention<double>>({10}, 10, 1, false);
  enrol_all<CausalSelfAttention<double>>({8}, 8, 4, true);
}

TEST_CASE("causal self-attention over several tiles of queries") {
  const auto make = [](const Builder<double>& builder) {
    return CausalSelfAttention<double>(builder, 6, 2, true);
  };
  const auto result = check_gradients(make, {.sequences = 1, .sequence = 70, .width = 6});
  INFO(result.failures());
  CHECK(result.passed());
}

TEST_CASE("feed-forward layer") {
  enrol_all<FeedForward<double>>({6}, 6, 10, Activation::gelu, true);
  enrol_all<FeedForward<double>>({5}, 5, 17, Activation::gelu_tanh, false);
  enrol_all<FeedForward<double>>({8}, 8, 12, Activation::relu, true);
}

TEST_CASE("dropout") {
  const auto make = [](const Builder<double>&) { return Dropout<double>(3); };
  enrol(make, {11});
  enrol_bits(make, {11});
}

TEST_CASE("dropouts of different sites and blocks drop different numbers, always the same") {
  MemoryPlan plan;
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  const auto dropped = [&](Index site, Index block, Index first_row) {
    std::vector<double> ones(64, 1.0);
    const Pass<double> pass{.run = {worker,
                                    arena,
                                    {},
                                    nullptr,
                                    DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0.5}},
                            .rows = {1, 8, first_row}};
    Dropout<double>(site).apply(pass, block, {ones.data(), 8, 8});
    return ones;
  };
  const auto numbers = dropped(2, 3, 0);
  CHECK(dropped(2, 3, 0) == numbers);
  CHECK(dropped(1, 4, 0) == numbers);  // sites are added
  CHECK(dropped(2, 4, 0) != numbers);
  CHECK(dropped(3, 3, 0) != numbers);
  CHECK(dropped(2, 3, 8) != numbers);
}
