// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/pass.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "layers/bench.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// Two parameters and three buffers.
struct Parts {
  explicit Parts(const Builder<double>& builder)
      : w(builder.matrix("w", 2, 3)),
        v(builder.vector("v", 4)),
        saved(builder.saved("saved", 5)),
        numbers(builder.forward_numbers("numbers", 7)) {}
  ParameterSlot w, v;
  Buffer<double> saved, numbers;
};

Bench<Parts> parts() {
  return Bench<Parts>([](const Builder<double>& builder) { return Parts(builder); },
                      {.sequences = 2, .sequence = 3});
}

}  // namespace

TEST_CASE("a buffer is a matrix with a row for each row of the pass, or a run of numbers") {
  const auto bench = parts();
  const Pass<double> pass = bench.forward_pass();
  const MatrixView<double> saved = pass[bench.layer.saved];
  CHECK(saved.rows == 6);
  CHECK(saved.columns == 5);
  CHECK(pass.numbers(bench.layer.saved).size() == 30);
  CHECK(pass.numbers(bench.layer.saved).data() == saved.data);
  CHECK(pass.numbers(bench.layer.numbers).size() == 7);
  CHECK(pass.numbers(bench.layer.numbers).data() != saved.data);
}

TEST_CASE("memory that was not asked for is a mistake of the layer's") {
  const auto bench = parts();
  const Pass<double> pass = bench.forward_pass();
  CHECK_THROWS_AS(pass.numbers(Buffer<double>{}), ConfigError);
  CHECK_THROWS_AS(pass[Buffer<double>{}], ConfigError);
}

TEST_CASE("saved memory is the copy's own, scratch is shared") {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(
      table, plan, {},
      {.part = "p", .forward = {0, 1}, .backward = {2, 3}, .saved = {0, 3}, .copies = 3});
  const Buffer<double> saved = builder.saved("saved", 8), scratch = builder.forward_scratch("s", 8);
  plan.place();
  const Arena arena(plan);
  const Worker worker;
  Pass<double> pass{.run = {worker, arena}, .rows = {}};
  const double* const first = pass[saved].data;
  const double* const shared = pass[scratch].data;
  pass.copy = 2;
  CHECK(pass[saved].data == first + 16);
  CHECK(pass[scratch].data == shared);
}

TEST_CASE("weights lie where the part begins, and what does not exist has none") {
  const auto bench = parts();
  const Pass<double> pass = bench.forward_pass();
  CHECK(pass.weight(bench.layer.w) == bench.weights.data());
  CHECK(pass.weight(bench.layer.v) == bench.weights.data() + 6);
  CHECK(pass.matrix(bench.layer.w).rows == 2);
  CHECK(pass.matrix(bench.layer.w)(1, 2) == bench.weights[5]);
  CHECK(pass.weight(ParameterSlot{}) == nullptr);
}

TEST_CASE("gradients go nowhere in a forward pass, and for what does not exist") {
  auto bench = parts();
  CHECK_FALSE(bench.forward_pass().gradient(bench.layer.w));
  CHECK(bench.forward_pass().gradient_to_add_to(bench.layer.w) == nullptr);
  CHECK_FALSE(bench.backward_pass().gradient(ParameterSlot{}));
  CHECK(bench.backward_pass().gradient_to_add_to(ParameterSlot{}) == nullptr);
  bench.forward_pass().complete(bench.layer.w, 2);  // nobody listens
}

TEST_CASE("who can only add finds zeros the first time, and what is there afterwards") {
  auto bench = parts();
  bench.gradients.assign(10, 99);
  const Pass<double> pass = bench.backward_pass();
  double* const gradient = pass.gradient_to_add_to(bench.layer.v);
  CHECK(gradient == bench.gradients.data() + 6);
  CHECK(bench.gradient("v") == std::vector<double>(4));
  CHECK(bench.gradient("w") == std::vector<double>(6, 99));
  gradient[0] = 5;
  CHECK(pass.gradient_to_add_to(bench.layer.v) == gradient);
  CHECK(gradient[0] == 5);
}

TEST_CASE("all workers together go over each row once") {
  MemoryPlan plan;
  plan.place();
  const Arena arena(plan);
  for (const Index workers : {1, 3}) {
    std::vector<int> visits(7);
    std::vector<int> complete(static_cast<std::size_t>(workers));
    ThreadPool threads(workers);
    threads.run([&](const Worker& worker) {
      const Pass<double> pass{.run = {worker, arena}, .rows = {1, 7}};
      pass.for_each_row([&](Index row) { ++visits[static_cast<std::size_t>(row)]; });
      int done = 0;  // after the barrier all rows are there
      for (const int count : visits) done += count;
      complete[static_cast<std::size_t>(worker.index())] = done;
    });
    CHECK(visits == std::vector<int>(7, 1));
    CHECK(complete == std::vector<int>(static_cast<std::size_t>(workers), 7));
  }
}

TEST_CASE("rows are sequences times positions") {
  CHECK(PassRows<float>{}.count() == 1);
  CHECK(PassRows<float>{3, 5}.count() == 15);
}
