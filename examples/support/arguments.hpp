// SPDX-License-Identifier: MIT
// What CLI11 would refuse in words of its own, or take for something else than was meant.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace support {

/// The command line for app.parse(): last argument first, each option apart from its value.
/// ConfigError, with the nearest option as a hint, for an option that is unknown, comes twice
/// though it takes one value, lacks its value, or has one where none is taken. From --help or
/// --version on nothing is checked.
std::vector<std::string> checked_arguments(const CLI::App& app, int argc, const char* const* argv);

/// app.parse() of those; what is then still wrong becomes a ConfigError too.
void parse_arguments(CLI::App& app, int argc, const char* const* argv);

}  // namespace support
