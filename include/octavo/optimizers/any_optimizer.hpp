// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/optimizers/optimizer.hpp>
#include <octavo/optimizers/update_rule.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The largest number of settings of an optimizer.
inline constexpr std::size_t most_settings = 8;

struct NamedRange {
  std::string_view name;
  SettingRange range;
};

template <Scalar T>
using UpdateFunction = void (*)(std::span<const double> settings, const Worker&, const UpdateInfo&,
                                std::span<const Parameter>, std::span<T> weights,
                                std::span<const T> gradients, std::span<std::byte> state);

/// The functions of an optimizer's type that AnyOptimizer calls.
struct OptimizerTable {
  std::string_view name;
  std::span<const NamedRange> settings;
  int sections;
  StateSection (*section)(int which, const TrainedSizes& sizes);
  bool has_scratch;
  std::size_t (*scratch_float)(Index rows, const MapColumns& maps, Index workers);
  std::size_t (*scratch_double)(Index rows, const MapColumns& maps, Index workers);
  Index shard_block;
  StateRanges (*state_ranges)(const TrainedSizes& sizes, std::size_t scalar_bytes,
                              const Parameter& tensor, Range numbers);
  UpdateFunction<float> update_float;
  UpdateFunction<double> update_double;
};

template <Optimizer O>
inline constexpr auto named_ranges = [] {
  constexpr auto settings = O::settings();
  std::array<NamedRange, settings.size()> ranges{};
  for (std::size_t i = 0; i < settings.size(); ++i) {
    ranges[i] = {settings[i].name, settings[i].range};
  }
  return ranges;
}();

template <Optimizer O>
constexpr O with_settings(std::span<const double> values) {
  constexpr auto settings = O::settings();
  O optimizer;
  for (std::size_t i = 0; i < settings.size(); ++i) optimizer.*(settings[i].member) = values[i];
  return optimizer;
}

template <Optimizer O>
constexpr int section_count() {
  if constexpr (StatefulOptimizer<O>) {
    return static_cast<int>(O::state_sections(TrainedSizes{}).size());
  } else {
    return static_cast<int>(O::moments.size());
  }
}

template <Optimizer O>
constexpr StateSection section_of(int which, const TrainedSizes& sizes) {
  const auto i = static_cast<std::size_t>(which);
  if constexpr (StatefulOptimizer<O>) {
    return O::state_sections(sizes)[i];
  } else {
    return {StateSection::Number::scalar, sizes.count, O::moments[i]};
  }
}

template <typename O>
concept HasScratch = requires(Index size, const MapColumns& maps) {
  { O::template scratch_bytes<float>(size, maps, size) } -> std::convertible_to<std::size_t>;
};

template <Optimizer O, Scalar T>
constexpr std::size_t scratch_of(Index rows, const MapColumns& maps, Index workers) {
  if constexpr (HasScratch<O>) {
    return O::template scratch_bytes<T>(rows, maps, workers);
  } else {
    return 0;
  }
}

template <Optimizer O>
constexpr Index shard_block_of() {
  if constexpr (requires { O::shard_block; }) {
    return O::shard_block;
  } else if constexpr (StatefulOptimizer<O>) {
    return octavo::shard_block::none;
  } else {
    return O::moments.size() <= StateRanges::most ? octavo::shard_block::number
                                                  : octavo::shard_block::none;
  }
}

template <Optimizer O>
StateRanges state_ranges_of(const TrainedSizes& sizes, std::size_t scalar_bytes,
                            const Parameter& tensor, Range numbers) {
  if constexpr (requires { O::shard_block; }) {
    return O::state_ranges(sizes, scalar_bytes, tensor, numbers);
  } else {
    StateRanges found;
    for (int moment = 0; moment < section_count<O>(); ++moment) {
      const Index first = moment * sizes.count + tensor.gradient_offset + numbers.begin;
      found.add(static_cast<std::size_t>(first) * scalar_bytes,
                static_cast<std::size_t>(numbers.size()) * scalar_bytes);
    }
    return found;
  }
}

