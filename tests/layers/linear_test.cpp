// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/linear.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

Bench<Linear<double>> linear(Index in, Index out, bool bias) {
  return Bench<Linear<double>>(
      [=](const Builder<double>& builder) { return Linear<double>(builder, in, out, bias); },
      {.sequences = 2, .sequence = 3});
}

}  // namespace

TEST_CASE("linear layer: gradients") {
  enrol_all<Linear<double>>({7, 19}, 7, 19, true);
  enrol_all<Linear<double>>({33, 5}, 33, 5, false);
}

TEST_CASE("linear layer: y = x W + b, row by row") {
  for (const bool bias : {true, false}) {
    auto bench = linear(4, 5, bias);
    CHECK(bench.layer.input_width() == 4);
    CHECK(bench.layer.output_width() == 5);
    std::vector<double> x = random_numbers(6 * 4, 2), y(6 * 5, 99);
    bench.layer.forward(bench.forward_pass(), matrix_of(x, 4), matrix_of(y, 5));
    const auto w = bench.weight("weight");
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 5; ++j) {
        double sum = bias ? bench.weight("bias")[j] : 0;
        for (std::size_t k = 0; k < 4; ++k) sum += x[i * 4 + k] * w[k * 5 + j];
        CHECK(y[i * 5 + j] == doctest::Approx(sum).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("linear layer: its tensors, and how they start") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(table, plan, {}, {});
  const Linear<double> layer(builder, 4, 5, true, InitialValue::normal_residual);
  CHECK(table.size() == 2);
  CHECK(table[0].path.joined() == "weight");
  CHECK(table[0].rows == 4);
  CHECK(table[0].columns == 5);
  CHECK(table[0].initial == InitialValue::normal_residual);
  CHECK(table[1].path.joined() == "bias");
  CHECK(table[1].initial == InitialValue::zeros);
  CHECK(table[0].unit == table[1].unit);  // complete at the same time
  CHECK(plan.size() == 0);                // it needs no memory
}

TEST_CASE("linear layer: backward in parts is backward") {
  auto whole = linear(4, 5, true), parts = linear(4, 5, true);
  std::vector<double> x = random_numbers(6 * 4, 2), dy = random_numbers(6 * 5, 3);
  std::vector<double> dx(6 * 4, 99), dx_of_parts(6 * 4, 99);
  whole.layer.backward(whole.backward_pass(), matrix_of(x, 4), matrix_of(dy, 5), matrix_of(dx, 4));
  const Pass<double> pass = parts.backward_pass();
  parts.layer.backward_parameters(pass, matrix_of(x, 4), matrix_of(dy, 5));
  parts.layer.backward_input(pass, matrix_of(dy, 5), matrix_of(dx_of_parts, 4));
  CHECK(parts.gradients == whole.gradients);
  CHECK(dx_of_parts == dx);
}
