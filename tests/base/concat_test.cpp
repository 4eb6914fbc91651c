// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/concat.hpp>

namespace {

using octavo::detail::concat;

TEST_CASE("parts of every kind stand one behind the other") {
  const std::string word = "word";
  const std::string_view part = std::string_view(word).substr(1, 2);
  CHECK(concat({"a ", word, ' ', part, ": got ", 3, ", expected ", -4L}) ==
        "a word or: got 3, expected -4");
}

TEST_CASE("the numbers at both ends of their types are written whole") {
  CHECK(concat({std::numeric_limits<std::uint64_t>::max()}) == "18446744073709551615");
  CHECK(concat({std::numeric_limits<std::int64_t>::min()}) == "-9223372036854775808");
  CHECK(concat({std::numeric_limits<std::int32_t>::min(), ' ',
                std::numeric_limits<std::uint8_t>::max(), ' ', 0}) == "-2147483648 255 0");
}

TEST_CASE("no parts, and empty ones, add nothing; a zero within a text stays") {
  CHECK(concat({}).empty());
  CHECK(concat({"", std::string(), std::string_view()}).empty());
  CHECK(concat({std::string_view("a\0b", 3), '\0'}) == std::string("a\0b\0", 4));
}

}  // namespace

TEST_CASE("what is counted is one, or several") {
  CHECK(octavo::counted(1, "byte") == "1 byte");
  CHECK(octavo::counted(0, "byte") == "0 bytes");
  CHECK(octavo::counted(std::size_t{2}, "token") == "2 tokens");
  CHECK(octavo::counted(-1L, "step") == "-1 steps");
}
