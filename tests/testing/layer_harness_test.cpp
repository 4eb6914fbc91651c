// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/testing/layer_harness.hpp>

#include "testing/reversing.hpp"

using namespace octavo;
using namespace octavo_test;
using testing::GradientCheckOptions;
using testing::LayerHarness;

namespace {

/// Remembers what it is given, and leaves its output as it finds it.
struct Watching {
  using Value = double;
  Watching(const Builder<double>& builder, std::vector<double>& numbers)
      : seen(&numbers),
        w(builder.vector("w", 3)),
        saved(builder.saved("saved", 2)),
        scratch(builder.forward_scratch("scratch", 2)) {}

  void forward(const Pass<double>& pass, MatrixView<const double>, MatrixView<double> y) const {
    for (const Buffer<double>* buffer : {&saved, &scratch}) {
      for (const double number : pass.numbers(*buffer)) seen->push_back(number);
    }
    for (Index i = 0; i < y.rows * y.columns; ++i) seen->push_back(y.data[i]);
  }
  void backward(const Pass<double>& pass, MatrixView<const double>, MatrixView<const double>,
                MatrixView<double> dx) const {
    for (Index i = 0; i < dx.rows * dx.columns; ++i) seen->push_back(dx.data[i]);
    const GradientPlace<double> place = pass.gradient(w);
    outputs.push_back(place.output);
    outputs.push_back(pass.gradient(w).output);
    if (place.output == Output::overwrite) seen->push_back(place.numbers[0]);
  }

  std::vector<double>* seen;
  ParameterSlot w;
  Buffer<double> saved, scratch;
  static inline std::vector<Output> outputs;
};

using Part = LayerHarness<Reversing>;

}  // namespace

TEST_CASE("what a layer must overwrite or may not rely on is NaN before every call") {
  std::vector<double> seen;
  LayerHarness<Watching> harness(
      [&](const Builder<double>& builder) { return Watching(builder, seen); }, {.width = 2});
  Watching::outputs.clear();
  harness.forward();
  CHECK(seen.size() == 10 * (2 + 2 + 2));
  harness.backward();
  CHECK(seen.size() == 2 * 60 + 20 + 1);
  for (const double number : seen) CHECK(std::isnan(number));
  CHECK(Watching::outputs == std::vector{Output::overwrite, Output::accumulate});

  // Where gradients are there already, the layer must add.
  harness.gradients.assign(3, 5.0);
  Watching::outputs.clear();
  harness.backward(Output::accumulate);
  CHECK(Watching::outputs == std::vector{Output::accumulate, Output::accumulate});
  CHECK(harness.gradients == std::vector<double>(3, 5.0));
}

TEST_CASE("the loss is the sum of output times output gradient, of which backward has the slope") {
  Part harness(with<Reversing>(Fault::none), {.width = 4});
  CHECK(harness.rows() == 10);
  CHECK(harness.parameters().count() == 4);
  const double loss = harness.loss();
  double sum = 0;
  for (std::size_t i = 0; i < harness.output.size(); ++i) {
    const std::size_t row = i / 4, column = i % 4;
    const std::size_t mirrored = (9 - row) * 4 + column;
    CHECK(harness.output[i] == 2 * (harness.weights[column] * harness.input[mirrored]));
    sum += harness.output[i] * harness.output_gradient[i];
  }
  CHECK(loss == sum);
  harness.backward();
  // The loss is linear in every weight: the slope is a difference of any size.
  const double slope = harness.gradients[1];
  harness.weights[1] += 1;
  CHECK(harness.loss() - loss == doctest::Approx(slope).epsilon(1e-10));
}

TEST_CASE("numbers depend on the seed alone, not on the number of workers") {
  const auto numbers = [](std::uint64_t seed, Index workers) {
    Part harness(with<Reversing>(Fault::none), {.workers = workers, .seed = seed, .width = 4});
    harness.backward();
    return harness.gradients;
  };
  CHECK(numbers(1, 1) == numbers(1, 3));
  CHECK(numbers(1, 1) != numbers(2, 1));
}

TEST_CASE("a check without a width is refused") {
  CHECK_THROWS_WITH_AS(Part(with<Reversing>(Fault::none), {}),
                       "the check of a layer needs a width in its options", ConfigError);
}
