// SPDX-License-Identifier: MIT
#include <limits>

#include <doctest/doctest.h>

#include <octavo/memory/bytes.hpp>

using namespace octavo;

static_assert(bytes_of<float>(3) == 12 && bytes_of<double>(0) == 0);
static_assert(align_up(63) == 64 && align_up(65) == 128);

TEST_CASE("byte arithmetic refuses to overflow") {
  constexpr std::size_t most = ~std::size_t{0};
  CHECK_THROWS_AS(checked_add(most, 1), ConfigError);
  CHECK_THROWS_AS(checked_multiply(most / 2, 3), ConfigError);
  CHECK_THROWS_AS(align_up(most - 3), ConfigError);
  CHECK_THROWS_AS(bytes_of<float>(-1), ConfigError);
  CHECK(align_up(0) == 0);
  CHECK(align_up(1) == 64);
  CHECK(align_up(64) == 64);
}

TEST_CASE("bytes are told with three digits") {
  CHECK(readable_bytes(0) == "0 B");
  CHECK(readable_bytes(999) == "999 B");
  CHECK(readable_bytes(1000) == "1.00 kB");
  CHECK(readable_bytes(4'970'123) == "4.97 MB");
  CHECK(readable_bytes(49'970'123) == "50.0 MB");
  CHECK(readable_bytes(999'900) == "1.00 MB");
  CHECK(readable_bytes(~std::size_t{0}) == "18.4 EB");
}

TEST_CASE("byte arithmetic accepts everything that fits") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK(checked_add(most - 1, 1) == most);
  CHECK(checked_multiply(most / 2, 2) == most - 1);
  CHECK(checked_multiply(most, 0) == 0);
  CHECK(checked_multiply(0, most) == 0);
  CHECK(align_up(most - 63) == most - 63);
  CHECK_THROWS_AS(bytes_of<double>(std::numeric_limits<Index>::max()), ConfigError);
}

TEST_CASE("units change where three digits no longer hold the number") {
  CHECK(readable_bytes(1) == "1 B");
  CHECK(readable_bytes(1'004) == "1.00 kB");
  CHECK(readable_bytes(1'006) == "1.01 kB");
  CHECK(readable_bytes(9'994) == "9.99 kB");
  CHECK(readable_bytes(9'996) == "10.0 kB");
  CHECK(readable_bytes(99'940) == "99.9 kB");
  CHECK(readable_bytes(99'960) == "100 kB");
  CHECK(readable_bytes(999'499) == "999 kB");
  CHECK(readable_bytes(999'501) == "1.00 MB");
  CHECK(readable_bytes(1'200'000'000) == "1.20 GB");
}

TEST_CASE("sizes are read with decimal and binary units") {
  CHECK(parse_bytes("4000000") == 4'000'000);
  CHECK(parse_bytes("30MB") == 30'000'000);
  CHECK(parse_bytes("30 mb") == 30'000'000);
  CHECK(parse_bytes("1KB") == 1000);
  CHECK(parse_bytes("1.5GiB") == 1'610'612'736);
  CHECK(parse_bytes("256KiB") == 262'144);
  CHECK(parse_bytes("2TiB") == std::size_t{2} << 40);
  CHECK(parse_bytes("7B") == 7);
}

TEST_CASE("what is no size is refused, with what was got") {
  for (const char* text : {"", "MB", "12XB", "1e99TB", "0", "-5", "0.2", "nan", "inf", "1 2MB",
                           "5M", "0x10", "1e400", "5MB ", "1,5GB", "9e18TB"}) {
    INFO(text);
    CHECK_THROWS_WITH_AS(parse_bytes(text), doctest::Contains("got "), ConfigError);
  }
  CHECK_THROWS_WITH(parse_bytes("12XB"),
                    "got '12XB', expected a size such as 30MB, 1.5GiB or 4000000");
  for (const char* text : {"nan", "inf", "-inf"}) {
    const std::string expected = ", expected a size such as 30MB, 1.5GiB or 4000000";
    CHECK_THROWS_WITH(parse_bytes(text), ("got " + printable(text) + expected).c_str());
  }
  CHECK_THROWS_WITH(parse_bytes("-5"), "got '-5', expected at least 1 byte");
  CHECK_THROWS_WITH(parse_bytes("1e99TB"), "got '1e99TB', expected less than 2^62 bytes");
}
