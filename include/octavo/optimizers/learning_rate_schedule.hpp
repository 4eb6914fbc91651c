// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>

namespace octavo {

/// The learning rate as a pure function of the step. During warm-up it rises linearly from
/// peak / (warmup + 1); then it is constant, or falls to `minimum` at step `steps`, linearly or
/// along half a cosine (Loshchilov, Hutter 2017), and stays there.
struct LearningRateSchedule {
  enum class Shape { constant, linear, cosine };

  Shape shape = Shape::cosine;
  double peak = 1e-3;
  double minimum = 1e-4;
  Index warmup = 100;
  Index steps = 0;  ///< where the minimum is reached

  /// `step` counts from 0.
  double at(Index step) const {
    if (step < warmup) {
      return peak * static_cast<double>(step + 1) / (static_cast<double>(warmup) + 1);
    }
    if (shape == Shape::constant) return peak;
    if (step >= steps) return minimum;
    const double progress =
        static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
    const double left = shape == Shape::linear
                            ? 1.0 - progress
                            : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return std::fma(left, peak - minimum, minimum);
  }
};

inline constexpr std::array<std::string_view, 3> schedule_names{"constant", "linear", "cosine"};

constexpr std::string_view name_of(LearningRateSchedule::Shape shape) noexcept {
  return schedule_names[static_cast<std::size_t>(shape)];
}

/// Throws ConfigError where the numbers make no schedule.
inline void check_schedule(const LearningRateSchedule& schedule) {
  require(std::isfinite(schedule.peak) && schedule.peak > 0,
          "learning rate: expected a finite number > 0");
  require(schedule.minimum >= 0 && schedule.minimum <= schedule.peak,
          "minimum learning rate: expected 0 to the learning rate");
  require(schedule.warmup >= 0, "warm-up: expected 0 or more steps");
}

}  // namespace octavo
