// SPDX-License-Identifier: MIT
// Lines as the arguments of train_full: they are refused with an error of CLI11's or ours, or they
// make options that fit each other.
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>

#include "fuzz/fuzz.hpp"
#include "support/arguments.hpp"
#include "train_full/options.hpp"

namespace {

/// The program's command line, to be used many times: each use begins with nothing asked.
class CommandLine {
 public:
  support::FullOptions resolved(const std::vector<std::string>& arguments) {
    asked_ = nothing_asked_;
    std::vector<const char*> argv{"train_full"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    support::parse_arguments(app_, static_cast<int>(argv.size()), argv.data());
    return asked_.resolve();
  }

  std::vector<std::string> option_names() const {
    std::vector<std::string> names;
    add_names(app_, names);
    return names;
  }

 private:
  static void add_names(const CLI::App& app, std::vector<std::string>& names) {
    for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
    for (const CLI::App* group : app.get_subcommands([](const CLI::App*) { return true; })) {
      add_names(*group, names);
    }
  }

  CLI::App app_{"", "train_full"};
  support::FullCommandLine asked_{app_};
  const support::FullCommandLine nothing_asked_ = asked_;
  CLI::Option* version_ = app_.set_version_flag("--version", "octavo");
};

/// CLI11 keeps a list of all that it has parsed, so that a new one is made now and then.
CommandLine& command_line() {
  static std::optional<CommandLine> one;
  static int uses = 0;
  if (uses++ % 1000 == 0) one.emplace();
  return *one;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void check(const support::FullOptions& options) {
  const octavo::TrainingOptions& training = options.training;
  octavo::ModelConfig config = options.config;
  config.vocabulary = 1;
  octavo::check_config(config);
  fuzz::demand(training.steps > 0 && training.batch > 0 && training.accumulate > 0 &&
                   training.micro_batch > 0 && training.warmup >= 0 && training.sequence > 0 &&
                   training.sequence <= config.context,
               "sizes that make no run are taken");
  fuzz::demand(training.learning_rate > 0 && std::isfinite(training.learning_rate) &&
                   training.min_lr >= 0 && training.clip >= 0 && training.dropout >= 0 &&
                   training.dropout < 1,
               "rates that make no run are taken");
}

constexpr std::array values{"0",    "1",   "2",  "8",      "64",    "-1",   "2147483647",
                            "1e-3", "0.9", "1",  "1e308",  "1e999", "nan",  "inf",
                            "-0",   "",    "--", "double", "relu",  "lion", "9223372036854775807",
                            "adam", "sgd", "=",  "64MiB",  "1e3",   "0x10", "9223372036854775808",
                            "true", "off", "-t", "GELU",   "5abc",  " 5",   "99999999999999999999"};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::vector<std::string> arguments = lines_of(fuzz::text_of(bytes, size));
  try {
    check(command_line().resolved(arguments));
  } catch (const CLI::ParseError&) {  // --help and --version among them
  } catch (const octavo::Error&) {
  }
  return 0;
}

/// Lines with options of the program and values that may fit them, or just bytes.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  static const std::vector<std::string> names = command_line().option_names();
  fuzz::Choices choices(seed);
  if (choices.one_in(2)) return LLVMFuzzerMutate(bytes, size, most);
  std::vector<std::string> lines = lines_of(fuzz::text_of(bytes, size));
  const auto at = [&] {
    return lines.begin() + static_cast<std::ptrdiff_t>(choices.below(lines.size() + 1));
  };
  if (!lines.empty() && choices.one_in(3)) lines.erase(lines.begin() + (at() - lines.begin()) / 2);
  const auto added = lines.insert(at(), choices.one_of(names));
  const std::string value = choices.one_of(values);
  if (choices.one_in(3)) {
    *added += "=" + value;
  } else if (choices.one_in(2)) {
    lines.insert(added + 1, value);
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return fuzz::give(text, bytes, size, most);
}
