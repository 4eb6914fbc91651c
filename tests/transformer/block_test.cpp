// SPDX-License-Identifier: MIT
// The standard block against the layers that it is made of.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/testing/gradient_check.hpp>
#include <octavo/transformer/block.hpp>

#include "layers/bench.hpp"
#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

using OwnBlock = Block<double, FeedForward<double>>;
constexpr PassShape pass_shape{.sequences = 2, .sequence = 5, .dropout = true};
constexpr Index rows = 10;

OwnBlock make_block(const Builder<double>& builder) { return OwnBlock(builder, small_config); }

/// Gives a part the weights that the block has under `prefix`.
template <typename Part>
void take_weights(Part& part, const Bench<OwnBlock>& block, const std::string& prefix) {
  for (const Parameter& parameter : part.parameters) {
    const std::vector<double> numbers = block.weight(prefix + parameter.name);
    std::copy(numbers.begin(), numbers.end(), part.weights.begin() + parameter.offset);
  }
}

/// y = part(x), with the block's weights.
template <typename L, typename Make>
std::vector<double> output_of(const Make& make, const Bench<OwnBlock>& block,
                              const std::string& prefix, std::vector<double> x) {
  Bench<L> part(make, pass_shape);
  take_weights(part, block, prefix);
  std::vector<double> y(x.size());
  part.layer.forward(part.forward_pass(), matrix_of(x, small_width), matrix_of(y, small_width));
  return y;
}

/// Too narrow by one.
struct Narrow : FeedForward<double> {
  using FeedForward<double>::FeedForward;
  constexpr Index output_width() const { return small_width - 1; }
};

}  // namespace

TEST_CASE("a block adds attention of the norm, then the feed-forward layer of the norm") {
  Bench<OwnBlock> block(make_block, pass_shape);
  std::vector<double> x = random_numbers(rows * small_width, 2), stream = x;
  block.layer.forward(block.forward_pass(), matrix_of(stream, small_width));
  const auto add = [&](const std::vector<double>& branch) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += branch[i];
  };
  add(output_of<CausalSelfAttention<double>>(
      attention_of, block, "attention.",
      output_of<Norm<double>>(norm_of, block, "attention_norm.", x)));
  add(output_of<FeedForward<double>>(
      [](const Builder<double>& builder) { return FeedForward<double>(builder, small_config); },
      block, "feed_forward.", output_of<Norm<double>>(norm_of, block, "feed_forward_norm.", x)));
  CHECK(stream == x);
}

TEST_CASE("a block's gradients agree with central differences, on any number of workers") {
  for (const Index workers : {1, 2, 3}) {
    const auto result =
        testing::check_gradients<OwnBlock>(small_config, {.workers = workers, .relative = 1e-6});
    INFO(result.failures());
    CHECK(result.passed());
    CHECK(result.tensors.size() == 13);  // the input and 12 parameters
  }
}

TEST_CASE("backward after forward_saved has the bits of backward after forward, dropout or not") {
  for (const bool dropout : {false, true}) {
    Bench<OwnBlock> whole(make_block, pass_shape), part(make_block, pass_shape);
    if (dropout) {
      whole.dropout = part.dropout = DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0.25};
    }
    std::vector<double> x = random_numbers(rows * small_width, 2), y = x;
    std::vector<double> dx = random_numbers(rows * small_width, 3), dx_of_part = dx;
    whole.layer.forward(whole.forward_pass(), matrix_of(x, small_width));
    part.layer.forward_saved(part.forward_pass(), matrix_of(y, small_width));
    whole.layer.backward(whole.backward_pass(), matrix_of(dx, small_width));
    part.layer.backward(part.backward_pass(), matrix_of(dx_of_part, small_width));
    CHECK(dx == dx_of_part);
    CHECK(whole.gradients == part.gradients);
  }
}

TEST_CASE("blocks of different places drop different numbers") {
  Bench<OwnBlock> block(make_block, pass_shape);
  block.dropout = DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0.5};
  const auto output = [&](Index place) {
    std::vector<double> x = random_numbers(rows * small_width, 2);
    Pass<double> pass = block.forward_pass();
    pass.block = place;
    block.layer.forward(pass, matrix_of(x, small_width));
    return x;
  };
  CHECK(output(0) == output(0));
  CHECK(output(0) != output(1));
}

TEST_CASE("a gradient of the branch has memory only where there is dropout") {
  const auto planned = [](bool dropout) {
    ParameterTable table;
    MemoryPlan plan;
    PassShape config = pass_shape;
    config.dropout = dropout;
    const Builder<double> builder(
        table, plan, config, {.part = "b", .forward = {0, 1}, .backward = {2, 3}, .saved = {0, 3}});
    make_block(builder);
    return plan.size();
  };
  CHECK(planned(true) == planned(false) + 1);
}

TEST_CASE("a feed-forward layer of another width is refused") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(
      table, plan, pass_shape,
      {.part = "b", .forward = {0, 1}, .backward = {2, 3}, .saved = {0, 3}});
  using Wrong = Block<double, Narrow>;
  CHECK_THROWS_WITH_AS(Wrong(builder, small_config),
                       "feed-forward layer: got width 6 to 5, expected 6 to 6, the model's width",
                       ConfigError);
}
