// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// Patterns of tensors' names, with commas between them: "attention, blocks.1.*.bias". A pattern
/// matches a name that contains it; * stands for any letters. A value of a fixed size, usable in
/// constant expressions.
class NamePatterns {
 public:
  static constexpr std::size_t longest = 255;

  constexpr NamePatterns() = default;
  /// ConfigError on more than `longest` bytes.
  constexpr NamePatterns(std::string_view text) : size_(text.size()) {
    require(size_ <= longest, [&] {
      return detail::concat(
          {"patterns of names: got ", size_, " bytes, expected at most ", longest});
    });
    std::copy(text.begin(), text.end(), text_.begin());
  }
  constexpr NamePatterns(const char* text) : NamePatterns(std::string_view(text)) {}

  constexpr std::string_view text() const noexcept { return {text_.data(), size_}; }
  friend constexpr bool operator==(const NamePatterns&, const NamePatterns&) = default;

  /// Calls visit(pattern) for each pattern that is not empty.
  template <typename Visit>
  constexpr void for_each(Visit visit) const {
    std::string_view rest = text();
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view pattern = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (pattern.starts_with(' ')) pattern.remove_prefix(1);
      while (pattern.ends_with(' ')) pattern.remove_suffix(1);
      if (!pattern.empty()) visit(pattern);
    }
  }

  /// Whether one of the patterns matches.
  constexpr bool matches(std::string_view name) const {
    bool any = false;
    for_each([&](std::string_view pattern) { any = any || matches(name, pattern); });
    return any;
  }

  /// Whether the name contains the pattern. The pieces between its stars are searched in order;
  /// taking the first place of each piece leaves the most text for the others.
  static constexpr bool matches(std::string_view name, std::string_view pattern) {
    while (!pattern.empty()) {
      const std::size_t star = std::min(pattern.find('*'), pattern.size());
      const std::string_view piece = pattern.substr(0, star);
      const std::size_t found = name.find(piece);
      if (found == name.npos) return false;
      name.remove_prefix(found + piece.size());
      pattern.remove_prefix(std::min(star + 1, pattern.size()));
    }
    return true;
  }

 private:
  std::array<char, longest> text_{};
  std::size_t size_ = 0;
};

/// The patterns as text.
inline std::string value_text(const NamePatterns& patterns) { return std::string(patterns.text()); }

}  // namespace OCTAVO_NAMESPACE
