// SPDX-License-Identifier: MIT
#include "support/option_words.hpp"

#include <algorithm>
#include <string_view>

namespace support {
namespace {

/// Settings of the library whose options have the same name.
constexpr std::string_view named_settings[] = {"data",   "document-end", "documents",
                                               "freeze", "token-file",   "val"};
/// Other words for settings in the library's errors, and the programs' options for them.
struct OptionWords {
  std::string_view words, option, ours;
};
constexpr OptionWords option_words[] = {
    {"train_last is ", "--train-last", "--train-last is "},
    {"choose another folder", "--out", "choose another --out"},
    {"name another for the tokens", "--token-file", "name another with --token-file"},
    {", or sequence ", "--sequence", ", or --sequence "},
    {"resume with rollbacks", "--rollback", "resume with --rollback"},
    {"name the same text, or allow another one", "--allow-corpus-change",
     "name the same text, or say --allow-corpus-change"},
};

}  // namespace

std::string with_options(std::string text, const std::vector<std::string>& options) {
  const auto has = [&](std::string_view option) {
    return std::find(options.begin(), options.end(), option) != options.end();
  };
  for (const std::string_view setting : named_settings) {
    if (text.starts_with(std::string(setting) + ": ")) text.insert(0, "--");
  }
  for (const OptionWords& one : option_words) {
    const std::size_t at = has(one.option) ? text.find(one.words) : text.npos;
    if (at != text.npos) text.replace(at, one.words.size(), one.ours);
  }
  return text;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (std::string& name : options_of(*part)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace support
