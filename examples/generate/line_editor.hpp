// SPDX-License-Identifier: MIT
// Lines that a user types at a terminal, or that come from a pipe.
#pragma once

#include <memory>
#include <string>

namespace generate {

/// Reads lines. On a terminal it shows a prompt, and edits the line by libedit where Octavo was
/// built with it and TERM is not "dumb": arrow keys, a history of the session, the keys of Emacs,
/// and what the user's ~/.editrc says. Anywhere else lines are read as they come, and no prompt is
/// shown.
class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Whether somebody sits there: standard input and output are a terminal.
  bool on_terminal() const noexcept { return on_terminal_; }

  /// The next line, without its end. False at the end of the input, which Ctrl-D or Ctrl-C on an
  /// empty line are too (with libedit Ctrl-C first empties a line that is not), and where the
  /// prompt cannot be written.
  bool read(std::string& line);

 private:
  class Libedit;
  bool read_plainly(std::string& line) const;

  bool on_terminal_;
  std::unique_ptr<Libedit> libedit_;  ///< null: lines are read as they come
};

/// While one of these is there, Ctrl-C raises a flag instead of ending the program.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  /// Whether Ctrl-C has come; false where no flag is there.
  static bool raised() noexcept;
  static void lower() noexcept;
};

}  // namespace generate
