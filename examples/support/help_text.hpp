// SPDX-License-Identifier: MIT
// The output of --help.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace support {

/// CLI11's help in 80 columns, with aligned descriptions broken between words.
class HelpText : public CLI::Formatter {
 public:
  static constexpr std::size_t columns = 80;

  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_description(const CLI::App* app) const override;
};

}  // namespace support
