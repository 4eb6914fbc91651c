// SPDX-License-Identifier: MIT
// Reads lines from a terminal or a pipe.
#pragma once

#include <memory>
#include <string>

namespace generate {

/// Reads lines. On a terminal it shows a prompt, and lines can be edited if Octavo was built with
/// libedit and TERM is not "dumb": arrow keys, a history of the session, the keys of Emacs, and the
/// settings of the user's ~/.editrc. Otherwise lines are read directly, without a prompt.
class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Whether standard input and output are a terminal.
  bool on_terminal() const noexcept { return on_terminal_; }

  /// Reads the next line, without its end. False at the end of the input, which is also Ctrl-D or
  /// Ctrl-C on an empty line (with libedit Ctrl-C first clears a nonempty line), and if the prompt
  /// cannot be written.
  bool read(std::string& line);

 private:
  class Libedit;
  bool read_plainly(std::string& line) const;

  bool on_terminal_;
  std::unique_ptr<Libedit> libedit_;  ///< null: lines are read directly
};

/// While an object of this class exists, Ctrl-C sets a flag instead of ending the program.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  /// Whether Ctrl-C was pressed; false if no such object exists.
  static bool raised() noexcept;
  static void lower() noexcept;
};

}  // namespace generate