template <Optimizer O, Scalar T>
void update_with(std::span<const double> settings, const Worker& worker, const UpdateInfo& info,
                 std::span<const Parameter> tensors, std::span<T> weights,
                 std::span<const T> gradients, std::span<std::byte> state) {
  const O optimizer = with_settings<O>(settings);
  if constexpr (StatefulOptimizer<O>) {
    optimizer.template update<T>(worker, info, tensors, weights, gradients, state);
  } else {
    update_by_rule<T>(optimizer, worker, info, tensors, weights, gradients, state);
  }
}

/// What is meant as an optimizer, whole or not.
template <typename O>
concept MeantAsOptimizer = requires {
  O::settings();
}
|| requires { O::moments; };

template <Optimizer O>
inline constexpr OptimizerTable optimizer_table{O::name,
                                                named_ranges<O>,
                                                section_count<O>(),
                                                &section_of<O>,
                                                HasScratch<O>,
                                                &scratch_of<O, float>,
                                                &scratch_of<O, double>,
                                                shard_block_of<O>(),
                                                &state_ranges_of<O>,
                                                &update_with<O, float>,
                                                &update_with<O, double>};

}  // namespace detail

/// An optimizer chosen at run time: AdamW{}, Lion{.beta1 = 0.95}, or the user's own. A small value
/// that needs no heap, usable in constant expressions. A program contains only the optimizers that
/// it names.
class AnyOptimizer {
 public:
  template <typename O>
  requires(!std::same_as<O, AnyOptimizer> &&
           Optimizer<O>) constexpr AnyOptimizer(const O& optimizer)
      : table_(&detail::optimizer_table<O>) {
    constexpr auto settings = O::settings();
    static_assert(settings.size() <= detail::most_settings, "an optimizer has too many settings");
    static_assert(sizeof(O) == std::max<std::size_t>(1, settings.size() * sizeof(double)),
                  "an optimizer's members are its settings, all of them doubles");
    if constexpr (!StatefulOptimizer<O>) {
      static_assert(detail::Steps<O>,
                    "the rule needs: template <Scalar T> T step(T weight, T gradient, "
                    "std::array<T, moments.size()>& moments, const UpdateRates& rates) const");
    }
    for (std::size_t i = 0; i < settings.size(); ++i) {
      values_[i] = optimizer.*(settings[i].member);
    }
  }
  /// For what lacks something: says in words what.
  template <typename O>
  requires(!std::same_as<O, AnyOptimizer> && !Optimizer<O> &&
           detail::MeantAsOptimizer<O>) constexpr AnyOptimizer(const O&) {
    static_assert(
        requires {
          { O::name } -> std::convertible_to<std::string_view>;
        },
        "the optimizer needs a name in files: static constexpr std::string_view name = "
        "\"...\"");
    static_assert(
        requires { O::moments.size(); } || requires { O::state_sections(TrainedSizes{}); } ||
            requires { O::state_sections(0, 0); },
        "the rule needs its moments: static constexpr std::array moments{"
        "MomentRange::finite}, one range per number of state for each weight (none: "
        "std::array<MomentRange, 0> moments{})");
    static_assert(
        requires { O::settings().size(); },
        "the optimizer needs its settings: static constexpr auto settings(), a "
        "std::array of Setting (none: std::array<Setting<MyRule>, 0>)");
    static_assert(
        !requires { O::state_sections(TrainedSizes{}); } && !requires { O::state_sections(0, 0); },
        "the optimizer is not a StatefulOptimizer: see optimizers/optimizer.hpp");
  }

  /// Whether the other is the same optimizer; settings may differ.
  constexpr bool same_rule(const AnyOptimizer& other) const noexcept {
    return table_ == other.table_;
  }
  /// Whether both are the same optimizer with equal settings.
  friend constexpr bool operator==(const AnyOptimizer&, const AnyOptimizer&) = default;

  /// Between which numbers of a tensor the state can be divided: see optimizer.hpp.
  constexpr Index shard_block() const noexcept { return table_->shard_block; }

  /// Whether updates need memory beside the state, see optimizer_scratch_bytes.
  constexpr bool has_scratch() const noexcept { return table_->has_scratch; }

