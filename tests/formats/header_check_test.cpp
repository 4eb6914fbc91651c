// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/formats/header_check.hpp>

using namespace octavo;
using octavo::detail::HeaderCheck;
using octavo::detail::JsonLimits;

namespace {

/// What is wrong with JSON by these limits.
std::string wrong(std::string_view json, const JsonLimits& limits = {}) {
  HeaderCheck check("the list", limits);
  const bool sound = nlohmann::json::sax_parse(json, &check);
  CHECK(sound == check.wrong().empty());
  return check.wrong();
}

}  // namespace

TEST_CASE("a name twice in one object is refused, in two objects it is not") {
  CHECK(wrong(R"({"a": 1, "b": {"a": 2}, "c": {"a": 3}})") == "");
  CHECK(wrong(R"({"a": 1, "b": 2, "a": 3})") == "the list names 'a' twice");
  CHECK(wrong(R"({"a": {"b": 1, "b": 2}})") == "the list names 'b' twice");
  CHECK(wrong(R"({"a\n": 1, "a\u000a": 2})") == "the list names 'a\\x0a' twice");
}

TEST_CASE("limits are the most that is allowed") {
  JsonLimits limits;
  limits.names = 2;
  CHECK(wrong(R"({"a": 1, "b": 2})", limits) == "");
  CHECK(wrong(R"({"a": 1, "b": 2, "c": 3})", limits) == "the list has more than 2 names");
  CHECK(wrong(R"({"a": {"b": {"c": 3}}})", limits) == "the list has more than 2 names");

  limits = {};
  limits.values = 4;  // lists and objects count
  CHECK(wrong("[1, [], 3]", limits) == "");
  CHECK(wrong("[1, [], 3, {}]", limits) == "the list has more than 4 values");
  CHECK(wrong(R"([null, true, -1, "a"])", limits) == "the list has more than 4 values");
  CHECK(wrong("[1, 2, 3, 1.5]", limits) == "the list has more than 4 values");

  limits = {};
  limits.nested = 2;
  CHECK(wrong("[[1], [2]]", limits) == "");
  CHECK(wrong("[[1], [[2]]]", limits) == "the list nests deeper than 2");
}

TEST_CASE("what is not JSON is no fault of its content") {
  HeaderCheck check;
  CHECK(!nlohmann::json::sax_parse(R"({"a": )", &check));
  CHECK(check.wrong() == "");
}

TEST_CASE("a number of more than 100 digits is found outside texts alone") {
  using octavo::detail::has_long_number;
  const std::string hundred(100, '1');
  CHECK(!has_long_number(""));
  CHECK(!has_long_number("[" + hundred + "]"));
  CHECK(has_long_number("[" + hundred + "1]"));
  CHECK(!has_long_number("[" + hundred + ".1]"));
  CHECK(!has_long_number("\"" + hundred + "1\""));
  CHECK(!has_long_number("\"\\\"" + hundred + "1\""));
  CHECK(has_long_number("\"\\\\\"" + hundred + "1"));  // the backslash is escaped, not the quote
}
