// SPDX-License-Identifier: MIT
// What is a block and what is not.
#include <doctest/doctest.h>

#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/transformer_block.hpp>

#include "layers/bench.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// x + 1, in place.
struct PlusOne {
  using Value = double;
  void forward(const Pass<double>& pass, MatrixView<double> x) const {
    pass.for_each_row([&](Index row) {
      for (Index j = 0; j < x.columns; ++j) x(row, j) += 1;
    });
  }
  void backward(const Pass<double>&, MatrixView<double>) const {}
};
struct WithoutBackward {
  using Value = double;
  void forward(const Pass<double>&, MatrixView<double>) const {}
};
struct Changing {
  using Value = double;
  void forward(const Pass<double>&, MatrixView<double>) {}
  void backward(const Pass<double>&, MatrixView<double>) {}
};
struct WithoutValue {
  void forward(const Pass<double>&, MatrixView<double>) const {}
  void backward(const Pass<double>&, MatrixView<double>) const {}
};

static_assert(TransformerBlock<PlusOne> && BlockPart<PlusOne> && !Layer<PlusOne>);
static_assert(!TransformerBlock<WithoutBackward> && !BlockPart<WithoutBackward>);
static_assert(!TransformerBlock<Changing> && !TransformerBlock<WithoutValue>);
static_assert(BlockPart<FeedForward<double>> && !TransformerBlock<FeedForward<double>>);

}  // namespace

TEST_CASE("a block works in place, and its gradient is checked as a layer's") {
  testing::LayerHarness<PlusOne> harness([](const Builder<double>&) { return PlusOne{}; },
                                         {.width = 3});
  CHECK(testing::LayerHarness<PlusOne>::is_block);
  harness.backward();
  for (std::size_t i = 0; i < harness.input.size(); ++i) {
    CHECK(harness.output[i] == harness.input[i] + 1);
  }
  CHECK(harness.input_gradient == harness.output_gradient);
}
