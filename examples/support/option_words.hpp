// SPDX-License-Identifier: MIT
// The library's errors name settings; a program names its options for them.
#pragma once

#include <string>
#include <vector>

#include "support/arguments.hpp"

namespace support {

/// The long names of all options, "--seed".
std::vector<std::string> options_of(const CLI::App& app);

/// A message or hint of the library's, with the program's `options` for the settings that it names.
std::string with_options(std::string text, const std::vector<std::string>& options);

}  // namespace support
