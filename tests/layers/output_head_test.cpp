// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/output_head.hpp>
#include <octavo/testing/gradient_check.hpp>

#include "layers/bench.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

constexpr Index vocabulary = 7, width = 3;
constexpr double scale = 0.125;

/// A head over `rows` rows, with what a call of loss() needs.
struct Head {
  bool tied;
  Bench<OutputHead<double>> bench;
  std::vector<double> y, y_gradient, losses, shared_table, shared_gradient;
  std::vector<Token> targets;

  Head(Index rows, bool is_tied, bool bias)
      : tied(is_tied),
        bench(
            [=](const Builder<double>& builder) {
              return OutputHead<double>(builder, vocabulary, width, HeadConfig{is_tied, bias});
            },
            {.sequences = 1, .sequence = rows}),
        y(random_numbers(rows * width, 2)),
        y_gradient(y.size(), 99),
        losses(static_cast<std::size_t>(rows), 99),
        shared_table(random_numbers(vocabulary * width, 3)),
        shared_gradient(shared_table.size(), 99) {
    for (Index i = 0; i < rows; ++i) {
      targets.push_back(i % 5 == 3 ? -1 : static_cast<Token>(i * 3 % vocabulary));
    }
  }

  const std::vector<double>& table() const { return tied ? shared_table : table_; }

  SharedTable<double> shared() {
    if (!tied) return {};
    return {{shared_table.data(), {}}, {shared_gradient.data(), Output::overwrite}};
  }
  /// Sum of the losses times the scale.
  double loss(bool backward = false) {
    const Pass<double> pass = backward ? bench.backward_pass() : bench.forward_pass();
    bench.layer.loss(pass, shared(),
                     {matrix_of(y, width), targets, losses, scale, matrix_of(y_gradient, width)});
    double sum = 0;
    for (const double loss : losses) sum += loss;
    return scale * sum;
  }
  std::vector<double> logits() {
    std::vector<double> all(y.size() / width * vocabulary, 99);
    bench.layer.forward(bench.forward_pass(), shared(), matrix_of(y, width),
                        matrix_of(all, vocabulary));
    return all;
  }

 private:
  std::vector<double> table_ = tied ? std::vector<double>() : bench.weight("weight");
};

}  // namespace

TEST_CASE("output head: logits are y E^T + b") {
  for (const bool tied : {false, true}) {
    Head head(4, tied, true);
    CHECK(head.bench.parameters.size() == (tied ? 0 : 2));  // a tied head has no bias
    const auto logits = head.logits();
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t v = 0; v < vocabulary; ++v) {
        double sum = tied ? 0 : head.bench.weight("bias")[v];
        for (std::size_t j = 0; j < width; ++j) {
          sum += head.y[i * width + j] * head.table()[v * width + j];
        }
        CHECK(logits[i * vocabulary + v] == doctest::Approx(sum).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("output head: a row's loss is -log softmax of its target, 0 without one") {
  for (const Index rows : {4, 64, 65, 150}) {  // slices have 64
    Head head(rows, false, true);
    const auto logits = head.logits();
    head.loss();
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
      double total = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) total += std::exp(logits[i * vocabulary + v]);
      const Token target = head.targets[i];
      const double expected =
          target < 0 ? 0
                     : std::log(total) - logits[i * vocabulary + static_cast<std::size_t>(target)];
      CHECK(head.losses[i] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("output head: gradients of table, bias and rows, over several slices") {
  const testing::GradientCheckOptions options;
  for (const bool tied : {false, true}) {
    Head head(70, tied, true);
    head.loss(true);
    const auto losses = head.losses;
    const auto y_gradient = head.y_gradient;
    const auto gradients = tied ? head.shared_gradient : head.bench.gradients;
    auto& values = tied ? head.shared_table : head.bench.weights;
    const auto loss = [&] { return head.loss(); };
    const auto rows = testing::check_tensor("rows", head.y, y_gradient, options, loss);
    CHECK(rows.difference <= rows.allowed);
    const auto numbers = testing::check_tensor("table", values, gradients, options, loss);
    CHECK(numbers.difference <= numbers.allowed);
    head.loss();
    CHECK(head.losses == losses);  // the same with and without backward
  }
}

TEST_CASE("output head: the gradient of some rows of the table is a part of the whole") {
  for (const bool tied : {false, true}) {
    Head whole(70, tied, true), head(70, tied, true);
    whole.loss(true);
    std::vector<double> largest(70), factors(70), logits(32 * 3), part(3 * width);
    const LossRows<double> rows{matrix_of(head.y, width),
                                head.targets,
                                head.losses,
                                scale,
                                matrix_of(head.y_gradient, width),
                                {largest.data(), factors.data()}};
    const Pass<double> pass = head.bench.backward_pass();
    head.bench.layer.loss(pass, head.shared(), rows);
    CHECK(head.y_gradient == whole.y_gradient);
    const auto expected = tied ? whole.shared_gradient : whole.bench.gradient("weight");
    CHECK((tied ? head.shared_gradient : head.bench.gradient("weight")) != expected);
    for (const Index first : {0, 2, 4}) {
      head.bench.layer.backward_table(pass, head.shared(), rows, {first, first + 3},
                                      tied ? std::span(logits) : std::span<double>{}, part.data());
      CHECK(part == std::vector<double>(expected.begin() + first * width,
                                        expected.begin() + (first + 3) * width));
    }
  }
}

TEST_CASE("output head: rows without a target get no gradient") {
  Head head(5, false, true);
  head.loss(true);
  for (std::size_t j = 0; j < width; ++j) CHECK(head.y_gradient[3 * width + j] == 0);
}

TEST_CASE("output head: memory for the logits of 64 rows at most") {
  const auto planned = [](Index rows) {
    ParameterTable table;
    MemoryPlan plan;
    const PassShape pass{.sequence = rows};
    const Builder<double> builder(table, plan, pass, {});
    const OutputHead<double> head(builder, vocabulary, width, {});
    plan.place();
    return plan.total_bytes();
  };
  CHECK(planned(3) == 192);  // 3 * 7 doubles, up to a multiple of 64 bytes
  CHECK(planned(64) == 64 * 7 * sizeof(double));
  CHECK(planned(1000) == planned(64));
}
