// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <octavo/tokenizers/bpe_training.hpp>

namespace OCTAVO_NAMESPACE {

/// What a run tells the program around its training. Every member may be empty: then nothing is
/// told. The library prints nothing by itself.
struct RunCallbacks {
  /// A line for people, without its line end.
  std::function<void(const std::string&)> say = {};
  /// What went wrong without ending the run: a message, and a hint, which may be empty.
  std::function<void(const std::string& message, const std::string& hint)> warn = {};
  /// Between training and other work (saving, reading, looking at folders): a moment at which a
  /// program that counts its bytes can give idle memory back to the system.
  std::function<void()> pause = {};
  /// While a text is read: what for ("reading"), bytes done, bytes in all. May throw to end it.
  std::function<void(std::string_view purpose, std::size_t done, std::size_t all)> reading = {};
  /// While byte pairs are learned. May throw to end it.
  std::function<void(const BpeProgress&)> learning = {};

  void told(const std::string& line) const {
    if (say) say(line);
  }
  void warned(const std::string& message, const std::string& hint = "") const {
    if (warn) warn(message, hint);
  }
  void paused() const {
    if (pause) pause();
  }
};

}  // namespace OCTAVO_NAMESPACE
