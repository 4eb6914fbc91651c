// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

/// Standard deviation of GPT-2's initial weights.
inline constexpr double initial_deviation = 0.02;

namespace detail {

struct EveryTensor {
  constexpr bool operator()(const Parameter&) const noexcept { return true; }
};

}  // namespace detail

/// GPT-2's initial values (Radford et al. 2019, section 2.3): matrices normal(0, 0.02), divided by
/// sqrt(2 layers) at the end of a residual branch; gains 1; biases 0. Of adapters A is uniform in
/// (-1 / sqrt(in), 1 / sqrt(in)) and B is 0, as in PEFT. Each number depends only on
/// the seed and its place in the model. weights [list.count()]. zero_init: matrices at the
/// end of a residual branch are 0, so that every block begins as the identity.
/// sets(parameter): whether to set a tensor.
template <Scalar T, typename Sets = detail::EveryTensor>
void set_initial_weights(const ParameterList& list, Index layers, std::uint64_t seed,
                         std::span<T> weights, bool zero_init = false, Sets sets = {}) {
  require_equal("initial weights: numbers in the block", static_cast<Index>(weights.size()),
                list.count());
  const CounterRandom random(seed, RandomStream::initial_weights);
  const double residual =
      zero_init ? 0.0 : initial_deviation / std::sqrt(2.0 * static_cast<double>(layers));
  for (const Parameter& parameter : list) {
    if (parameter.outside || !sets(parameter)) continue;
    const Index moved = parameter.number - parameter.offset;
    for (Index i = parameter.number; i < parameter.number + parameter.count(); ++i) {
      const auto normal = [&](double deviation) {
        return static_cast<T>(deviation * random.normal(static_cast<std::uint64_t>(i)));
      };
      const auto uniform = [&](Index rows) {
        return static_cast<T>((2 * random.uniform(2 * static_cast<std::uint64_t>(i)) - 1) /
                              std::sqrt(static_cast<double>(rows)));
      };
      T& weight = weights[static_cast<std::size_t>(i - moved)];
      switch (parameter.initial) {
        case InitialValue::zeros:
          weight = T{0};
          break;
        case InitialValue::ones:
          weight = T{1};
          break;
        case InitialValue::normal:
          weight = normal(initial_deviation);
          break;
        case InitialValue::normal_residual:
          weight = normal(residual);
          break;
        case InitialValue::uniform:
          weight = uniform(parameter.rows);
          break;
      }
    }
  }
}

}  // namespace OCTAVO_NAMESPACE
