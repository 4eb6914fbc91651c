// SPDX-License-Identifier: MIT
// generate --interactive and --chat.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generate/line_editor.hpp"
#include "generate/options.hpp"

namespace generate {

/// Each line is a prompt or a message, to which the model replies, or a command starting with "/".
/// Every reply uses the next seed.
class Conversation {
 public:
  struct Command {
    std::string_view name;  ///< without "/"
    std::string_view value;
    std::string_view meaning;
    std::function<void(const std::string& name, const std::string& value)> change;
    std::function<std::string()> now;
    std::vector<std::string_view> other_names{};
  };

  /// Writes the reply to a line; the second argument says whether it was interrupted.
  using Reply = std::function<void(std::string line, const std::function<bool()>& interrupted)>;

  /// `greeting`: for a terminal.
  Conversation(support::GenerateOptions& options, Reply reply, std::string greeting);

  void add(Command command) { commands_.push_back(std::move(command)); }

  /// Runs until the input ends, or /quit.
  void run();

 private:
  void add_sampling_commands();
  void add_text_commands();
  void add_real(std::string_view name, std::string_view meaning, double& number,
                bool (*legal)(double), std::string_view expected,
                std::vector<std::string_view> other_names);
  void add_switch(std::string_view name, std::string_view meaning, bool& value);
  void obey(const std::string& line);
  void reply(std::string prompt);
  void print_help() const;

  support::GenerateOptions& options_;
  Reply reply_;
  std::string greeting_;
  std::vector<Command> commands_;
  LineEditor lines_;
};

}  // namespace generate
