// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/setting.hpp>
#include <octavo/optimizers/sgd.hpp>

namespace OCTAVO_NAMESPACE {

/// An optimizer chosen at run time.
using AnyOptimizer = std::variant<AdamW, AdamW8bit, Adam, Lion, Sgd>;

/// Calls visit(name, value) for each of an optimizer's numbers: "beta1", "momentum", ...
template <typename Optimizer, typename Visit>
constexpr void for_each_setting(Optimizer& optimizer, Visit visit) {
  if constexpr (requires { optimizer.beta1; }) visit("beta1", optimizer.beta1);
  if constexpr (requires { optimizer.beta2; }) visit("beta2", optimizer.beta2);
  if constexpr (requires { optimizer.epsilon; }) visit("epsilon", optimizer.epsilon);
  if constexpr (requires { optimizer.momentum; }) visit("momentum", optimizer.momentum);
  visit("decay", optimizer.decay);
}

/// Where the setting of that name may lie, in every optimizer.
constexpr const SettingRange& setting_range(std::string_view name) noexcept {
  if (name == "epsilon") return positive_range;
  return name == "decay" ? not_negative_range : share_range;
}

inline std::string_view name_of(const AnyOptimizer& optimizer) {
  return std::visit([](const auto& chosen) { return chosen.name; }, optimizer);
}

/// The optimizer of that name with its defaults; none if there is no such optimizer.
[[nodiscard]] inline std::optional<AnyOptimizer> optimizer_of_name(std::string_view name) {
  for (const AnyOptimizer& one :
       {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}), AnyOptimizer(Adam{}),
        AnyOptimizer(Lion{}), AnyOptimizer(Sgd{})}) {
    if (name_of(one) == name) return one;
  }
  return std::nullopt;
}

/// ConfigError "adamw: beta1 is 2, expected 0 to less than 1" where a setting is out of its range
/// as a number of the weights' scalar.
template <Scalar T>
void check_optimizer(const AnyOptimizer& optimizer) {
  const auto check = [](const auto& chosen) {
    for_each_setting(chosen, [&](std::string_view name, double value) {
      SettingRange range = setting_range(name);
      range.most = std::min(range.most, static_cast<double>(std::numeric_limits<T>::max()));
      if (range.least > 0) range.least = static_cast<double>(std::numeric_limits<T>::denorm_min());
      if (range.contains(value)) return;  // a name is put together only where it is told
      check_setting(detail::concat({chosen.name, ": ", name}), value, range);
    });
  };
  std::visit(check, optimizer);
}

/// What it remembers of that many parameters in that many tensors.
template <Scalar T>
constexpr std::size_t state_bytes(const AnyOptimizer& optimizer, Index parameters, Index tensors) {
  return std::visit(
      [&](const auto& chosen) { return chosen.template state_bytes<T>(parameters, tensors); },
      optimizer);
}

}  // namespace OCTAVO_NAMESPACE
