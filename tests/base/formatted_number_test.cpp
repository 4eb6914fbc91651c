// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/formatted_number.hpp>

#include "comma_locale.hpp"

using namespace octavo;

namespace {

std::string text(const FormattedNumber& number) { return std::string(std::string_view(number)); }

void check_cases() {
  CHECK(text(FormattedNumber::fixed(1.7, 3)) == "1.700");
  CHECK(text(FormattedNumber::fixed(-0.0625, 2)) == "-0.06");
  CHECK(text(FormattedNumber::fixed(2.5, 0)) == "2");  // to even
  CHECK(text(FormattedNumber::fixed(12.5, 1, " MB")) == "12.5 MB");
  CHECK(text(FormattedNumber::general(1.7, 6)) == "1.7");
  CHECK(text(FormattedNumber::general(1.2e-7, 6)) == "1.2e-07");
  CHECK(text(FormattedNumber::general(1e20, 3, "/s")) == "1e+20/s");
  CHECK(text(FormattedNumber("%5d of %d", 7, 12)) == "    7 of 12");
}

}  // namespace

TEST_CASE("numbers are written with the digits that are asked for") { check_cases(); }

TEST_CASE("a locale whose decimal point is a comma changes nothing") {
  const octavo_test::CommaLocale comma;
  check_cases();
  CHECK(text(FormattedNumber::grouped(1234567)) == "1,234,567");
}

TEST_CASE("whole numbers have a comma between groups of three digits") {
  CHECK(text(FormattedNumber::grouped(0)) == "0");
  CHECK(text(FormattedNumber::grouped(999)) == "999");
  CHECK(text(FormattedNumber::grouped(1000)) == "1,000");
  CHECK(text(FormattedNumber::grouped(-999)) == "-999");
  CHECK(text(FormattedNumber::grouped(-123456)) == "-123,456");
  CHECK(text(FormattedNumber::grouped(7'491'008)) == "7,491,008");
  CHECK(text(FormattedNumber::grouped(std::numeric_limits<std::int64_t>::min())) ==
        "-9,223,372,036,854,775,808");
  CHECK(text(FormattedNumber::grouped(std::numeric_limits<std::uint64_t>::max())) ==
        "18,446,744,073,709,551,615");
}

TEST_CASE("what is too long is cut, or written with fewer digits; there is always an end") {
  CHECK(text(FormattedNumber::fixed(1e300, 2)) == "1e+300");
  CHECK(text(FormattedNumber::fixed(1, 2, std::string(100, 'u'))) == "1.00" + std::string(27, 'u'));
  CHECK(text(FormattedNumber::general(std::nan(""), 6)) == "nan");
  CHECK(text(FormattedNumber::fixed(std::numeric_limits<double>::infinity(), 1)) == "inf");
  CHECK(text(FormattedNumber()).empty());
  CHECK(FormattedNumber::grouped(1000).size() == 5);
}
