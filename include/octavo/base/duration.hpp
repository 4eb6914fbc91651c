// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/base/parse_number.hpp>

namespace OCTAVO_NAMESPACE {

/// The longest duration that parse_duration accepts: a year, in seconds.
inline constexpr double longest_duration = 366.0 * 24 * 3600;

/// The seconds of a text such as "90s", "10min", "1.5h" or "2d". ConfigError if it is not a
/// duration with a unit, or not in 1 second to a year.
inline double parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr Unit units[] = {{"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 24 * 3600}};
  const auto refuse = [&](const char* why) {
    throw ConfigError(detail::concat({"got ", printable(text), ", expected ", why}));
  };
  double value = 0;
  const auto [end, error] = parse_number(text, value);
  const std::string_view unit =
      error == std::errc{} ? text.substr(static_cast<std::size_t>(end - text.data())) : text;
  const auto found = std::find_if(std::begin(units), std::end(units),
                                  [&](const Unit& one) { return one.name == unit; });
  if (error != std::errc{} || found == std::end(units) || !std::isfinite(value)) {
    refuse("a time such as 90s, 10min or 2h");
  }
  const double seconds = value * found->seconds;
  if (!(seconds >= 1) || !(seconds <= longest_duration)) refuse("1 second to a year");
  return seconds;
}

/// "90 s", "10 min", "1.5 h", "2 d": in the largest unit of which it is at least two, or one
/// exactly.
inline std::string readable_duration(double seconds) {
  const auto in = [&](double unit, const char* name) {
    return detail::concat({FormattedNumber::general(seconds / unit, 3), ' ', name});
  };
  const auto suits = [&](double unit) { return seconds >= 2 * unit || seconds == unit; };
  if (suits(24 * 3600)) return in(24 * 3600, "d");
  if (suits(3600)) return in(3600, "h");
  return suits(60) ? in(60, "min") : in(1, "s");
}

}  // namespace OCTAVO_NAMESPACE
