// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <octavo/tokenizers/bpe_training.hpp>

namespace OCTAVO_NAMESPACE {

/// Messages of a run to the program. Every member may be empty. The library itself prints nothing.
struct RunCallbacks {
  /// A line for the user, without a line feed.
  std::function<void(const std::string&)> say = {};
  /// A problem that does not end the run: a message, and a hint, which may be empty.
  std::function<void(const std::string& message, const std::string& hint)> warn = {};
  /// Called between training and other work (saving, reading, listing folders), when a program can
  /// return unused memory to the system.
  std::function<void()> pause = {};
  /// Progress of reading a text: the purpose ("reading"), bytes done, bytes in total. May throw to
  /// stop.
  std::function<void(std::string_view purpose, std::size_t done, std::size_t all)> reading = {};
  /// Progress of learning byte pairs. May throw to stop.
  std::function<void(const BpeProgress&)> learning = {};

  void message(const std::string& line) const {
    if (say) say(line);
  }
  void warning(const std::string& text, const std::string& hint = "") const {
    if (warn) warn(text, hint);
  }
  void paused() const {
    if (pause) pause();
  }
};

}  // namespace OCTAVO_NAMESPACE
