// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <locale.h>
#include <string>
#include <string_view>
#include <system_error>
#include <version>
#if defined(__APPLE__) || defined(__FreeBSD__)
#include <xlocale.h>
#endif

#include <octavo/base/abi.hpp>
#include <octavo/base/float_environment.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

OCTAVO_INLINE std::size_t count_digits(std::string_view text) noexcept;

/// Length in bytes of the number at the start of `text`, as std::from_chars reads it, except for
/// NaN with a payload; 0 if `text` does not start with a number.
OCTAVO_INLINE std::size_t number_size(std::string_view text) noexcept;

/// std::from_chars for a double, by functions of the C library: libc++ before 20 has none for
/// doubles.
OCTAVO_INLINE std::from_chars_result double_from_text(std::string_view text, double& value);

}  // namespace detail

/// Reads the number at the start of `text` as std::from_chars does: the same digits give the same
/// bits in every locale and rounding mode. Leaves `value` unchanged on an error.
template <typename Number>
requires std::integral<Number> || std::same_as<Number, double> std::from_chars_result parse_number(
    std::string_view text, Number& value) {
  const FloatEnvironment environment;
#if !defined(__cpp_lib_to_chars)
  if constexpr (std::same_as<Number, double>)
    return detail::double_from_text(text, value);
  else
#endif
    return std::from_chars(text.data(), text.data() + text.size(), value);
}

/// As above, but all of `text` must be a number. Returns whether it is.
template <typename Number>
bool parse_whole(std::string_view text, Number& value) {
  const auto [end, error] = parse_number(text, value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE std::size_t count_digits(std::string_view text) noexcept {
  const std::size_t end = text.find_first_not_of("0123456789");
  return end == text.npos ? text.size() : end;
}

OCTAVO_INLINE std::size_t number_size(std::string_view text) noexcept {
  std::size_t size = text.starts_with('-') ? 1 : 0;
  const auto begins_with = [&](std::string_view word) {
    if (text.size() - size < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if ((text[size + i] | 0x20) != word[i]) return false;
    }
    return true;
  };
  for (const std::string_view word : {"infinity", "inf", "nan"}) {
    if (begins_with(word)) return size + word.size();
  }
  const std::size_t whole = count_digits(text.substr(size));
  size += whole;
  std::size_t fraction = 0;
  if (text.substr(size).starts_with('.')) {
    fraction = count_digits(text.substr(size + 1));
    if (whole + fraction > 0) size += 1 + fraction;
  }
  if (whole + fraction == 0) return 0;
  if (size < text.size() && (text[size] | 0x20) == 'e') {
    const bool sign = text.find_first_of("+-", size + 1) == size + 1;
    const std::size_t digits = count_digits(text.substr(std::min(text.size(), size + 1 + sign)));
    if (digits > 0) size += 1 + sign + digits;
  }
  return size;
}

OCTAVO_INLINE std::from_chars_result double_from_text(std::string_view text, double& value) {
  const std::size_t size = number_size(text);
  if (size == 0) return {text.data(), std::errc::invalid_argument};
  const std::string digits(text.substr(0, size));  // zero-terminated
  const locale_t c_locale = newlocale(LC_ALL_MASK, "C", locale_t{});
  const double read = strtod_l(digits.c_str(), nullptr, c_locale);
  freelocale(c_locale);
  const std::string_view mantissa = std::string_view(digits).substr(0, digits.find_first_of("eE"));
  const bool zero = mantissa.find_first_of("123456789iInN") == mantissa.npos;
  const bool infinite = digits.find_first_of("iI") != digits.npos;
  if ((std::isinf(read) && !infinite) || (read == 0 && !zero)) {
    return {text.data() + size, std::errc::result_out_of_range};
  }
  value = read;
  return {text.data() + size, std::errc{}};
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
