// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/tensor/name_patterns.hpp>

using namespace octavo;

static_assert(NamePatterns("attn").matches("h.0.attn.weight"));
static_assert(!NamePatterns().matches("h.0.attn.weight"));

TEST_CASE("a pattern matches a name that contains it, a star any letters") {
  const auto matches = [](const char* pattern, const char* name) {
    return NamePatterns::matches(name, pattern);
  };
  CHECK(matches("h.1.", "h.1.bias"));
  CHECK_FALSE(matches("h.1.", "h.11.bias"));
  CHECK(matches("h.*.bias", "h.11.attn.bias"));
  CHECK_FALSE(matches("h.*.bias", "bias.h."));
  CHECK(matches("*", ""));
  CHECK(matches("a*a", "xaxa"));
  CHECK_FALSE(matches("a*a", "a"));
  CHECK(matches("a**b*", "a-b"));
  CHECK_FALSE(matches("weight", "weigh"));
}

TEST_CASE("several patterns stand between commas, with spaces around them") {
  const NamePatterns patterns(" wte , h.0.,,bias");
  CHECK(patterns.matches("wte.weight"));
  CHECK(patterns.matches("h.0.gain"));
  CHECK(patterns.matches("h.1.bias"));
  CHECK_FALSE(patterns.matches("h.1.gain"));
  int count = 0;
  patterns.for_each([&](std::string_view) { ++count; });
  CHECK(count == 3);
  CHECK_FALSE(NamePatterns(" , ").matches("anything"));
}

TEST_CASE("patterns that are too long are refused") {
  CHECK(NamePatterns(std::string(255, 'x')).text().size() == 255);
  CHECK_THROWS_WITH_AS(NamePatterns(std::string(256, 'x')),
                       "patterns of names: got 256 bytes, expected at most 255", ConfigError);
}
