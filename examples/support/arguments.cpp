// SPDX-License-Identifier: MIT
#include "support/arguments.hpp"

#include <algorithm>
#include <string_view>

#include <octavo/base/error.hpp>

namespace support {
namespace {

constexpr std::size_t longest_name = 32;

/// Edit distance: the number of letters to add, remove, change, or swap with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  unsigned char cost[longest_name + 1][longest_name + 1];
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      std::size_t least = std::max(i, j);
      if (i > 0 && j > 0) {
        least = std::min({cost[i - 1][j] + 1u, cost[i][j - 1] + 1u,
                          cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
          least = std::min(least, cost[i - 2][j - 2] + std::size_t{1});
        }
      }
      cost[i][j] = static_cast<unsigned char>(least);
    }
  }
  return cost[a.size()][b.size()];
}

/// The option whose name starts with `asked` or is similar; empty if there is none.
std::string nearest(const CLI::App& app, std::string_view asked) {
  const std::string_view name = asked.substr(std::min(asked.find_first_not_of('-'), asked.size()));
  if (name.size() > longest_name) return "";
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string found;
  const auto look = [&](const CLI::App& some) {
    for (const CLI::Option* option : some.get_options()) {
      for (const std::string& known : option->get_lnames()) {
        const bool begins = name.size() > 1 && known.starts_with(name);
        const std::size_t away = begins                         ? 1
                                 : known.size() <= longest_name ? distance(name, known)
                                                                : least;
        if (away >= least) continue;
        least = away;
        found = "--" + known;
      }
    }
  };
  look(app);
  for (const CLI::App* group : app.get_subcommands([](const CLI::App*) { return true; })) {
    look(*group);
  }
  return found;
}

/// Names of options in other programs.
struct OtherName {
  std::string_view theirs, ours;
};
constexpr OtherName other_names[] = {
    {"batch-size", "--batch"},
    {"block-size", "--context"},
    {"d-model", "--width"},
    {"embed", "--width"},
    {"epochs", "ITERATIONS"},
    {"eos", "--ignore-eos"},
    {"f", "--prompt-file"},
    {"file", "--data"},
    {"file", "--prompt-file"},
    {"ignore-end", "--ignore-eos"},
    {"i", "--interactive"},
    {"input", "--data"},
    {"iterations", "ITERATIONS"},
    {"iters", "ITERATIONS"},
    {"learning-rate", "--lr"},
    {"max-iters", "ITERATIONS"},
    {"max-new-tokens", "--tokens"},
    {"max-steps", "ITERATIONS"},
    {"max-tokens", "--tokens"},
    {"min-learning-rate", "--min-lr"},
    {"n", "--tokens"},
    {"n-embd", "--width"},
    {"n-head", "--heads"},
    {"n-layer", "--layers"},
    {"n-predict", "--tokens"},
    {"num-tokens", "--tokens"},
    {"out-dir", "--out"},
    {"outdir", "--out"},
    {"output", "--out"},
    {"output-dir", "--out"},
    {"outtype", "--type"},
    {"p", "--prompt"},
    {"r", "--stop"},
    {"repeat-last-n", "--repetition-window"},
    {"repeat-penalty", "--repetition-penalty"},
    {"reverse-prompt", "--stop"},
    {"steps", "ITERATIONS"},
    {"temp", "--temperature"},
    {"vocab-size", "--vocab"},
    {"weight-decay", "--decay"},
};

/// A hint for users of other programs; empty if there is none.
std::string hint_by_other_name(const CLI::App& app, std::string_view asked) {
  std::string name(asked.substr(std::min(asked.find_first_not_of('-'), asked.size())));
  std::replace(name.begin(), name.end(), '_', '-');
  for (const OtherName& other : other_names) {
    if (other.theirs != name || app.get_option_no_throw(std::string(other.ours)) == nullptr)
      continue;
    if (other.ours.starts_with('-')) return "did you mean '" + std::string(other.ours) + "'?";
    return "write " + std::string(other.ours) + " without a name before it, as in " +
           app.get_name() + " 2000";
  }
  return "";
}

std::string see_help(const CLI::App& app) { return "see " + app.get_name() + " --help"; }

[[noreturn]] void refuse_unknown(const CLI::App& app, std::string_view name) {
  std::string hint = hint_by_other_name(app, name);
  if (hint.empty()) {
    const std::string other = nearest(app, name);
    hint = other.empty() ? see_help(app) : "did you mean '" + other + "'?";
  }
  throw octavo::ConfigError("unknown option " + octavo::printable(name), hint);
}

