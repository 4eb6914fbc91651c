// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

namespace octavo {

/// a + b, or ConfigError where the sum does not fit.
constexpr std::size_t checked_add(std::size_t a, std::size_t b) {
  if (a > std::numeric_limits<std::size_t>::max() - b) {
    throw ConfigError("a byte count exceeds 2^64: the model or batch is too large");
  }
  return a + b;
}

/// a * b, or ConfigError where the product does not fit.
constexpr std::size_t checked_multiply(std::size_t a, std::size_t b) {
  if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b) {
    throw ConfigError("a byte count exceeds 2^64: the model or batch is too large");
  }
  return a * b;
}

/// The bytes of `count` numbers of type T.
template <typename T>
constexpr std::size_t bytes_of(Index count) {
  if (count < 0) throw ConfigError("a count of numbers is negative");
  return checked_multiply(static_cast<std::size_t>(count), sizeof(T));
}

/// The next multiple of the arena's alignment (64 bytes).
constexpr std::size_t align_up(std::size_t bytes) {
  return checked_add(bytes, alignment_bytes - 1) / alignment_bytes * alignment_bytes;
}

/// "960 B", "4.97 MB", "1.20 GB": decimal units, three digits.
inline std::string readable_bytes(std::size_t bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 999.5) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text, sizeof(text), "%.*f %s", digits, value, units[unit]);
  return text;
}

}  // namespace octavo
