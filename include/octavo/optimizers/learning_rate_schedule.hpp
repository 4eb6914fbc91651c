// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/optimizers/setting.hpp>

namespace OCTAVO_NAMESPACE {

/// The learning rate as a pure function of the step. During warm-up it rises linearly from
/// peak / (warmup + 1); then it is constant, or falls to `min_lr` at step `steps`, linearly or
/// along half a cosine (Loshchilov, Hutter 2017), and stays there.
struct LearningRateSchedule {
  enum class Shape { constant, linear, cosine };

  Shape shape = Shape::cosine;
  double peak = 1e-3;
  double min_lr = 1e-4;
  Index warmup = 100;
  Index steps = 0;  ///< where min_lr is reached

  /// `step` counts from 0.
  double at(Index step) const {
    const FloatEnvironment environment;
    if (step < warmup) {
      return peak * static_cast<double>(step + 1) / (static_cast<double>(warmup) + 1);
    }
    if (shape == Shape::constant) return peak;
    if (step >= steps) return min_lr;
    const double progress =
        static_cast<double>(step - warmup) / static_cast<double>(steps - warmup);
    const double left = shape == Shape::linear
                            ? 1.0 - progress
                            : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return std::fma(left, peak - min_lr, min_lr);
  }
};

constexpr std::array<std::string_view, 3> choice_names(LearningRateSchedule::Shape) noexcept {
  return {"constant", "linear", "cosine"};
}

/// Throws ConfigError where the numbers make no schedule.
inline void check_schedule(const LearningRateSchedule& schedule) {
  check_setting("learning rate", schedule.peak, positive_range);
  check_setting("minimum learning rate", schedule.min_lr,
                {0, schedule.peak, "0 to the learning rate"});
  require(schedule.warmup >= 0, "warm-up: expected 0 or more steps");
}

/// One line about a schedule that is none too good, for whoever shows it to the user: a warm-up
/// that outlasts the run, whose learning rate then never reaches its peak. Empty where all is well.
[[nodiscard]] inline std::string schedule_warning(const LearningRateSchedule& schedule) {
  if (schedule.steps <= 0 || schedule.warmup < schedule.steps) return {};
  const double share = schedule.at(schedule.steps - 1) / schedule.peak;
  return detail::concat({"the warm-up of ", schedule.warmup,
                         " steps is not shorter than the run of ", schedule.steps,
                         ": the learning rate reaches ", static_cast<int>(std::floor(100 * share)),
                         "% of what was asked; choose a shorter warm-up"});
}

}  // namespace OCTAVO_NAMESPACE
