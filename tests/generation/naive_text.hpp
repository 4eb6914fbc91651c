// SPDX-License-Identifier: MIT
// Stop strings and UTF-8 as they are defined, over a whole text, for comparison.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace naive_text {

/// The first place where one of the stops ends, searched over the whole text.
inline std::string cut_naively(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (std::string_view(text).substr(0, end).ends_with(stop)) {
        longest = std::max(longest, stop.size());
      }
    }
    if (longest > 0) return text.substr(0, end - longest);
  }
  return text;
}

/// What Python's bytes.decode("utf-8", "replace") gives, written down from the standard's table.
inline std::string replaced_naively(const std::string& text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0x100;
  };
  const auto in = [](int x, int a, int b) { return x >= a && x <= b; };
  struct Row {
    int a, b;                // first byte
    int second_a, second_b;  // second byte
    std::size_t length;
  };
  constexpr Row rows[] = {
      {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t good = 0;  // bytes that a character could begin with
    std::size_t length = 0;
    for (const Row& row : rows) {
      if (!in(byte(i), row.a, row.b)) continue;
      length = row.length;
      good = 1;
      if (length > 1 && in(byte(i + 1), row.second_a, row.second_b)) {
        good = 2;
        while (good < length && in(byte(i + good), 0x80, 0xBF)) ++good;
      }
    }
    if (good > 0 && good == length) {
      result += text.substr(i, length);
    } else {
      result += "\xEF\xBF\xBD";
    }
    i += std::max<std::size_t>(good, 1);
  }
  return result;
}

}  // namespace naive_text
