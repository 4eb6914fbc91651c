// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/tensor/parameter_list.hpp>

// Checks the backward of a layer, ours or a user's, against central differences. Not part of
// octavo.hpp: include it in tests.
namespace octavo::testing {

/// How far analytic and numeric gradient of one tensor lie apart, and how far they may.
struct TensorCheck {
  std::string name;
  double difference = 0;  ///< norm of analytic - numeric
  double allowed = 0;     ///< absolute + relative * (sum of both norms)

  bool passed() const noexcept { return difference <= allowed; }  // false for NaN
};

struct GradientCheckOptions {
  Index sequences = 2;
  Index sequence = 5;
  Index workers = 1;
  std::uint64_t seed = 1;
  double step = 1e-5;  ///< of the central difference, times max(1, |x|)
  double absolute = 1e-9;
  double relative = 1e-7;
};

struct GradientCheckResult {
  std::vector<TensorCheck> tensors;

  bool passed() const noexcept {
    return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(),
                                           [](const TensorCheck& check) { return check.passed(); });
  }
  /// One line per tensor that failed; empty if none did.
  std::string failures() const {
    std::string text;
    for (const TensorCheck& check : tensors) {
      if (check.passed()) continue;
      text += detail::concat({check.name, ": differs by ",
                              FormattedNumber::general(check.difference, 6), ", allowed ",
                              FormattedNumber::general(check.allowed, 6), "\n"});
    }
    return text;
  }
};

/// Compares `analytic`, the gradient of loss() with respect to `values`, with central differences
/// (loss(x + h) - loss(x - h)) / 2h of every number.
template <typename Loss>
TensorCheck check_tensor(std::string name, std::span<double> values,
                         std::span<const double> analytic, const GradientCheckOptions& options,
                         Loss&& loss) {
  double difference = 0;
  double numeric_norm = 0;
  double analytic_norm = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double before = values[i];
    const double h = options.step * std::max(1.0, std::abs(before));
    values[i] = before + h;
    const double above = loss();
    values[i] = before - h;
    const double below = loss();
    values[i] = before;
    const double numeric = (above - below) / (2 * h);
    difference += (analytic[i] - numeric) * (analytic[i] - numeric);
    numeric_norm += numeric * numeric;
    analytic_norm += analytic[i] * analytic[i];
  }
  return {
      std::move(name), std::sqrt(difference),
      options.absolute + options.relative * (std::sqrt(numeric_norm) + std::sqrt(analytic_norm))};
}

/// A layer with the memory it asked for, ready to run alone. What a layer must overwrite or may not
/// rely on is filled with NaN before every call.
template <Layer L>
requires std::same_as<typename L::Value, double>
class LayerHarness {
 public:
  LayerHarness(const L& layer, const GradientCheckOptions& options)
      : layer_(layer),
        options_(options),
        threads_(options.workers),
        parameters_(declare(layer_)),
        arena_(plan()),
        input(count(layer_.input_width())),
        output(count(layer_.output_width())),
        output_gradient(output.size()),
        input_gradient(input.size()),
        weights(static_cast<std::size_t>(parameters_.count())),
        gradients(weights.size()) {
    const CounterRandom random(options.seed, RandomStream::initial_weights);
    std::uint64_t position = 0;
    for (auto* block : {&weights, &input, &output_gradient}) {
      for (double& x : *block) x = random.normal(position++);
    }
  }

  const ParameterList& parameters() const noexcept { return parameters_; }

  void forward() {
    poison(output);
    std::fill(arena_.bytes().begin(), arena_.bytes().end(), std::byte{0xFF});  // NaN
    threads_.run(
        [&](const Worker& worker) { layer_.forward(context(worker), in(input), out(output)); });
  }

  /// The loss of which backward gives the gradient: sum of output * output_gradient.
  double loss() {
    forward();
    double total = 0;
    for (std::size_t i = 0; i < output.size(); ++i) total += output[i] * output_gradient[i];
    return total;
  }

  /// Adds to gradients, overwrites input_gradient.
  void backward() {
    forward();
    poison(input_gradient);
    threads_.run([&](const Worker& worker) {
      layer_.backward(context(worker), in(input), grad(output_gradient), out_grad(input_gradient));
    });
  }

 private:
  static void poison(std::vector<double>& block) {
    std::fill(block.begin(), block.end(), std::numeric_limits<double>::quiet_NaN());
  }
  static ParameterList declare(L& layer) {
    ParameterDeclarations declarations;
    layer.declare(declarations);
    ParameterList list;
    list.append("", declarations);
    return list;
  }
  std::size_t count(Index width) const {
    return static_cast<std::size_t>(options_.sequences * options_.sequence * width);
  }
  MemoryPlan plan() {
    require_kernels();
    MemoryPlan plan;
    panels_ = plan.book<double>(
        "harness", "packed operand", MemoryKind::scratch,
        options_.workers * matmul_panel_elements<double>(detail::panel_depth), {0, 1});
    BookingScope scope{plan,
                       "layer",
                       options_.sequences,
                       options_.sequence,
                       options_.workers,
                       {0, 0},
                       {1, 1},
                       {0, 1},
                       true,
                       1};
    layer_.book(scope);
    plan.place();
    return plan;
  }
  LayerContext<double> context(const Worker& worker) {
    return {worker,
            arena_,
            weights.data(),
            gradients.data(),
            0,
            0,
            options_.sequences,
            options_.sequence,
            arena_.get(panels_),
            0,
            DropoutDraw{CounterRandom(options_.seed, RandomStream::dropout), 0, 0.25}};
  }
  MatrixView<const double> in(const std::vector<double>& block) const {
    return {block.data(), options_.sequences * options_.sequence, layer_.input_width()};
  }
  MatrixView<double> out(std::vector<double>& block) const {
    return {block.data(), options_.sequences * options_.sequence, layer_.output_width()};
  }
  MatrixView<const double> grad(const std::vector<double>& block) const {
    return {block.data(), options_.sequences * options_.sequence, layer_.output_width()};
  }
  MatrixView<double> out_grad(std::vector<double>& block) const {
    return {block.data(), options_.sequences * options_.sequence, layer_.input_width()};
  }

  L layer_;
  GradientCheckOptions options_;
  ThreadPool threads_;
  ParameterList parameters_;
  Booking<double> panels_;
  Arena arena_;

 public:
  std::vector<double> input, output, output_gradient, input_gradient, weights, gradients;
};

/// Every parameter of the layer and its whole input against central differences, at random values.
/// Gradients start from 1, to show that backward adds to them.
template <Layer L>
GradientCheckResult check_gradients(const L& layer, const GradientCheckOptions& options = {}) {
  LayerHarness<L> harness(layer, options);
  std::fill(harness.gradients.begin(), harness.gradients.end(), 1.0);
  harness.backward();
  std::vector<double> gradients = harness.gradients;
  for (double& g : gradients) g -= 1.0;
  const std::vector<double> input_gradient = harness.input_gradient;

  GradientCheckResult result;
  const auto loss = [&] { return harness.loss(); };
  result.tensors.push_back(
      check_tensor("input", std::span(harness.input), input_gradient, options, loss));
  for (const Parameter& parameter : harness.parameters()) {
    const auto first = static_cast<std::size_t>(parameter.offset);
    const auto size = static_cast<std::size_t>(parameter.count());
    result.tensors.push_back(
        check_tensor(parameter.name, std::span(harness.weights).subspan(first, size),
                     std::span<const double>(gradients).subspan(first, size), options, loss));
  }
  return result;
}

}  // namespace octavo::testing
