// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

/// The exception for a quantity `what` of a step that is not finite, with a hint: before the first
/// update the learning rate cannot be the cause.
template <Scalar T>
OCTAVO_SETUP Diverged divergence(Index steps_done, const char* what, double value,
                                 std::span<const T> weights) {
  const char* hint = "lower the learning rate";
  if (steps_done == 0) {
    const bool finite =
        std::all_of(weights.begin(), weights.end(), [](T x) { return std::isfinite(x); });
    hint = finite ? "no step was done yet: the initial weights are too large"
                  : "no step was done yet: the initial weights are not all finite";
  }
  return Diverged(detail::concat({"training diverged at step ", steps_done, ": ", what,
                                  std::isnan(value) ? " is not a number" : " is infinite"}),
                  steps_done, value, hint);
}

}  // namespace OCTAVO_NAMESPACE
