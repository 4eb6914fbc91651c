// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/testing/barrier_check.hpp>
#include <octavo/testing/layer_harness.hpp>

// Checks the backward of a layer or block, ours or a user's, against central differences, and its
// barriers. Not part of octavo.hpp: include it in tests.
namespace OCTAVO_NAMESPACE::testing {

/// The difference between the analytic and the numeric gradient of one tensor, and the largest
/// allowed difference.
struct TensorCheck {
  std::string name;
  double difference = 0;  ///< norm of analytic - numeric
  double allowed = 0;     ///< absolute + relative * (sum of both norms)

  bool passed() const noexcept { return difference <= allowed; }  // false for NaN
};

/// What check_gradients has found.
struct GradientCheckResult {
  std::vector<TensorCheck> tensors;
  std::string barrier_defects = {};  ///< see check_barriers; empty: none

  bool passed() const noexcept {
    return barrier_defects.empty() && !tensors.empty() &&
           std::all_of(tensors.begin(), tensors.end(),
                       [](const TensorCheck& check) { return check.passed(); });
  }
  /// One line for each tensor that failed and each defect of the barriers; empty if there are none.
  std::string failures() const {
    std::string text = barrier_defects;
    for (const TensorCheck& check : tensors) {
      if (check.passed()) continue;
      text += octavo::detail::concat({check.name, ": differs by ",
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

/// Compares the gradients of every parameter and of the whole input with central differences, at
/// random values, and checks the barriers (check_barriers). The first backward must overwrite
/// gradients, later ones must add to them.
template <PartMaker M>
[[nodiscard]] GradientCheckResult check_gradients(const M& make,
                                                  const GradientCheckOptions& options) {
  LayerHarness<PartOf<M>> harness(make, options);
  std::fill(harness.gradients.begin(), harness.gradients.end(), 1.0);
  harness.backward(Output::accumulate);
  std::vector<double> added = harness.gradients;
  for (double& g : added) g -= 1.0;
  harness.backward();
  const std::vector<double> gradients = harness.gradients;
  const std::vector<double> input_gradient = harness.input_gradient;

  GradientCheckResult result;
  result.barrier_defects = check_barriers(make, options);
  const auto loss = [&] { return harness.loss(); };
  result.tensors.push_back(
      check_tensor("input", std::span(harness.input), input_gradient, options, loss));
  for (const Parameter& parameter : harness.parameters()) {
    const auto first = static_cast<std::size_t>(parameter.offset);
    const auto size = static_cast<std::size_t>(parameter.count());
    const auto values = std::span(harness.weights).subspan(first, size);
    const auto analytic = std::span<const double>(gradients).subspan(first, size);
    TensorCheck check = check_tensor(parameter.name, values, analytic, options, loss);
    double difference = 0;
    for (std::size_t i = 0; i < size; ++i) {
      difference += (added[first + i] - analytic[i]) * (added[first + i] - analytic[i]);
    }
    check.difference += std::sqrt(difference);
    result.tensors.push_back(std::move(check));
  }
  return result;
}

/// As above, for a part of a model with this configuration:
/// `check_gradients<SwiGlu<double>>(config)`.
template <CheckedPart L, typename Config>
requires std::constructible_from < L, const Builder<double>
&, const Config& >
       [[nodiscard]] GradientCheckResult check_gradients(const Config& config,
                                                         GradientCheckOptions options = {}) {
  options.width = options.output_width = config.width;
  return check_gradients([&](const Builder<double>& builder) { return L(builder, config); },
                         options);
}

}  // namespace OCTAVO_NAMESPACE::testing
