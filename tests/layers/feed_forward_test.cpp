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

Bench<FeedForward<double>> feed_forward(Activation activation, bool bias) {
  return Bench<FeedForward<double>>(
      [=](const Builder<double>& builder) {
        return FeedForward<double>(builder, width, FeedForwardConfig{hidden, activation, bias});
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
  }
  return 0;
}

}  // namespace

TEST_CASE("feed-forward layer: gradients") {
  enrol_all<FeedForward<double>>({6}, 6, FeedForwardConfig{10, Activation::gelu});
  enrol_all<FeedForward<double>>({5}, 5, FeedForwardConfig{17, Activation::gelu_tanh, false});
  enrol_all<FeedForward<double>>({8}, 8, FeedForwardConfig{12, Activation::relu});
}

TEST_CASE("feed-forward layer: activation(x W1 + b1) W2 + b2") {
  for (const Activation activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
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

TEST_CASE("feed-forward layer: backward after forward_saved is backward after forward") {
  auto whole = feed_forward(Activation::gelu, true), part = feed_forward(Activation::gelu, true);
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
}
