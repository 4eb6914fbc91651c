// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/stop_strings.hpp>
#include <octavo/numeric/random.hpp>

#include "generation/naive_text.hpp"
#include "heap_guard/heap_guard.hpp"

using namespace octavo;

namespace {

std::string random_text(const CounterRandom& random, std::uint64_t& at, std::uint64_t least,
                        std::uint64_t most) {
  std::string text(least + random.below(at++, most - least + 1), ' ');
  for (char& byte : text) byte = "abc"[random.below(at++, 3)];
  return text;
}

}  // namespace

TEST_CASE("the text before the first stop string is written, for any strings and texts") {
  const CounterRandom random(1, RandomStream::sampling);
  std::uint64_t at = 0;
  int stopped = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> strings(random.below(at++, 4));
    for (std::string& one : strings) one = random_text(random, at, 1, 5);
    StopStrings stops(strings);
    const std::string text = random_text(random, at, 0, 20);
    std::string written;
    const auto write = [&](std::string_view piece) { written += piece; };
    bool going = true;
    for (const char byte : text) going = stops.add(byte, write);
    CHECK(stops.stopped() == !going);
    stopped += stops.stopped();
    stops.finish(write);
    CHECK_FALSE(stops.stopped());
    CHECK(written == naive_text::cut_naively(text, strings));
  }
  CHECK(stopped > 500);
}

TEST_CASE("no byte is held back longer than it may belong to a stop string, without a heap call") {
  StopStrings stops({"abab", "bc"});
  std::size_t written = 0;
  const auto write = [&](std::string_view piece) { written += piece.size(); };
  std::vector<std::size_t> after;
  after.reserve(10);
  bool going = true;
  const octavo_test::HeapGuard guard;
  for (const char byte : std::string_view("xabaab")) {
    going = going && stops.add(byte, write);
    after.push_back(written);
  }
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(going);
  CHECK(after == std::vector<std::size_t>{1, 1, 1, 1, 4, 4});
}

TEST_CASE("what one text ends with begins no stop string of the next") {
  StopStrings stops({"abab"});
  std::string written;
  const auto write = [&](std::string_view text) { written += text; };
  for (const std::string_view text : {"aba", "ba"}) {
    for (const char byte : text) CHECK(stops.add(byte, write));
    stops.finish(write);
  }
  CHECK(written == "ababa");
}

TEST_CASE("an empty stop string is refused") {
  const std::vector<std::string> strings{"a", ""};
  CHECK_THROWS_WITH_AS(StopStrings{strings}, "stop string: got '', expected at least one byte",
                       ConfigError);
  CHECK_THROWS_AS(StopStrings({"a", ""}), ConfigError);
}

TEST_CASE("stop strings may be written where they are needed") {
  StopStrings stops({"\n", "end"});
  std::string written;
  const auto write = [&](std::string_view text) { written += text; };
  for (const char byte : std::string_view("he en")) CHECK(stops.add(byte, write));
  CHECK_FALSE(stops.add('d', write));
  CHECK(written == "he ");
}
