// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <octavo/base/config.hpp>
#include <octavo/base/write_number.hpp>

namespace OCTAVO_NAMESPACE {

/// A number as text, in fixed memory, cut after 31 bytes. The text is the same in every locale.
/// (printf and std::to_string write a decimal comma if the host has set a locale with one.)
class FormattedNumber {
 public:
  FormattedNumber() = default;

  /// Formats of whole numbers, as in printf.
  template <std::integral... Numbers>
  explicit FormattedNumber(const char* format, Numbers... numbers) noexcept {
    std::snprintf(text_.data(), text_.size(), format, numbers...);
  }

  /// With `digits` digits after the point, as "%.*f": "1.700". A number that is too long is
  /// formatted as by general().
  static FormattedNumber fixed(double value, int decimals, std::string_view unit = "") noexcept;

  /// With `digits` significant digits, as "%.*g": "1.7", "1.2e-07".
  static FormattedNumber general(double value, int digits, std::string_view unit = "") noexcept;

  /// A whole number with a comma between groups of three digits: "7,491,008".
  template <std::integral Number>
  static FormattedNumber grouped(Number value) noexcept {
    FormattedNumber result;
    std::array<char, 24> digits;
    const auto end = write_number(digits.data(), digits.data() + digits.size(), value).ptr;
    char* out = result.text_.data();
    for (const char* at = digits.data(); at != end; ++at) {
      *out++ = *at;
      if (*at != '-' && at + 1 != end && (end - at) % 3 == 1) *out++ = ',';
    }
    *out = '\0';
    return result;
  }

  operator std::string_view() const noexcept { return text_.data(); }
  Index size() const noexcept { return static_cast<Index>(std::string_view(*this).size()); }

 private:
  bool set(double value, std::chars_format format, int digits, std::string_view unit) noexcept;

  std::array<char, 32> text_{};
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE FormattedNumber FormattedNumber::fixed(double value, int decimals,
                                                     std::string_view unit) noexcept {
  FormattedNumber result;
  if (!result.set(value, std::chars_format::fixed, decimals, unit)) return general(value, 6, unit);
  return result;
}

OCTAVO_INLINE FormattedNumber FormattedNumber::general(double value, int digits,
                                                       std::string_view unit) noexcept {
  FormattedNumber result;
  result.set(value, std::chars_format::general, digits, unit);
  return result;
}

OCTAVO_INLINE bool FormattedNumber::set(double value, std::chars_format format, int digits,
                                        std::string_view unit) noexcept {
  char* const last = text_.data() + text_.size() - 1;
  const auto [end, error] = write_number(text_.data(), last, value, format, digits);
  if (error != std::errc{}) {
    text_ = {};
    return false;
  }
  const auto room = static_cast<std::size_t>(last - end);
  *std::copy_n(unit.data(), std::min(unit.size(), room), end) = '\0';
  return true;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
