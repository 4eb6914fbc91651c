// SPDX-License-Identifier: MIT
// A layer against central differences, on one worker and on three.
#pragma once

#include <doctest/doctest.h>

#include <octavo/testing/gradient_check.hpp>

namespace octavo_test {

using octavo::Builder;
using octavo::Index;
using octavo::Layer;
using octavo::testing::check_gradients;
using octavo::testing::GradientCheckOptions;

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
  using Harness = octavo::testing::LayerHarness<octavo::testing::PartOf<Make>>;
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

}  // namespace octavo_test
