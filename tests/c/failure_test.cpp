// SPDX-License-Identifier: MIT
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <octavo/c/failure.hpp>

using namespace octavo;

TEST_CASE("a failure is a status and a text, with its hint") {
  CHECK(status_of([] {}) == 0);
  CHECK(status_of([] { throw ConfigError("width is 0", "set it"); }) == 64);
  CHECK(std::string(LastFailure::text()) == "width is 0 (set it)");
  CHECK(status_of([] { throw FormatError("cut off"); }) == 65);
  CHECK(std::string(LastFailure::text()) == "cut off");
  CHECK(status_of([] { throw std::bad_alloc(); }) == 71);
  CHECK(status_of([] { throw std::logic_error("oh"); }) == 70);
  CHECK(std::string(LastFailure::text()) == "oh");
  CHECK(status_of([] { throw 5; }) == 70);
  CHECK(status_of([] {}) == 0);
  CHECK(std::string(LastFailure::text()) == "an unknown error");
}

TEST_CASE("a long text is cut") {
  CHECK(status_of([] { throw ConfigError(std::string(5000, 'a'), std::string(5000, 'b')); }) == 64);
  CHECK(std::string(LastFailure::text()) == std::string(2047, 'a'));
}

TEST_CASE("each thread has its own failure") {
  status_of([] { throw ConfigError("of this thread"); });
  std::thread([] {
    CHECK(std::string(LastFailure::text()).empty());
    status_of([] { throw ConfigError("of another"); });
  }).join();
  CHECK(std::string(LastFailure::text()) == "of this thread");
}

TEST_CASE("an object or null") {
  int* made = object_or_null<int>([] { return new int(3); });
  REQUIRE(made != nullptr);
  CHECK(*made == 3);
  delete made;
  const auto fails = []() -> int* { throw ConfigError("no"); };
  CHECK(object_or_null<int>(fails) == nullptr);
}

TEST_CASE("null pointers of C") {
  CHECK(text_or_empty(nullptr).empty());
  CHECK(text_of(nullptr, 0).empty());
  CHECK_THROWS_WITH_AS(text_of(nullptr, 1), "text: got NULL, expected one that exists",
                       ConfigError);
  CHECK(text_of("abc", 2) == "ab");
}
