// SPDX-License-Identifier: MIT
#pragma once

#include <variant>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/sgd.hpp>

namespace octavo {

/// An optimizer chosen at run time.
using AnyOptimizer = std::variant<AdamW, AdamW8bit, Adam, Lion, Sgd>;

/// What it remembers of that many parameters in that many tensors.
template <Scalar T>
constexpr std::size_t state_bytes(const AnyOptimizer& optimizer, Index parameters, Index tensors) {
  return std::visit(
      [&](const auto& chosen) { return chosen.template state_bytes<T>(parameters, tensors); },
      optimizer);
}

}  // namespace octavo
