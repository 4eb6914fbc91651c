// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Doubles and floats as std::to_chars writes them, by printf: for C++ libraries without it, which
/// is LLVM's before version 14. (In a locale with a decimal comma it would write one.)
inline std::to_chars_result print_number(char* first, char* last, double value,
                                         std::chars_format format, int precision) {
  char text[400];  // the largest number has 309 digits
  const char* const letters = format == std::chars_format::fixed        ? "%.*f"
                              : format == std::chars_format::scientific ? "%.*e"
                                                                        : "%.*g";
  const int size = std::snprintf(text, sizeof(text), letters, precision, value);
  if (size < 0 || size >= static_cast<int>(sizeof(text)) || size > last - first) {
    return {last, std::errc::value_too_large};
  }
  std::memcpy(first, text, static_cast<std::size_t>(size));
  return {first + size, std::errc{}};
}

/// The fewest digits from which the number can be restored, in the shorter of both notations.
template <std::floating_point Number>
std::to_chars_result print_number(char* first, char* last, Number value) {
  const auto wide = static_cast<double>(value);
  int digits = 1, exponent = 0;
  for (const int most = sizeof(Number) == sizeof(float) ? 9 : 17; digits <= most; ++digits) {
    char text[40] = {};
    print_number(text, text + sizeof(text) - 1, wide, std::chars_format::scientific, digits - 1);
    const char* const power = std::strchr(text, 'e');
    exponent = power == nullptr ? 0 : std::atoi(power + 1);
    Number again = 0;
    if constexpr (sizeof(Number) == sizeof(float)) {
      again = std::strtof(text, nullptr);
    } else {
      again = std::strtod(text, nullptr);
    }
    if (again == value) break;
  }
  char plain[400], scientific[40];
  const auto fixed = print_number(plain, plain + sizeof(plain), wide, std::chars_format::fixed,
                                  std::max(0, digits - 1 - exponent));
  const auto power = print_number(scientific, scientific + sizeof(scientific), wide,
                                  std::chars_format::scientific, digits - 1);
  const bool shorter = power.ptr - scientific < fixed.ptr - plain;
  const char* const begin = shorter ? scientific : plain;
  const std::ptrdiff_t size = (shorter ? power.ptr : fixed.ptr) - begin;
  if (size > last - first) return {last, std::errc::value_too_large};
  std::memcpy(first, begin, static_cast<std::size_t>(size));
  return {first + size, std::errc{}};
}

}  // namespace detail

/// std::to_chars: the same digits in every locale. arguments: a number, and if it is not whole
/// maybe a format and a precision.
template <typename... Arguments>
std::to_chars_result write_number(char* first, char* last, Arguments... arguments) {
  if constexpr (requires { std::to_chars(first, last, arguments...); }) {
    return std::to_chars(first, last, arguments...);
  } else {
    return detail::print_number(first, last, arguments...);
  }
}

}  // namespace OCTAVO_NAMESPACE
