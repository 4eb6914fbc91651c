// SPDX-License-Identifier: MIT
#include "support/help_text.hpp"

#include <algorithm>
#include <string_view>

namespace support {
namespace {

constexpr std::size_t margin = 2;        ///< before an option's name
constexpr std::size_t group = 2;         ///< CLI11's indentation of a group of options
constexpr std::size_t names_width = 26;  ///< margin included

/// Breaks `text` between words into lines of at most `width` columns; all lines but the first start
/// with `indent` spaces, which do not count. A longer word gets its own line.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool line_ends = end < text.size() && text[end] == '\n';
    if (used > 0 && used + 1 + word.size() > width) {
      result += '\n' + std::string(indent, ' ');
      used = 0;
    } else if (used > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += word.size();
    if (line_ends) {
      result += '\n' + std::string(indent, ' ');
      used = 0;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

}  // namespace

std::string HelpText::make_option(const CLI::Option* option, bool is_positional) const {
  std::string line(margin, ' ');
  line += make_option_name(option, is_positional) + make_option_opts(option);
  const std::string description = make_option_desc(option);
  if (description.empty()) return line + "\n";
  if (line.size() + 2 > names_width) {
    line += '\n';
    line += std::string(names_width, ' ');
  } else {
    line.resize(names_width, ' ');
  }
  return line + wrapped(description, columns - names_width - group, names_width) + "\n";
}

std::string HelpText::make_description(const CLI::App* app) const {
  return wrapped(CLI::Formatter::make_description(app), columns - group, 0);
}

}  // namespace support
