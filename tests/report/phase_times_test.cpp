// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include <doctest/doctest.h>

#include <octavo/report/phase_times.hpp>

namespace {

TEST_CASE("a table of phases") {
  constexpr std::array<std::string_view, 3> names{"one", "never", "between"};
  octavo::PhaseClock clock(2);
  clock.enter(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  clock.leave();
  const std::string text = octavo::phase_times(clock, 4, names);
  CAPTURE(text);
  CHECK(text.starts_with("  ms a step  share  phase\n"));
  CHECK(text.find("never") == std::string::npos);
  const std::size_t line = text.find("%  one\n");
  REQUIRE(line != std::string::npos);
  const double milliseconds = std::stod(text.substr(text.find('\n') + 1));
  CHECK(milliseconds >= 5);  // 20 ms in 4 steps
  CHECK(std::stod(text.substr(line - 5)) > 90);
  CHECK(text.ends_with("         in all\n"));
}

}  // namespace
