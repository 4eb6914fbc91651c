// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/dropout.hpp>

#include "layers/bench.hpp"
#include "layers/layer_gradients.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("dropout: gradients") {
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

TEST_CASE("dropout: forward and backward drop the same share and scale the rest") {
  Bench<Dropout<double>> bench([](const Builder<double>&) { return Dropout<double>(3); },
                               {.sequences = 1, .sequence = 100});
  bench.dropout = DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0.25};
  std::vector<double> ones(100 * 40, 1.0), y(ones.size()), dx(ones.size());
  bench.layer.forward(bench.forward_pass(), matrix_of(ones, 40), matrix_of(y, 40));
  bench.layer.backward(bench.backward_pass(), {}, matrix_of(ones, 40), matrix_of(dx, 40));
  CHECK(dx == y);
  int zeros = 0;
  for (const double number : y) {
    zeros += number == 0 ? 1 : 0;
    CHECK((number == 0 || number == 1 / 0.75));
  }
  CHECK(zeros > 850);  // 1000 of 4000, with a deviation of 27
  CHECK(zeros < 1150);
}

TEST_CASE("dropout: nothing is dropped where a pass has no draw, or its rate is 0") {
  Bench<Dropout<double>> bench([](const Builder<double>&) { return Dropout<double>(0); });
  std::vector<double> x = random_numbers(40, 2), y(40);
  bench.layer.forward(bench.forward_pass(), matrix_of(x, 40), matrix_of(y, 40));
  CHECK(y == x);
  bench.dropout = DropoutDraw{CounterRandom(1, RandomStream::dropout), 0, 0};
  bench.layer.forward(bench.forward_pass(), matrix_of(x, 40), matrix_of(y, 40));
  CHECK(y == x);
}
