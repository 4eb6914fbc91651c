// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <octavo/base/write_number.hpp>

namespace {

template <typename... Arguments>
std::string written(Arguments... arguments) {
  char text[64];
  return {text, octavo::write_number(text, text + sizeof(text), arguments...).ptr};
}
template <typename... Arguments>
std::string printed(Arguments... arguments) {
  char text[64];
  return {text, octavo::detail::print_number(text, text + sizeof(text), arguments...).ptr};
}

constexpr double numbers[] = {0,
                              1,
                              -1,
                              0.1,
                              1.0 / 3,
                              123456.789,
                              1e-7,
                              2.5e20,
                              1e100,
                              -1e9,
                              5e-324,
                              1.7976931348623157e308,
                              0.30000000000000004};

}  // namespace

TEST_CASE("numbers as std::to_chars writes them") {
  CHECK(written(17) == "17");
  CHECK(written(std::uint64_t{18446744073709551615U}) == "18446744073709551615");
  CHECK(written(0.1) == "0.1");
  CHECK(written(1.0 / 3, std::chars_format::general, 4) == "0.3333");
  CHECK(written(2.0 / 3, std::chars_format::fixed, 2) == "0.67");
}

TEST_CASE("printf in its place: the same digits") {
  for (const double number : numbers) {
    CAPTURE(number);
    CHECK(printed(number) == written(number));
    CHECK(printed(-number) == written(-number));
    const auto narrow = static_cast<float>(number);
    if (narrow < std::numeric_limits<float>::max()) CHECK(printed(narrow) == written(narrow));
    CHECK(printed(number, std::chars_format::general, 6) ==
          written(number, std::chars_format::general, 6));
    if (number < 1e20) {
      CHECK(printed(number, std::chars_format::fixed, 3) ==
            written(number, std::chars_format::fixed, 3));
    }
  }
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto number = octavo::bit_cast<double>(state);
    const auto narrow = octavo::bit_cast<float>(static_cast<std::uint32_t>(state >> 32));
    if (number == number) CHECK(printed(number) == written(number));
    if (narrow == narrow) CHECK(printed(narrow) == written(narrow));
  }
  CHECK(printed(std::numeric_limits<double>::infinity()) == "inf");
  char text[3];
  CHECK(octavo::detail::print_number(text, text + 3, 0.125).ec == std::errc::value_too_large);
}