/// Whether an argument can be a further value of an option with several values. A number is an
/// argument: write a file with such a name as "./5" or with "=".
bool is_further_value(std::string_view argument) {
  if (argument.empty() || argument == "-") return true;  // refused later; standard input
  return argument.front() != '-' &&
         argument.find_first_not_of("0123456789") != std::string_view::npos;
}

[[noreturn]] void refuse_empty(int argument) {
  throw octavo::ConfigError("argument " + std::to_string(argument) + " is empty", "leave it out");
}

}  // namespace

std::vector<std::string> checked_arguments(const CLI::App& app, int argc, const char* const* argv) {
  const auto option_of = [&](std::string_view argument) {
    return app.get_option_no_throw(std::string(argument.substr(0, argument.find('='))));
  };
  // CLI11 would take an empty second argument for a group of options, and loop forever.
  const bool groups = !app.get_subcommands([](const CLI::App*) { return true; }).empty();
  bool positional = false;
  std::vector<std::string> result;
  std::vector<const CLI::Option*> seen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.empty() && groups && positional) refuse_empty(i);
    if (argument == "--") {
      for (int rest = i + 1; rest < argc && groups; ++rest) {
        if (*argv[rest] == '\0' && positional) refuse_empty(rest);
        positional = true;
      }
      result.insert(result.end(), argv + i, argv + argc);
      break;
    }
    const bool negative = argument.size() > 1 && argument[1] >= '0' && argument[1] <= '9';
    if (argument.size() < 2 || argument[0] != '-' || negative) {
      result.emplace_back(argument);
      positional = true;
      continue;
    }
    if (argument == "-h" || argument == "--help" || argument == "--version") {
      return {std::string(argument)};
    }
    const std::size_t equals = argument.find('=');
    const std::string name(argument.substr(0, equals));
    const CLI::Option* option = option_of(name);
    if (option == nullptr) refuse_unknown(app, name);
    const bool repeatable = option->get_items_expected_max() > 1;
    const bool takes_several =  // add_names
        option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    if (!repeatable && std::find(seen.begin(), seen.end(), option) != seen.end()) {
      throw octavo::ConfigError(name + ": given twice, expected at most once",
                                "leave one of the two out");
    }
    seen.push_back(option);
    const bool may_have_value = option->get_items_expected_max() > 0;
    const bool must_have_value = may_have_value && option->get_items_expected_min() > 0;
    const std::string usage = "expected " + name + " " + option->get_type_name();
    if (equals != std::string_view::npos) {
      const std::string value(argument.substr(equals + 1));
      if (!may_have_value) {
        throw octavo::ConfigError(name + ": got " + octavo::printable(value) +
                                  ", expected no value");
      }
      if (!must_have_value) {
        if (value.empty()) throw octavo::ConfigError(name + ": got '', " + usage);
        result.emplace_back(argument);
      } else {
        result.push_back(name);
        result.push_back(value);
      }
      continue;
    }
    result.push_back(name);
    if (!must_have_value) continue;
    if (++i == argc) throw octavo::ConfigError(name + ": got no value, " + usage, see_help(app));
    const std::string_view value = argv[i];
    if (value.starts_with("--") && option_of(value) != nullptr) {
      throw octavo::ConfigError(
          name + ": got no value before " + octavo::printable(value) + ", " + usage,
          "if that is the value, write " + name + "=" + octavo::printable(value));
    }
    result.emplace_back(value);
    while (takes_several && i + 1 < argc && is_further_value(argv[i + 1])) {
      result.push_back(name);
      result.emplace_back(argv[++i]);
    }
  }
  std::reverse(result.begin(), result.end());
  return result;
}

void parse_arguments(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(checked_arguments(app, argc, argv));
  } catch (const CLI::ExtrasError&) {
    const std::vector<std::string> extra = app.remaining();
    const auto first = std::find_if(extra.begin(), extra.end(), [](const auto& one) {
      return one != "--";  // CLI11 counts it as a value
    });
    const std::string unexpected = first == extra.end() ? "--" : *first;
    const bool prompt = app.get_option_no_throw("--prompt") != nullptr &&
                        app.get_option_no_throw("--data") == nullptr;
    throw octavo::ConfigError("unexpected argument " + octavo::printable(unexpected),
                              prompt ? "to write on from it say --prompt " +
                                           octavo::printable(unexpected) + "; " + see_help(app)
                                     : see_help(app));
  } catch (const CLI::RequiredError& error) {
    throw octavo::ConfigError(error.what(), see_help(app));
  }
}

}  // namespace support
