// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/parallel/phase_clock.hpp>

namespace OCTAVO_NAMESPACE {

/// What a step spends in each phase, as a table of milliseconds and shares: `phase_times(clock,
/// steps, phase::names)`. steps: as many as the clock has timed, at least 1. A phase without time
/// is left out.
inline std::string phase_times(const PhaseClock& clock, Index steps,
                               std::span<const std::string_view> names) {
  double all = 0;
  for (std::size_t i = 0; i < names.size(); ++i) all += clock.seconds(static_cast<int>(i));
  const auto right = [](std::string_view text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ').append(text);
  };
  const auto milliseconds = [&](double seconds) {
    return right(FormattedNumber::fixed(seconds * 1000 / static_cast<double>(steps), 3), 11);
  };
  std::string text = "  ms a step  share  phase\n";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double seconds = clock.seconds(static_cast<int>(i));
    if (seconds == 0) continue;
    const FormattedNumber share = FormattedNumber::fixed(100 * seconds / all, 1, "%");
    text += detail::concat({milliseconds(seconds), right(share, 7), "  ", names[i], "\n"});
  }
  return text + detail::concat({milliseconds(all), "         in all\n"});
}

}  // namespace OCTAVO_NAMESPACE
