// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cfenv>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/parse_number.hpp>

#include "comma_locale.hpp"

using octavo::parse_number;
using octavo::parse_whole;

namespace {

/// The two ways to read a double: what parse_number takes here, and what it takes with libc++.
using Reader = std::from_chars_result (*)(std::string_view, double&);
constexpr Reader readers[] = {&parse_number<double>, &octavo::detail::double_from_text};

std::string shortest(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

struct Case {
  std::string_view text;
  std::string_view rest;  ///< what is left behind the number
  double value;
};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Case cases[] = {
    {"0", "", 0.0},
    {"17", "", 17.0},
    {"-2.5e-3x", "x", -2.5e-3},
    {"1.5 GiB", " GiB", 1.5},
    {".5", "", 0.5},
    {"5.", "", 5.0},
    {"1e", "e", 1.0},
    {"1e+", "e+", 1.0},
    {"1E5", "", 1e5},
    {"3,5", ",5", 3.0},
    {"0x10", "x10", 0.0},
    {"-inf", "", -infinity},
    {"INFINITYs", "s", infinity},
    {"1.7976931348623157e308", "", std::numeric_limits<double>::max()},
    {"2.2250738585072011e-308", "", 0x0.fffffffffffffp-1022},
    {"5e-324", "", 0x0.0000000000001p-1022},
    {"9007199254740993", "", 9007199254740992.0},
    {"9007199254740993.00000000000000000000000001", "", 9007199254740994.0},
    {"0e999999999", "", 0.0},
};

void check_cases() {
  for (const Reader read : readers) {
    for (const Case& c : cases) {
      INFO(c.text);
      double value = -1;
      const auto [end, error] = read(c.text, value);
      CHECK(error == std::errc{});
      CHECK(std::string_view(end, c.text.data() + c.text.size()) == c.rest);
      CHECK(std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(c.value));
    }
  }
}

}  // namespace

TEST_CASE("the number that a text begins with is read, by whichever means") { check_cases(); }

TEST_CASE("a locale whose decimal point is a comma changes nothing") {
  const octavo_test::CommaLocale comma;
  if (comma) check_cases();
}

TEST_CASE("the host's rounding mode changes nothing") {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    double tenth = 0, large = 0;
    parse_number("0.1", tenth);
    parse_number("-123456789.123e-7", large);
    const int after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    CHECK(tenth == 0.1);
    CHECK(large == -123456789.123e-7);
    CHECK(after == mode);
  }
}

TEST_CASE("what begins with no number, or one too large or small, leaves the value alone") {
  for (const Reader read : readers) {
    for (const std::string_view text : {"", " 1", "+1", "-", ".", "-.", "e5", "x", "in", ",5"}) {
      INFO(text);
      double value = 7;
      CHECK(read(text, value).ec == std::errc::invalid_argument);
      CHECK(read(text, value).ptr == text.data());
      CHECK(value == 7);
    }
    for (const std::string_view text : {"1e309", "-1e309", "1e-400", "1e999999999999"}) {
      INFO(text);
      double value = 7;
      CHECK(read(text, value).ec == std::errc::result_out_of_range);
      CHECK(value == 7);
    }
    double number = 0;
    CHECK(read("nan", number).ec == std::errc{});
    CHECK(std::isnan(number));
  }
}

TEST_CASE("every double comes back from its shortest digits") {
  std::uint64_t bits = 1;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    const auto number = std::bit_cast<double>(bits);
    if (!std::isfinite(number)) continue;
    const std::string text = shortest(number);
    for (const Reader read : readers) {
      double value = 0;
      read(text, value);
      REQUIRE(std::bit_cast<std::uint64_t>(value) == bits);
    }
  }
}

TEST_CASE("all of a text must be a number where it is asked for") {
  double real = 0;
  CHECK(parse_whole("2.5", real));
  CHECK(real == 2.5);
  CHECK_FALSE(parse_whole("2.5 ", real));
  CHECK_FALSE(parse_whole("", real));
  int whole = 0;
  CHECK(parse_whole("-25", whole));
  CHECK(whole == -25);
  CHECK_FALSE(parse_whole("2.5", whole));
  CHECK_FALSE(parse_whole("99999999999", whole));
}
