// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>

// Optimizers by name, for command lines and files. A program that uses a list contains all
// optimizers in it.
namespace OCTAVO_NAMESPACE {

namespace detail {

template <typename... Rules>
constexpr std::array<AnyOptimizer, sizeof...(Rules)> optimizers_of(const Rules&... rules) {
  return {rules...};
}

}  // namespace detail

/// Octavo's optimizers with their defaults, followed by the user's own: `static const auto known =
/// known_optimizers(Adagrad{});`
template <Optimizer... Own>
constexpr std::array<AnyOptimizer, 6 + sizeof...(Own)> known_optimizers(const Own&... own) {
  return detail::optimizers_of(AdamW{}, AdamW8bit{}, Adam{}, Lion{}, Muon{}, Sgd{}, own...);
}

/// Octavo's optimizers, as `builtin_optimizers<>`. (A template whose value depends on its
/// arguments, so that only programs that use the list compile them.)
template <Optimizer... Own>
inline constexpr auto builtin_optimizers = known_optimizers(Own{}...);

/// A view of a list of optimizers, which must outlive it.
class OptimizerList {
 public:
  constexpr OptimizerList() = default;
  constexpr OptimizerList(std::span<const AnyOptimizer> list) : list_(list) {}
  template <std::size_t count>
  constexpr OptimizerList(const std::array<AnyOptimizer, count>& list) : list_(list) {}
  /// Deleted: a temporary list would be gone before it is read. Give it a name:
  /// `static constexpr auto known = known_optimizers(MyRule{});`
  template <std::size_t count>
  constexpr OptimizerList(const std::array<AnyOptimizer, count>&&) = delete;

  constexpr auto begin() const noexcept { return list_.begin(); }
  constexpr auto end() const noexcept { return list_.end(); }
  constexpr std::size_t size() const noexcept { return list_.size(); }
  constexpr const AnyOptimizer& operator[](std::size_t i) const { return list_[i]; }

 private:
  std::span<const AnyOptimizer> list_;
};

/// The optimizer with this name and the list's settings; nothing if there is none.
[[nodiscard]] constexpr std::optional<AnyOptimizer> find_optimizer(std::string_view name,
                                                                   OptimizerList known) {
  for (const AnyOptimizer& one : known) {
    if (name_of(one) == name) return one;
  }
  return std::nullopt;
}

}  // namespace OCTAVO_NAMESPACE
