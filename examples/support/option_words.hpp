// SPDX-License-Identifier: MIT
// Replaces the settings named in the library's errors by a program's options.
#pragma once

#include <string>
#include <vector>

#include "support/arguments.hpp"

namespace support {

/// The long names of all options, "--seed".
std::vector<std::string> options_of(const CLI::App& app);

/// A message or hint of the library with the program's `options` in place of settings.
std::string with_options(std::string text, const std::vector<std::string>& options);

}  // namespace support
