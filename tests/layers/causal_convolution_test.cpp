// SPDX-License-Identifier: MIT
#include <array>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/causal_convolution.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index width = 6, taps = 4;

Bench<CausalConvolution<double>> convolution(const PassShape& shape) {
  return Bench<CausalConvolution<double>>(
      [](const Builder<double>& builder) {
        return CausalConvolution<double>(builder, width, taps, 1);
      },
      shape);
}

}  // namespace

TEST_CASE("causal convolution: gradients") {
  for (const Index some : {1, 2, 4, 7}) {
    enrol_all<CausalConvolution<double>>({12}, 12, some);
    enrol_all<CausalConvolution<double>>({37}, 37, some);
  }
}

TEST_CASE("causal convolution: sequences of a batch do not see each other") {
  auto both = convolution({.sequences = 2, .sequence = 5});
  auto alone = convolution({.sequences = 1, .sequence = 5});
  std::vector<double> x = random_numbers(10 * width, 2), y(x.size());
  both.layer.forward(both.forward_pass(), matrix_of(x, width), matrix_of(y, width));
  for (const Index first : {0, 5}) {
    std::vector<double> part(5 * width);
    alone.layer.forward(alone.forward_pass(), matrix_of(x, width).row_block(first, 5),
                        matrix_of(part, width));
    CHECK(part == std::vector<double>(y.begin() + first * width, y.begin() + (first + 5) * width));
  }
}

TEST_CASE("causal convolution: sequences that go on have the bits of the whole") {
  constexpr Index length = 9;
  auto bench = convolution({.sequences = 1, .sequence = length, .training = false});
  std::vector<double> x = random_numbers(2 * length * width, 2), expected(x.size());
  const auto rows = [](std::vector<double>& all, Index first, Index count) {
    return matrix_of(all, width).row_block(first, count);
  };
  for (const Index first : {Index{0}, length}) {
    bench.layer.forward(bench.forward_pass(), rows(x, first, length),
                        rows(expected, first, length));
  }
  // Two sequences in the second of two blocks; neighbours in memory are NaN.
  const ConvolutionLayout layout{.layers = 2, .places = 2, .rows = taps - 1, .width = width};
  std::vector<double> memory(static_cast<std::size_t>(layout.elements(3)), 0.0 / 0.0);
  const ConvolutionCaches<double> caches(memory.data(), layout);
  std::vector<double> y;
  Index past = 0;
  for (const Index count : {2, 1, 5, 1}) {
    std::vector<double> input, output(static_cast<std::size_t>(2 * count * width));
    for (const Index first : {past, length + past}) {
      const MatrixView<double> part = rows(x, first, count);
      input.insert(input.end(), part.data, part.data + count * width);
    }
    // One of them has dropped positions from its window: these count as well.
    const std::array parts{CachedRows{2, past, count},
                           CachedRows{0, past / 2, count, past - past / 2}};
    const CachedSequences<double> cached{{nullptr, 2, length, width}, parts, caches};
    Pass<double> pass = bench.forward_pass();
    pass.rows.sequence = 2 * count;
    pass.rows.cached = &cached;
    pass.block = 1;
    bench.layer.forward(pass, matrix_of(input, width), matrix_of(output, width));
    for (const Index sequence : {0, 1}) {
      const MatrixView<double> got = rows(output, sequence * count, count);
      const MatrixView<double> wanted = rows(expected, sequence * length + past, count);
      CHECK(std::vector<double>(got.data, got.data + count * width) ==
            std::vector<double>(wanted.data, wanted.data + count * width));
    }
    past += count;
  }
}

TEST_CASE("causal convolution: a table of taps that are zero at first, and no memory") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(table, plan, {}, {});
  const CausalConvolution<double> layer(builder, width, taps);
  REQUIRE(table.size() == 1);
  CHECK(table[0].path.joined() == "weight");
  CHECK(table[0].rows == taps);
  CHECK(table[0].columns == width);
  CHECK(table[0].initial == InitialValue::zeros);
  CHECK_FALSE(table[0].is_map());
  CHECK(plan.size() == 0);
}
