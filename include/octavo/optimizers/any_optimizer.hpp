// SPDX-License-Identifier: MIT
#pragma once

#include <variant>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/sgd.hpp>

namespace octavo {

/// An optimizer chosen at run time.
using AnyOptimizer = std::variant<AdamW, Adam, Sgd>;

constexpr Index state_per_parameter(const AnyOptimizer& optimizer) {
  return std::visit([](const auto& chosen) { return chosen.state_per_parameter; }, optimizer);
}

}  // namespace octavo