  constexpr const detail::OptimizerTable& table() const noexcept { return *table_; }
  /// In the order of table().settings.
  constexpr std::span<double> values() noexcept {
    return std::span(values_).first(table_->settings.size());
  }
  constexpr std::span<const double> values() const noexcept {
    return std::span(values_).first(table_->settings.size());
  }

 private:
  const detail::OptimizerTable* table_;
  std::array<double, detail::most_settings> values_{};
};

/// The name: "adamw", "lion", or the `name` of the user's own optimizer.
constexpr std::string_view name_of(const AnyOptimizer& optimizer) noexcept {
  return optimizer.table().name;
}

/// Calls visit(name, value, range) for each setting of an optimizer: "beta1", "momentum", ...
/// `visit` may change the value unless the optimizer is const.
template <typename Any, typename Visit>
requires std::same_as<std::remove_const_t<Any>, AnyOptimizer>
constexpr void for_each_setting(Any& optimizer, Visit visit) {
  const auto settings = optimizer.table().settings;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    visit(settings[i].name, optimizer.values()[i], settings[i].range);
  }
}

/// ConfigError "adamw: beta1 is 2, expected 0 to less than 1" if a setting is outside its range, or
/// not representable in the weights' scalar type.
template <Scalar T>
void check_optimizer(const AnyOptimizer& optimizer) {
  for_each_setting(optimizer, [&](std::string_view name, double value, SettingRange range) {
    range.most = std::min(range.most, static_cast<double>(std::numeric_limits<T>::max()));
    if (range.least > 0) {
      range.least =
          std::max(range.least, static_cast<double>(std::numeric_limits<T>::denorm_min()));
    }
    if (range.contains(value)) return;  // build the name only for the message
    check_setting(detail::concat({name_of(optimizer), ": ", name}), value, range);
  });
}

/// Calls visit(section) for each section of an optimizer's state, in order and without gaps.
template <typename Visit>
constexpr void for_each_state_section(const AnyOptimizer& optimizer, const TrainedSizes& sizes,
                                      Visit visit) {
  for (int i = 0; i < optimizer.table().sections; ++i) {
    visit(optimizer.table().section(i, sizes));
  }
}

/// Bytes of the optimizer's state for weights of type T.
template <Scalar T>
constexpr std::size_t optimizer_state_bytes(const AnyOptimizer& optimizer,
                                            const TrainedSizes& sizes) {
  std::size_t bytes = 0;
  for_each_state_section(optimizer, sizes, [&](const StateSection& section) {
    bytes = checked_add(bytes, section.bytes<T>());
  });
  return bytes;
}

/// Bytes of UpdateInfo::scratch for updates of a linear map's weight, [rows, sum of the columns].
template <Scalar T>
constexpr std::size_t optimizer_scratch_bytes(const AnyOptimizer& optimizer, Index rows,
                                              const MapColumns& maps, Index workers) {
  const detail::OptimizerTable& table = optimizer.table();
  if constexpr (std::same_as<T, float>) {
    return table.scratch_float(rows, maps, workers);
  } else {
    return table.scratch_double(rows, maps, workers);
  }
}

/// Updates `tensors`, which are some or all of a model's, except those with a learning-rate factor
/// of 0. All workers call it together; each updates its share. weights [all parameters], gradients
/// [from info.first_gradient on], state [optimizer_state_bytes, aligned to 64 bytes], which is zero
/// before the first update.
template <Scalar T>
void update_tensors(const Worker& worker, const AnyOptimizer& optimizer,
                    std::span<const Parameter> tensors, std::span<T> weights,
                    std::span<const T> gradients, std::span<std::byte> state,
                    const UpdateInfo& info) {
  const detail::OptimizerTable& table = optimizer.table();
  if constexpr (std::same_as<T, float>) {
    table.update_float(optimizer.values(), worker, info, tensors, weights, gradients, state);
  } else {
    table.update_double(optimizer.values(), worker, info, tensors, weights, gradients, state);
  }
}

}  // namespace OCTAVO_NAMESPACE
