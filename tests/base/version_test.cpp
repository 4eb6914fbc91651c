// SPDX-License-Identifier: MIT

#include <string>

#include <doctest/doctest.h>

#include <octavo/base/version.hpp>

TEST_CASE("version: the text says what the numbers say") {
  const std::string from_numbers = std::to_string(octavo::version_major) + "." +
                                   std::to_string(octavo::version_minor) + "." +
                                   std::to_string(octavo::version_patch);
  CHECK(octavo::version_string == from_numbers);
}

TEST_CASE("version: macros and constants agree") {
  static_assert(octavo::version_major == OCTAVO_VERSION_MAJOR);
  static_assert(octavo::version_minor == OCTAVO_VERSION_MINOR);
  static_assert(octavo::version_patch == OCTAVO_VERSION_PATCH);
}
