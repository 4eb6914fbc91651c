// SPDX-License-Identifier: MIT
#include <cfenv>
#include <string>

#include <doctest/doctest.h>

#include <octavo/formats/json_object.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

JsonObject object_of(const std::string& text, const detail::JsonLimits& limits = {}) {
  return JsonObject(source_named_x(text), limits);
}

/// What is said about the text, after the file's name.
std::string failure(const std::string& text, const detail::JsonLimits& limits = {}) {
  const std::string message = format_error([&] { object_of(text, limits); });
  constexpr std::string_view start = "cannot load 'x': ";
  return message.starts_with(start) ? message.substr(start.size()) : message;
}

}  // namespace

TEST_CASE("a file must be one JSON object, within limits") {
  CHECK(failure("{}") == "");
  for (const char* text : {"", "[]", "1", "{", "{} {}", "null", "{\"a\":1,}"}) {
    INFO(text);
    CHECK(failure(text) == "it is not a JSON object");
  }
  CHECK(failure(R"({"a":1,"a":2})") == "it names 'a' twice");
  detail::JsonLimits limits;
  limits.bytes = 3;
  CHECK(failure("{ }", limits) == "");
  CHECK(failure("{  }", limits) == "it has 4 bytes, expected at most 3");
}

TEST_CASE("whole numbers, which 12.0 is too, in their range") {
  const JsonObject object = object_of(
      R"({"n":12,"r":12.0,"h":12.5,"t":"12","z":null,"e":1e30,"m":-3,"b":true,"u":18446744073709551615})");
  CHECK(object.whole("n", 12, 12) == 12);
  CHECK(object.whole("r", 0, 20) == 12);
  CHECK(object.whole("m", -3, 20) == -3);
  CHECK(object.optional_whole("n", 0, 20) == 12);
  CHECK(!object.optional_whole("z", 0, 20));
  CHECK(!object.optional_whole("missing", 0, 20));
  const auto said = [&](const char* key) {
    return format_error([&] { object.whole(key, 0, 20); });
  };
  CHECK(said("h") == "cannot load 'x': 'h': got 12.5, expected 0 to 20");
  CHECK(said("t") == "cannot load 'x': 't': got '12' (a text), expected 0 to 20");
  CHECK(said("z") == "cannot load 'x': 'z' is missing, expected 0 to 20");
  CHECK(said("missing") == "cannot load 'x': 'missing' is missing, expected 0 to 20");
  CHECK(said("e") == "cannot load 'x': 'e': got 1e+30, expected 0 to 20");
  CHECK(said("m") == "cannot load 'x': 'm': got -3, expected 0 to 20");
  CHECK(said("b") == "cannot load 'x': 'b': got true, expected 0 to 20");
  CHECK(said("u") == "cannot load 'x': 'u': got 18446744073709551615, expected 0 to 20");
}

TEST_CASE("a demanded value may be missing, but not another") {
  const JsonObject object = object_of(R"({"a":1,"b":"gelu","c":"1","z":null})");
  object.demand("a", 1);
  object.demand("b", "gelu");
  object.demand("z", 5);
  object.demand("missing", 5);
  const auto said = [&](const char* key, const JsonObject::Json& value) {
    return format_error([&] { object.demand(key, value); });
  };
  CHECK(said("a", 2) == "cannot load 'x': 'a': got 1, expected 2");
  CHECK(said("b", "relu") == "cannot load 'x': 'b': got 'gelu', expected 'relu'");
  CHECK(said("b", true) == "cannot load 'x': 'b': got 'gelu' (a text), expected true");
  CHECK(said("c", 1) == "cannot load 'x': 'c': got '1' (a text), expected the number 1");
}

TEST_CASE("an object within is read as the whole, with longer names of its fields") {
  const JsonObject object =
      object_of(R"({"a": {"n": 3, "yes": true, "b": {"c": "x"}}, "null": null, "one": 1})");
  const JsonObject a = object.inner("a");
  CHECK(a.whole("n", 1, 3) == 3);
  CHECK(a.has("n"));
  CHECK_FALSE(a.has("one"));
  CHECK(a.truth("yes", false));
  CHECK(a.truth("no", true));
  CHECK_FALSE(object.truth("null", false));
  const auto said = [](auto body) { return format_error(body); };
  CHECK(said([&] { a.whole("n", 1, 2); }) == "cannot load 'x': 'a.n': got 3, expected 1 to 2");
  CHECK(said([&] { a.whole("m", 1, 2); }) == "cannot load 'x': 'a.m' is missing, expected 1 to 2");
  CHECK(said([&] { a.inner("b").truth("c", true); }) ==
        "cannot load 'x': 'a.b.c': got 'x' (a text), expected true or false");
  CHECK(said([&] { object.inner("one"); }) == "cannot load 'x': 'one': got 1, expected an object");
}

TEST_CASE("values are shown cut and printable") {
  CHECK(JsonObject::shown("a\n") == "'a\\x0a'");
  CHECK(JsonObject::shown(JsonObject::Json::array({1, 2})) == "[1,2]");
  CHECK(JsonObject::shown(JsonObject::Json(std::vector<int>(1000, 1))).size() < 100);
}

TEST_CASE("numbers are read alike whatever the host's rounding mode") {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    const JsonObject object = object_of(R"({"a":0.1})");
    const bool same_mode = std::fegetround() == mode;
    std::fesetround(FE_TONEAREST);
    CHECK(same_mode);
    CHECK(object.field("a").get<double>() == 0.1);
  }
}
