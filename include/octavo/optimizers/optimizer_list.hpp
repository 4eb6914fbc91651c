// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/sgd.hpp>

// Optimizers by name, for command lines and files. A program that uses a list compiles all of the
// optimizers in it.
namespace OCTAVO_NAMESPACE {

/// Octavo's optimizers with their defaults, followed by the caller's own:
/// `static const auto known = known_optimizers(Adagrad{});`
template <Optimizer... Own>
constexpr std::array<AnyOptimizer, 5 + sizeof...(Own)> known_optimizers(const Own&... own) {
  return {AdamW{}, AdamW8bit{}, Adam{}, Lion{}, Sgd{}, own...};
}

/// Octavo's own. (A template, so that only programs that use the list compile all of them.)
template <typename = void>
inline constexpr auto builtin_optimizers = known_optimizers();

/// Optimizers that a name may mean. What it views must outlive it.
using OptimizerList = std::span<const AnyOptimizer>;

/// The optimizer of that name with the list's settings; none if there is no such optimizer.
[[nodiscard]] constexpr std::optional<AnyOptimizer> find_optimizer(std::string_view name,
                                                                   OptimizerList known) {
  for (const AnyOptimizer& one : known) {
    if (name_of(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE
