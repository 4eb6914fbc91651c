// SPDX-License-Identifier: MIT
// Checks the command line before CLI11, which has other messages or would misinterpret some
// arguments.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace support {

/// The command line for app.parse(): last argument first, each option separate from its value.
/// ConfigError, with the nearest option as a hint, for an option that is unknown, occurs twice
/// although it takes one value, lacks its value, or has a value although it takes none. Nothing is
/// checked after --help or --version.
std::vector<std::string> checked_arguments(const CLI::App& app, int argc, const char* const* argv);

/// Calls app.parse() and converts its errors to ConfigError.
void parse_arguments(CLI::App& app, int argc, const char* const* argv);

}  // namespace support
