// SPDX-License-Identifier: MIT
// What --help prints.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace support {

/// CLI11's help in 80 columns: descriptions are broken between words, their lines below each other.
class HelpText : public CLI::Formatter {
 public:
  static constexpr std::size_t columns = 80;

  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_description(const CLI::App* app) const override;
};

}  // namespace support
