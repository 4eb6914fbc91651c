// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/word_counts.hpp>

using namespace octavo;

namespace {

/// " word" of a number, in letters.
std::string named(std::size_t number) {
  std::string result = " ";
  for (std::size_t rest = number + 26; rest > 0; rest /= 26) {
    result += static_cast<char>('a' + rest % 26);
  }
  return result;
}

}  // namespace

TEST_CASE("words are counted; for want of room the half goes that has come least often") {
  detail::WordCounts counts(65536);
  for (int i = 0; i < 3; ++i) counts.add("often");
  counts.add("");
  for (std::size_t i = 0; i < 815; ++i) counts.add(named(i));
  for (std::size_t i = 700; i < 815; ++i) counts.add(named(i));
  CHECK(counts.words().size() == 816);
  CHECK(counts.total() == 3 + 815 + 115);
  std::vector<std::uint32_t> order(816);
  counts.order(order);
  CHECK(order[0] == 0);
  CHECK(order[1] == 701);
  CHECK(order[116] == 1);
  for (std::size_t i = 815; i < 820; ++i) counts.add(named(i));
  REQUIRE(counts.words().size() == 819 / 2 + 2);
  CHECK(counts.bytes(counts.words()[0]) == "often");
  CHECK(counts.words()[0].times == 3);
  CHECK(counts.bytes(counts.words()[1]) == named(0));
  CHECK(counts.bytes(counts.words()[409 - 1]) == named(814));
  CHECK(counts.words()[408].times == 2);
  CHECK(counts.memory_bytes() < 65536);
  counts.add(std::string(20'000, 'x'));  // as three
  CHECK(counts.bytes(counts.words()[counts.words().size() - 2]) == std::string(8192, 'x'));
}

TEST_CASE("memory that is not needed is not touched") {
  detail::WordCounts counts(100'000'000);
  CHECK(counts.memory_bytes() == 0);
  counts.add("word");
  CHECK(counts.memory_bytes() < 20'000);
  for (std::size_t i = 0; i < 10'000; ++i) counts.add(named(i));
  CHECK(counts.words().size() == 10'001);
  CHECK(counts.memory_bytes() < 600'000);
  for (std::size_t i = 0; i < 10'000; ++i) {
    const auto& word = counts.words()[i + 1];
    CHECK(counts.bytes(word) == named(i));
    CHECK(word.times == 1);
  }
}
