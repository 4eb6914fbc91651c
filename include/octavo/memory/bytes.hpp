// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/base/write_number.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

[[noreturn]] OCTAVO_SETUP inline void refuse_byte_count() {
  throw ConfigError(sizeof(std::size_t) == 8
                        ? "a byte count exceeds 2^64: the model or batch is too large"
                        : "a byte count exceeds 2^32: the model or batch is too large");
}

}  // namespace detail

/// a + b; ConfigError if the sum overflows.
constexpr std::size_t checked_add(std::size_t a, std::size_t b) {
  if (a > std::numeric_limits<std::size_t>::max() - b) detail::refuse_byte_count();
  return a + b;
}

/// a * b; ConfigError if the product overflows.
constexpr std::size_t checked_multiply(std::size_t a, std::size_t b) {
  if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b) detail::refuse_byte_count();
  return a * b;
}

/// A count as a number of bytes or a factor of one; ConfigError if it has too many bits.
constexpr std::size_t checked_count(Index count) {
  if (count < 0) throw ConfigError("a count of numbers is negative");
  const auto number = static_cast<std::uint64_t>(count);
  if (number > std::uint64_t{std::numeric_limits<std::size_t>::max()}) detail::refuse_byte_count();
  return static_cast<std::size_t>(count);
}

/// The bytes of `count` numbers of type T.
template <typename T>
constexpr std::size_t bytes_of(Index count) {
  return checked_multiply(checked_count(count), sizeof(T));
}

/// The next multiple of the arena's alignment (64 bytes).
constexpr std::size_t align_up(std::size_t bytes) {
  return checked_add(bytes, alignment_bytes - 1) / alignment_bytes * alignment_bytes;
}

/// Reads "30MB", "1.5 GiB" or "4000000": a number, then one of B, kB, MB, GB, TB (powers of 1000),
/// KiB, MiB, GiB, TiB (powers of 1024), or nothing for bytes. Case does not matter. ConfigError for
/// any other text.
OCTAVO_INLINE std::size_t parse_bytes(std::string_view text);

/// "960 B", "4.97 MB", "1.20 GB": decimal units, three digits.
OCTAVO_INLINE std::string readable_bytes(std::size_t bytes);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::size_t parse_bytes(std::string_view text) {
  const auto refuse = [&](const char* why) {
    throw ConfigError(detail::concat({"got ", printable(text), ", expected ", why}));
  };
  double value = 0;
  const auto [end, error] = parse_number(text, value);
  std::string unit;
  for (const char* at = end; error == std::errc{} && at != text.data() + text.size(); ++at) {
    if (*at == ' ' && unit.empty()) continue;
    unit += *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
  }
  constexpr std::string_view units[] = {"b", "kb",  "mb",  "gb",  "tb",
                                        "",  "kib", "mib", "gib", "tib"};
  const auto found = std::find(std::begin(units), std::end(units), unit);
  if (error != std::errc{} || found == std::end(units) || !std::isfinite(value)) {
    refuse("a size such as 30MB, 1.5GiB or 4000000");
  }
  const auto power = found - std::begin(units);
  value *= power < 5 ? std::pow(1000.0, power) : std::pow(1024.0, power - 5);
  if (!(value >= 1)) refuse("at least 1 byte");
  if (!(value < 0x1p62)) refuse("less than 2^62 bytes");
  return static_cast<std::size_t>(value);
}

OCTAVO_INLINE std::string readable_bytes(std::size_t bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 999.5) {
    value /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  char text[32];  // not printf, whose decimal point depends on the locale
  char* const end = write_number(text, std::end(text), value, std::chars_format::fixed, digits).ptr;
  return std::string(text, end).append(" ").append(units[unit]);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
