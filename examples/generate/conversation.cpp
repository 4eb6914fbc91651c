// SPDX-License-Identifier: MIT
#include "generate/conversation.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>

namespace generate {
namespace {

using octavo::Index;

constexpr Index most_tokens = std::numeric_limits<std::int32_t>::max();

/// Replaces "\n" and similar escapes, because a line end cannot be typed.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    const bool known = next == 'n' || next == 't' || next == '\\';
    if (known) ++i;
    result += next == 'n' ? '\n' : next == 't' ? '\t' : text[i];
  }
  return result;
}

bool is_one_of(const std::string& line, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), line) != words.end();
}

std::string shown(double number) {
  return std::string(std::string_view(octavo::FormattedNumber::general(number, 6)));
}

}  // namespace

Conversation::Conversation(support::GenerateOptions& options, Reply reply, std::string greeting)
    : options_(options), reply_(std::move(reply)), greeting_(std::move(greeting)) {
  add_sampling_commands();
  add_text_commands();
}

void Conversation::run() {
  std::optional<InterruptFlag> interrupt;
  if (lines_.on_terminal()) {
    interrupt.emplace();
    support::print(greeting_ + ", or /help. Ctrl-C ends a text, Ctrl-D the program.\n");
  }
  std::string line;
  while (lines_.read(line)) {
    if (is_one_of(line, {"/quit", "/exit", "/bye"})) return;
    try {
      const bool is_command = line.starts_with('/') && !line.starts_with("//");
      is_command ? obey(line) : reply(line.starts_with("//") ? line.substr(1) : line);
    } catch (const octavo::Error& error) {
      std::printf("%s\n", error.what());
    }
    InterruptFlag::lower();
  }
  if (lines_.on_terminal()) support::print("\n");
}

void Conversation::reply(std::string prompt) {
  reply_(std::move(prompt), [] { return InterruptFlag::raised(); });
  ++options_.seed;
}

void Conversation::obey(const std::string& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string name = line.substr(1, space - 1);
  const std::string value = space == line.size() ? "" : line.substr(space + 1);
  if (is_one_of(name, {"help", "?"})) return print_help();
  for (const Command& command : commands_) {
    const auto& others = command.other_names;
    if (name != command.name && std::find(others.begin(), others.end(), name) == others.end()) {
      continue;
    }
    return command.change("/" + name, value);
  }
  throw octavo::ConfigError("unknown command " + octavo::printable("/" + name) + "; try /help");
}

void Conversation::add_real(std::string_view name, std::string_view meaning, double& number,
                            bool (*legal)(double), std::string_view expected,
                            std::vector<std::string_view> other_names) {
  commands_.push_back(
      {name, "X", meaning,
       [&number, legal, expected](const std::string& command, const std::string& value) {
         number = support::parse_real(command, value, legal, expected);
       },
       [&number] { return shown(number); }, std::move(other_names)});
}

void Conversation::add_switch(std::string_view name, std::string_view meaning, bool& value) {
  commands_.push_back({name, "on|off", meaning,
                       [&value](const std::string& command, const std::string& text) {
                         if (!is_one_of(text, {"on", "off"})) {
                           throw octavo::ConfigError(command + ": got " + octavo::printable(text) +
                                                     ", expected on or off");
                         }
                         value = text == "on";
                       },
                       [&value] { return std::string(value ? "on" : "off"); }});
}

void Conversation::add_sampling_commands() {
  octavo::Sampling& sampling = options_.sampling;
  const auto whole = [&](std::string_view name, std::string_view meaning, Index& number,
                         Index least, std::vector<std::string_view> other_names) {
    commands_.push_back({name, "N", meaning,
                         [&number, least](const std::string& command, const std::string& value) {
                           number = support::parse_integer(command, value, least, most_tokens);
                         },
                         [&number] { return std::to_string(number); }, std::move(other_names)});
  };
  add_real("temp", "temperature, 0 is greedy", sampling.temperature, support::temperature_is_legal,
           "a number, 0 or more", {"temperature"});
  whole("topk", "the N likeliest only, 0 is all", sampling.top_k, 0, {"top-k", "top_k"});
  add_real("topp", "the likeliest of total probability X", sampling.top_p, support::top_p_is_legal,
           "more than 0, at most 1", {"top-p", "top_p"});
  add_real("minp", "tokens X times as likely as the likeliest", sampling.min_p,
           support::min_p_is_legal, "0 to 1", {"min-p", "min_p"});
  add_real("rep", "repetition penalty, 1 is none", sampling.repetition_penalty,
           support::penalty_is_legal, "a number > 0",
           {"repetition-penalty", "repeat-penalty", "repeat_penalty"});
  whole("window", "tokens that the penalty looks back on, -1 is all", sampling.repetition_window,
        -1, {"repetition-window", "repeat-last-n", "repeat_last_n"});
  whole("len", "tokens to write", options_.tokens, 1, {"tokens", "n", "num_predict"});
}

void Conversation::add_text_commands() {
  commands_.push_back({"seed", "N", "of the next reply; each reply has the next one",
                       [this](const std::string& command, const std::string& value) {
                         options_.seed = static_cast<std::uint64_t>(support::parse_integer(
                             command, value, 0, std::numeric_limits<Index>::max()));
                       },
                       [this] { return std::to_string(options_.seed); }});
  commands_.push_back({"stop", "TEXT",
                       "a text ends before this too, \\n is a line end; alone: none",
                       [this](const std::string&, const std::string& value) {
                         if (value.empty()) return options_.stops.clear();
                         options_.stops.push_back(unescaped(value));
                       },
                       [this] { return octavo::counted(std::ssize(options_.stops), "text"); }});
  add_switch("special", "names of special tokens are these tokens", options_.special);
  add_switch("ignore-eos", "go on after the model's end of a text", options_.ignore_end);
}

void Conversation::print_help() const {
  std::string help;
  const auto add = [&](std::string left, std::string_view meaning) {
    left.resize(std::max<std::size_t>(left.size() + 1, 19), ' ');
    help += left;
    help += meaning;
    help += '\n';
  };
  for (const Command& command : commands_) {
    add("/" + std::string(command.name) + " " + std::string(command.value),
        std::string(command.meaning) + " (" + command.now() + ")");
  }
  add("/help", "this");
  add("/quit", "leave, as Ctrl-D does");
  add("//TEXT", "a text that begins with /");
  if (lines_.on_terminal()) add("Ctrl-C", "end the text that is being written, or this line");
  support::print(help);
}

}  // namespace generate
