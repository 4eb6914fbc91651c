// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/base/duration.hpp>

TEST_CASE("durations are read with a unit") {
  CHECK(octavo::parse_duration("90s") == 90);
  CHECK(octavo::parse_duration("10min") == 600);
  CHECK(octavo::parse_duration("10m") == 600);
  CHECK(octavo::parse_duration("1.5h") == 5400);
  CHECK(octavo::parse_duration("2d") == 172'800);
  CHECK(octavo::parse_duration("1s") == 1);
  CHECK(octavo::parse_duration("366d") == octavo::longest_duration);
}

TEST_CASE("what is no duration is refused with the reason") {
  const auto message = [](const char* text) -> std::string {
    try {
      static_cast<void>(octavo::parse_duration(text));
    } catch (const octavo::ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  for (const char* text : {"", "10", "min", "10 min", "10mins", "s10", "nan s", "infs", "1e999s"}) {
    CHECK(message(text) ==
          "got '" + std::string(text) + "', expected a time such as 90s, 10min or 2h");
  }
  for (const char* text : {"0s", "0.5s", "-1min", "367d", "1e300s"}) {
    CHECK(message(text) == "got '" + std::string(text) + "', expected 1 second to a year");
  }
}

TEST_CASE("durations are told in the largest unit that suits") {
  CHECK(octavo::readable_duration(1) == "1 s");
  CHECK(octavo::readable_duration(60) == "1 min");
  CHECK(octavo::readable_duration(90) == "90 s");
  CHECK(octavo::readable_duration(150) == "2.5 min");
  CHECK(octavo::readable_duration(600) == "10 min");
  CHECK(octavo::readable_duration(3600) == "1 h");
  CHECK(octavo::readable_duration(172'800) == "2 d");
}
