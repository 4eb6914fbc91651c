// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>

namespace OCTAVO_NAMESPACE {

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

}  // namespace OCTAVO_NAMESPACE
