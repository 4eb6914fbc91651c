// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// A double as std::to_chars writes it, by printf: for C++ libraries without it, which is LLVM's
/// before version 14. (In a locale with a decimal comma it would write one.)
inline std::to_chars_result print_number(char* first, char* last, const char* format, int precision,
                                         double value) {
  char text[64];
  const int size = std::snprintf(text, sizeof(text), format, precision, value);
  if (size < 0 || size >= static_cast<int>(sizeof(text)) || size > last - first) {
    return {last, std::errc::value_too_large};
  }
  std::memcpy(first, text, static_cast<std::size_t>(size));
  return {first + size, std::errc{}};
}
inline std::to_chars_result print_number(char* first, char* last, double value,
                                         std::chars_format format, int precision) {
  const bool fixed = format == std::chars_format::fixed;
  return print_number(first, last, fixed ? "%.*f" : "%.*g", precision, value);
}
/// The fewest digits from which the number can be restored.
inline std::to_chars_result print_number(char* first, char* last, double value) {
  for (int digits = 1; digits < 17; ++digits) {
    char text[64];
    *print_number(text, text + sizeof(text) - 1, "%.*g", digits, value).ptr = '\0';
    if (std::strtod(text, nullptr) == value) {
      return print_number(first, last, "%.*g", digits, value);
    }
  }
  return print_number(first, last, "%.*g", 17, value);
}

}  // namespace detail

/// std::to_chars: the same digits in every locale. arguments: a number, and for a double maybe a
/// format and a precision.
template <typename... Arguments>
std::to_chars_result write_number(char* first, char* last, Arguments... arguments) {
  if constexpr (requires { std::to_chars(first, last, arguments...); }) {
    return std::to_chars(first, last, arguments...);
  } else {
    return detail::print_number(first, last, arguments...);
  }
}

}  // namespace OCTAVO_NAMESPACE
