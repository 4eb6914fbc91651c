// SPDX-License-Identifier: MIT
// generate --interactive.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/line_editor.hpp"
#include "generate/writer.hpp"

namespace generate {

/// Each line is a separate prompt, which the model continues, or a command starting with "/". Every
/// reply uses the next seed.
class Conversation {
 public:
  Conversation(support::GenerateOptions& options, Writer& writer);

  /// Runs until the input ends, or /quit.
  void run();

 private:
  struct Command {
    std::string_view name;  ///< without "/"
    std::string_view value;
    std::string_view meaning;
    std::function<void(const std::string& name, const std::string& value)> change;
    std::function<std::string()> now;
    std::vector<std::string_view> other_names{};
  };

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
  Writer& writer_;
  std::vector<Command> commands_;
  LineEditor lines_;
};

}  // namespace generate
