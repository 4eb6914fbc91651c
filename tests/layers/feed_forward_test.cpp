// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/feed_forward.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index width = 3, hidden = 5, rows = 4;

Bench<FeedForward<double>> feed_forward(Activation activation, bool bias, bool gated = false) {
  return Bench<FeedForward<double>>(
      [=](const Builder<double>& builder) {
        return FeedForward<double>(builder, width,
                                   FeedForwardConfig{hidden, activation, bias, gated});
      },
      {.sequences = 1, .sequence = rows});
}

double activated(Activation activation, double x) {
  constexpr double pi = 3.141592653589793;
  switch (activation) {
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::relu_squared:
      return x > 0 ? x * x : 0;
  }
  return 0;
}

constexpr Activation kinds[] = {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                Activation::silu, Activation::relu_squared};

}  // namespace

TEST_CASE("feed-forward layer: gradients") {
  enrol_all<FeedForward<double>>({6}, 6, FeedForwardConfig{10, Activation::gelu});
  enrol_all<FeedForward<double>>({5}, 5, FeedForwardConfig{17, Activation::gelu_tanh, false});
  enrol_all<FeedForward<double>>({8}, 8, FeedForwardConfig{12, Activation::relu});
  enrol_all<FeedForward<double>>({4}, 4, FeedForwardConfig{9, Activation::relu_squared});
}

TEST_CASE("feed-forward layer: gradients with a gate") {
  enrol_all<FeedForward<double>>({6}, 6, FeedForwardConfig{10, Activation::silu, false, true});
  enrol_all<FeedForward<double>>({5}, 5, FeedForwardConfig{17, Activation::gelu_tanh, true, true});
  enrol_all<FeedForward<double>>({8}, 8, FeedForwardConfig{3, Activation::gelu, true, true});
}

TEST_CASE("feed-forward layer: activation(x W1 + b1) W2 + b2") {
  for (const Activation activation : kinds) {
    for (const bool bias : {true, false}) {
      auto bench = feed_forward(activation, bias);
      std::vector<double> x = random_numbers(rows * width, 2), y(rows * width, 99);
      bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
      const auto w1 = bench.weight("up.weight"), w2 = bench.weight("down.weight");
      for (std::size_t i = 0; i < rows; ++i) {
        std::vector<double> h(hidden);
        for (std::size_t k = 0; k < hidden; ++k) {
          h[k] = bias ? bench.weight("up.bias")[k] : 0;
          for (std::size_t j = 0; j < width; ++j) h[k] += x[i * width + j] * w1[j * hidden + k];
          h[k] = activated(activation, h[k]);
        }
        for (std::size_t j = 0; j < width; ++j) {
          double sum = bias ? bench.weight("down.bias")[j] : 0;
          for (std::size_t k = 0; k < hidden; ++k) sum += h[k] * w2[k * width + j];
          CHECK(y[i * width + j] == doctest::Approx(sum).epsilon(1e-9));
        }
      }
    }
  }
}

TEST_CASE("feed-forward layer: (activation(x Wg + bg) * (x Wu + bu)) Wd + bd with a gate") {
  for (const Activation activation : kinds) {
    for (const bool bias : {true, false}) {
      auto bench = feed_forward(activation, bias, true);
      std::vector<double> x = random_numbers(rows * width, 2), y(rows * width, 99);
      bench.layer.forward(bench.forward_pass(), matrix_of(x, width), matrix_of(y, width));
      const auto table = bench.weight("gate_up.weight"), down = bench.weight("down.weight");
      for (std::size_t i = 0; i < rows; ++i) {
        // The columns of the first table: the gate's, then those that are gated.
        std::vector<double> h(2 * hidden);
        for (std::size_t k = 0; k < h.size(); ++k) {
          h[k] = bias ? bench.weight("gate_up.bias")[k] : 0;
          for (std::size_t j = 0; j < width; ++j)
            h[k] += x[i * width + j] * table[j * h.size() + k];
        }
        for (std::size_t j = 0; j < width; ++j) {
          double sum = bias ? bench.weight("down.bias")[j] : 0;
          for (std::size_t k = 0; k < hidden; ++k) {
            sum += activated(activation, h[k]) * h[hidden + k] * down[k * width + j];
          }
          CHECK(y[i * width + j] == doctest::Approx(sum).epsilon(1e-9));
        }
      }
    }
  }
}

TEST_CASE("feed-forward layer: backward after forward_saved is backward after forward") {
  const auto compare = [](bool gated) {
    auto whole = feed_forward(Activation::gelu, true, gated);
    auto part = feed_forward(Activation::gelu, true, gated);
    std::vector<double> x = random_numbers(rows * width, 2), dy = random_numbers(rows * width, 3);
    std::vector<double> y(x.size()), dx(x.size()), dx_of_part(x.size());
    whole.layer.forward(whole.forward_pass(), matrix_of(x, width), matrix_of(y, width));
    part.layer.forward_saved(part.forward_pass(), matrix_of(x, width));
    whole.layer.backward(whole.backward_pass(), matrix_of(x, width), matrix_of(dy, width),
                         matrix_of(dx, width));
    part.layer.backward(part.backward_pass(), matrix_of(x, width), matrix_of(dy, width),
                        matrix_of(dx_of_part, width));
    CHECK(dx_of_part == dx);
    CHECK(part.gradients == whole.gradients);
  };
  compare(false);
  compare(true);
}

TEST_CASE("feed-forward layer: its tensors, its widths") {
  const auto bench = feed_forward(Activation::relu, true);
  CHECK(bench.layer.input_width() == width);
  CHECK(bench.layer.output_width() == width);
  REQUIRE(bench.parameters.size() == 4);
  CHECK(bench.parameters[0].name == "up.weight");
  CHECK(bench.parameters[0].columns == hidden);
  CHECK(bench.parameters[1].name == "up.bias");
  CHECK(bench.parameters[2].name == "down.weight");
  CHECK(bench.parameters[2].initial == InitialValue::normal_residual);
  CHECK(bench.parameters[3].name == "down.bias");
  CHECK(feed_forward(Activation::relu, false).parameters.size() == 2);
  const auto gated = feed_forward(Activation::silu, true, true);
  CHECK(gated.layer.input_width() == width);
  CHECK(gated.layer.output_width() == width);
  REQUIRE(gated.parameters.size() == 4);
  CHECK(gated.parameters[0].name == "gate_up.weight");
  CHECK(gated.parameters[0].rows == width);
  CHECK(gated.parameters[0].columns == 2 * hidden);
  CHECK(gated.parameters[1].name == "gate_up.bias");
  CHECK(gated.parameters[2].name == "down.weight");
  CHECK(gated.parameters[2].rows == hidden);
}

TEST_CASE("feed-forward layer: the memory that it asks for") {
  for (const bool gated : {false, true}) {
    ParameterTable table;
    MemoryPlan plan;
    const PassShape pass{.sequences = 1, .sequence = rows};
    const Builder<double> builder(table, plan, pass, {"layer", {0, 1}, {2, 3}, {0, 3}});
    const FeedForward<double> layer(builder, width,
                                    FeedForwardConfig{.d_ff = hidden, .gated = gated});
    CHECK(layer.output_width() == width);
    std::vector<std::size_t> bytes;
    for (int i = 0; i < plan.size(); ++i) bytes.push_back(plan.request(i).bytes);
    const std::size_t activated = rows * hidden * sizeof(double);
    CHECK(bytes ==
          std::vector<std::size_t>{gated ? 2 * activated : activated, activated, activated});
  }
}
