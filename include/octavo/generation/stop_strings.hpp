// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>

namespace OCTAVO_NAMESPACE {

/// Finds the first of several stop strings in a text that arrives byte by byte, and holds back
/// bytes that may be the start of one (Knuth, Morris, Pratt 1977, for each string). Bytes held back
/// are a prefix of a stop string, so they need no buffer: no heap call after construction.
class StopStrings {
 public:
  StopStrings() = default;

  /// ConfigError if a stop string is empty.
  explicit StopStrings(std::span<const std::string> strings) {
    for (const std::string& text : strings) add_string(text);
  }
  /// `StopStrings({"\n", "User:"})`.
  explicit StopStrings(std::initializer_list<std::string_view> strings) {
    for (const std::string_view text : strings) add_string(text);
  }

  bool stopped() const noexcept { return stopped_; }

  /// Calls write(std::string_view) with the bytes that are now known not to belong to a stop
  /// string, in order. Returns false if the byte completes a stop string: the text ends before it
  /// (before the longest, if several end here), and nothing more is written.
  template <typename Write>
  [[nodiscard]] bool add(char byte, Write&& write) {
    if (stopped_) return false;
    const std::size_t held = held_;
    std::size_t found = 0;
    std::size_t longest = 0;
    const std::size_t holder = holder_;
    for (std::size_t i = 0; i < strings_.size(); ++i) {
      One& one = strings_[i];
      one.advance(byte);
      if (one.matched == one.text.size()) found = std::max(found, one.matched);
      if (one.matched > longest) longest = one.matched, holder_ = i;
    }
    stopped_ = found > 0;
    held_ = stopped_ ? found : longest;
    // held + 1 bytes are pending, of which the last held_ stay.
    const std::size_t free = held + 1 - held_;
    if (held > 0 && free > 0) {
      write(std::string_view(strings_[holder].text).substr(0, std::min(held, free)));
    }
    if (free > held) write(std::string_view(&byte, 1));
    return !stopped_;
  }

  /// At the end of the text: writes the bytes held back, which are not a stop string.
  template <typename Write>
  void finish(Write&& write) {
    if (!stopped_ && held_ > 0) {
      write(std::string_view(strings_[holder_].text).substr(0, held_));
    }
    reset();
  }

  /// Starts another text.
  void reset() noexcept {
    for (One& one : strings_) one.matched = 0;
    held_ = 0;
    stopped_ = false;
  }

 private:
  struct One {
    std::string text;
    std::vector<std::size_t>
        border;  ///< for the first i + 1 bytes: the longest proper prefix that is also a suffix
    std::size_t matched;  ///< length of the longest prefix of `text` at the end of the text so far

    void advance(char byte) noexcept {
      if (matched == text.size()) matched = border[matched - 1];
      while (matched > 0 && text[matched] != byte) matched = border[matched - 1];
      if (text[matched] == byte) ++matched;
    }
  };

  void add_string(std::string_view text) {
    require(!text.empty(), "stop string: got '', expected at least one byte");
    strings_.push_back({std::string(text), borders(text), 0});
  }

  static std::vector<std::size_t> borders(std::string_view text) {
    std::vector<std::size_t> border(text.size(), 0);
    for (std::size_t i = 1; i < text.size(); ++i) {
      std::size_t length = border[i - 1];
      while (length > 0 && text[length] != text[i]) length = border[length - 1];
      border[i] = text[length] == text[i] ? length + 1 : 0;
    }
    return border;
  }

  std::vector<One> strings_;
  std::size_t holder_ = 0;  ///< the string whose prefix is held back
  std::size_t held_ = 0;    ///< length of that prefix
  bool stopped_ = false;
};

}  // namespace OCTAVO_NAMESPACE
