// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <string_view>

#include <octavo/optimizers/optimizer.hpp>

namespace octavo_test {

/// An update rule as a user writes it (Duchi et al. 2011): s += g^2; w -= lr g / (sqrt(s) +
/// epsilon).
struct Adagrad {
  static constexpr std::string_view name = "adagrad";
  static constexpr std::array moments{octavo::MomentRange::not_negative};
  double epsilon = 1e-10;
  double weight_decay = 0;  ///< L2 penalty on matrices

  static constexpr auto settings() {
    return std::array{
        octavo::Setting{"epsilon", &Adagrad::epsilon, octavo::positive_range},
        octavo::Setting{"weight_decay", &Adagrad::weight_decay, octavo::not_negative_range}};
  }
  template <octavo::Scalar T>
  T step(T w, T g, std::array<T, 1>& moments_of_it, const octavo::UpdateRates& rates) const {
    T& s = moments_of_it[0];
    g = std::fma(static_cast<T>(rates.weight_decay(weight_decay)), w, g);
    s = std::fma(g, g, s);
    const T direction = g / (std::sqrt(s) + static_cast<T>(epsilon));
    return std::fma(static_cast<T>(-rates.learning_rate), direction, w);
  }
};

}  // namespace octavo_test
