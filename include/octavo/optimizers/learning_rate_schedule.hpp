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
/// along half a cosine (Loshchilov, Hutter 2017), and stays there. wsd (warm-up, stable, decay: Hu
/// et al. 2024) is constant until the last steps, and then falls linearly.
struct LearningRateSchedule {
  enum class Shape { constant, linear, cosine, wsd };

  Shape shape = Shape::cosine;
  double peak = 1e-3;
  double min_lr = 1e-4;
  Index warmup = 100;
  Index steps = 0;        ///< where min_lr is reached
  double cooldown = 0.4;  ///< share of the steps in which wsd falls

  /// `step` counts from 0.
  double at(Index step) const {
    const FloatEnvironment environment;
    if (step < warmup) {
      return peak * static_cast<double>(step + 1) / (static_cast<double>(warmup) + 1);
    }
    if (shape == Shape::constant) return peak;
    if (step >= steps) return min_lr;
    const auto all = static_cast<double>(steps);
    double fall = static_cast<double>(warmup);  // the step where the rate begins to fall
    if (shape == Shape::wsd) fall = std::max(fall, std::fma(-cooldown, all, all));
    const auto now = static_cast<double>(step);
    const double progress = now <= fall ? 0.0 : (now - fall) / (all - fall);
    const double left = shape == Shape::cosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * progress))
                                               : 1.0 - progress;
    return std::fma(left, peak - min_lr, min_lr);
  }
};

constexpr std::array<std::string_view, 4> choice_names(LearningRateSchedule::Shape) noexcept {
  return {"constant", "linear", "cosine", "wsd"};
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
