// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/norm.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index width = 6, rows = 4;

Bench<Norm<double>> layer_norm(bool bias) {
  return Bench<Norm<double>>(
      [=](const Builder<double>& builder) { return Norm<double>(builder, width, {.bias = bias}); },
      {.sequences = 1, .sequence = rows});
}

}  // namespace

TEST_CASE("layer norm: gradients") {
  enrol_all<Norm<double>>({12}, 12, NormConfig{});
  enrol_all<Norm<double>>({37}, 37, NormConfig{.epsilon = 0.1, .bias = false});
}

TEST_CASE("RMS norm: gradients") {
  const NormConfig rms{.kind = NormKind::rms, .epsilon = 0.1, .bias = false};
  enrol_all<Norm<double>>({12}, 12, rms);
  enrol_all<Norm<double>>({1}, 1, rms);
  NormConfig other = rms;
  other.bias = other.unit_offset = true;
  enrol_all<Norm<double>>({37}, 37, other);
}

TEST_CASE("norms of heads: gradients") {
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    for (const bool unit_offset : {false, true}) {
      const NormConfig config{
          .kind = kind, .epsilon = 0.1, .bias = unit_offset, .unit_offset = unit_offset};
      enrol_all<Norm<double>>({12}, Index{4}, config, Index{3});
      enrol_all<Norm<double>>({35}, Index{5}, config, Index{7});
    }
  }
}

TEST_CASE("layer norm: (x - mean) / sqrt(variance + epsilon), times gain, plus bias") {
  for (const bool bias : {true, false}) {
    auto bench = layer_norm(bias);
    std::vector<double> x = random_numbers(rows * width, 2), y(x.size());
    bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
    const auto gain = bench.weight("weight");
    for (std::size_t i = 0; i < x.size(); i += width) {
      double mean = 0, variance = 0;
      for (std::size_t j = 0; j < width; ++j) mean += x[i + j] / width;
      for (std::size_t j = 0; j < width; ++j) variance += std::pow(x[i + j] - mean, 2) / width;
      for (std::size_t j = 0; j < width; ++j) {
        const double normalized = (x[i + j] - mean) / std::sqrt(variance + 1e-5);
        const double expected = normalized * gain[j] + (bias ? bench.weight("bias")[j] : 0);
        CHECK(y[i + j] == doctest::Approx(expected).epsilon(1e-12));
      }
    }
    std::vector<double> again(x.size());
    bench.layer.recompute_output(bench.forward_pass(), matrix_of(again, width));
    CHECK(again == y);
  }
}

TEST_CASE("RMS norm: x / sqrt(mean(x^2) + epsilon) of each head, times gain or 1 + gain") {
  constexpr Index heads = 3;
  for (const bool unit_offset : {false, true}) {
    Bench<Norm<double>> bench(
        [=](const Builder<double>& builder) {
          const NormConfig config{
              .kind = NormKind::rms, .epsilon = 0.5, .bias = false, .unit_offset = unit_offset};
          return Norm<double>(builder, width, config, heads);
        },
        {.sequences = 1, .sequence = rows});
    std::vector<double> x = random_numbers(rows * heads * width, 2), y(x.size());
    const Pass<double> pass = bench.forward_pass();
    bench.layer.forward(pass, matrix_of(x, heads * width), matrix_of(y, heads * width));
    const auto gain = bench.weight("weight");
    CHECK(std::ssize(gain) == width);
    for (std::size_t i = 0; i < x.size(); i += width) {
      double square = 0;
      for (std::size_t j = 0; j < width; ++j) square += x[i + j] * x[i + j] / width;
      for (std::size_t j = 0; j < width; ++j) {
        const double scale = unit_offset ? 1 + gain[j] : gain[j];
        CHECK(y[i + j] ==
              doctest::Approx(scale * x[i + j] / std::sqrt(square + 0.5)).epsilon(1e-12));
      }
    }
    std::vector<double> again(x.size());
    bench.layer.recompute_output(pass, matrix_of(again, heads * width));
    CHECK(again == y);
  }
}

TEST_CASE("layer norm: a row of equal numbers becomes the bias") {
  auto bench = layer_norm(true);
  std::vector<double> x(rows * width, 3.0), y(x.size());
  bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
  const auto bias = bench.weight("bias");
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == bias[i % width]);
}

TEST_CASE("layer norm: backward overwrites, backward_accumulate adds") {
  auto bench = layer_norm(true);
  std::vector<double> x = random_numbers(rows * width, 2), y(x.size()), dx(x.size(), 99);
  std::vector<double> dy = random_numbers(rows * width, 3), sum = random_numbers(rows * width, 4);
  const std::vector<double> before = sum;
  bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
  const Pass<double> pass = bench.backward_pass();
  bench.layer.backward(pass, matrix_of(x, width), matrix_of(dy, width), matrix_of(dx, width));
  bench.layer.backward_accumulate(pass, matrix_of(dy, width), matrix_of(sum, width));
  for (std::size_t i = 0; i < dx.size(); ++i) {
    CHECK(sum[i] == doctest::Approx(before[i] + dx[i]).epsilon(1e-12));
  }
}

TEST_CASE("layer norm: its tensors start at 1 and 0") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(table, plan, {}, {});
  const Norm<double> layer(builder, width);
  CHECK(table.size() == 2);
  CHECK(table[0].path.joined() == "weight");
  CHECK(table[0].initial == InitialValue::ones);
  CHECK(table[1].path.joined() == "bias");
  CHECK(table[1].initial == InitialValue::zeros);
  CHECK_FALSE(table[0].decays());
}

TEST_CASE("norm: with a unit offset the gain starts at 0") {
  ParameterTable table;
  MemoryPlan plan;
  const PassShape pass{.sequences = 1, .sequence = rows};
  const Builder<double> builder(table, plan, pass, {});
  const NormConfig config{.kind = NormKind::rms, .bias = false, .unit_offset = true};
  const Norm<double> layer(builder, width, config, 3);
  REQUIRE(table.size() == 1);
  CHECK(table[0].initial == InitialValue::zeros);
  CHECK(table[0].columns == width);
  REQUIRE(plan.size() == 2);
  CHECK(plan.request(0).bytes == sizeof(double) * rows * 3 * width);  // the normalised input
  CHECK(plan.request(1).bytes == sizeof(double) * rows * 3);          // rstd
}
