// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>

namespace OCTAVO_NAMESPACE {

/// The values that a setting may have, both ends included, and their description in words.
struct SettingRange {
  double least;
  double most;
  std::string_view words;

  constexpr bool contains(double value) const noexcept {  // a NaN lies nowhere
    return value >= least && value <= most;
  }
};

/// A moment's decay rate, a momentum, a share that is dropped.
inline constexpr SettingRange share_range{0, 1 - std::numeric_limits<double>::epsilon() / 2,
                                          "0 to less than 1"};
inline constexpr SettingRange positive_range{std::numeric_limits<double>::denorm_min(),
                                             std::numeric_limits<double>::max(),
                                             "a finite number > 0"};
inline constexpr SettingRange not_negative_range{0, std::numeric_limits<double>::max(),
                                                 "a finite number, 0 or more"};

/// One setting of an optimizer `O`, as O::settings() lists it: the name that files, reports and
/// messages have, the member that holds the value, the values that are allowed.
template <typename O>
struct Setting {
  std::string_view name;
  double O::*member;
  SettingRange range;
};
template <typename O>
Setting(std::string_view, double O::*, SettingRange) -> Setting<O>;

/// ConfigError "beta1 is 2, expected 0 to less than 1" where a setting is out of its range.
inline void check_setting(std::string_view name, double value, const SettingRange& range) {
  require(range.contains(value), [&] {
    std::array<char, 32> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const std::string_view told(digits.data(), static_cast<std::size_t>(end - digits.data()));
    return detail::concat({name, " is ", told, ", expected ", range.words});
  });
}

}  // namespace OCTAVO_NAMESPACE
