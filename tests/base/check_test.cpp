// SPDX-License-Identifier: MIT

#include <string>

#include <doctest/doctest.h>

#include <octavo/base/check.hpp>

using namespace octavo;

TEST_CASE("require: a met condition neither throws nor builds its message") {
  int calls = 0;
  require(true, [&] {
    ++calls;
    return std::string("unused");
  });
  CHECK(calls == 0);
  CHECK_NOTHROW(require(true, "unused"));
}

TEST_CASE("require: a broken condition throws ConfigError with the message") {
  CHECK_THROWS_WITH_AS(require(false, "heads: got 0, expected at least 1"),
                       "heads: got 0, expected at least 1", ConfigError);
  CHECK_THROWS_WITH_AS(require(false, [] { return std::string("built on demand"); }),
                       "built on demand", ConfigError);
}

TEST_CASE("require: usable in a constant expression") {
  constexpr auto checked = [](int number) {
    require(number > 0, "number must be positive");
    return number;
  };
  static_assert(checked(3) == 3);
}

TEST_CASE("require_equal: names the size, what it is and what it should be") {
  CHECK_NOTHROW(require_equal("width", 8, 8));
  CHECK_THROWS_WITH_AS(require_equal("width", -1, 128), "width: got -1, expected 128", ConfigError);
}

TEST_CASE("OCTAVO_ASSERT: evaluated in debug builds only") {
  int calls = 0;
  OCTAVO_ASSERT(++calls == 1);
#if defined(NDEBUG)
  CHECK(calls == 0);
#else
  CHECK(calls == 1);
#endif
}
