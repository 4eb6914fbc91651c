// SPDX-License-Identifier: MIT

#include <octavo/base/error.hpp>
#include <octavo/base/version.hpp>

int main() {
  const octavo::ConfigError error("width: got 7, expected a multiple of 4");
  const bool works = octavo::version_string != nullptr && error.code() == octavo::ErrorCode::usage;
  return works ? 0 : 1;
}
