// SPDX-License-Identifier: MIT
#include <cstdint>
#include <map>
#include <random>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/files/page_block.hpp>
#include <octavo/tokenizers/bpe_pairs.hpp>

using namespace octavo;
using octavo::detail::BpePairs;

TEST_CASE("places of byte pairs that are gone are taken again, all of them") {
  constexpr std::size_t most = 4;
  PageBlock block(detail::BpePairs::memory_bytes(most));
  detail::BpePairs pairs(block, most);
  const auto key = [](Token left) { return detail::BpePairs::key_of(left, 0); };
  for (Token next = 0; next < 40; ++next) {
    if (next >= 4 && next % 2 == 0) {
      pairs.erase(pairs.find(key(next - 4)));
      pairs.erase(pairs.find(key(next - 3)));
    }
    CHECK(pairs.times(pairs.add(key(next), 1, true)) == 1);
  }
  CHECK_THROWS_AS(pairs.add(key(99), 1, true), ConfigError);
}

TEST_CASE(
    "of what is offered the most frequent pair is on top, of equals the one of smaller numbers") {
  constexpr std::size_t most = 200;
  PageBlock block(BpePairs::memory_bytes(most));
  BpePairs pairs(block, most);
  CHECK(pairs.top() == BpePairs::none);
  std::mt19937 random(1);
  std::map<std::uint64_t, std::int64_t> times, offered;  // by key
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t key =
        BpePairs::key_of(static_cast<Token>(random() % 12), static_cast<Token>(random() % 12));
    const std::int64_t some = 1 + static_cast<std::int64_t>(random() % 5);
    const BpePairs::Number pair = pairs.find(key);
    REQUIRE((pair == BpePairs::none) == !times.contains(key));
    const auto what = random() % 8;
    if (pair == BpePairs::none || what < 4) {
      const bool is_new = pair == BpePairs::none, offer = random() % 4 != 0;
      CHECK(pairs.times(pairs.add(key, some, offer)) == (times[key] += some));
      if (is_new ? offer : offered.contains(key)) offered[key] = times[key];
    } else if (what < 6) {
      pairs.remove(pair, some);
      times[key] -= some;
      if (offered.contains(key)) offered[key] = times[key];
    } else if (what < 7) {
      pairs.withdraw(pair);
      offered.erase(key);
    } else {
      pairs.erase(pair);
      times.erase(key);
      offered.erase(key);
    }
    std::uint64_t best = 0;
    std::int64_t most_times = -1'000'000;
    for (const auto& [one, count] : offered) {
      if (count > most_times) best = one, most_times = count;  // keys come in increasing order
    }
    const BpePairs::Number top = pairs.top();
    REQUIRE((top == BpePairs::none) == offered.empty());
    if (top == BpePairs::none) continue;
    const BpeMerge merge = pairs.merge_of(top);
    CHECK(BpePairs::key_of(merge.left, merge.right) == best);
    CHECK(pairs.times(top) == most_times);
  }
}

TEST_CASE("a pair's list of places begins nowhere until it is set") {
  PageBlock block(BpePairs::memory_bytes(4));
  BpePairs pairs(block, 4);
  const BpePairs::Number pair = pairs.add(BpePairs::key_of(1, 2), 1, true);
  CHECK(pairs.first_place(pair) == BpePairs::none);
  pairs.first_place(pair) = 7;
  CHECK(pairs.first_place(pairs.add(BpePairs::key_of(1, 2), 1, true)) == 7);
  pairs.erase(pair);
  CHECK(pairs.first_place(pairs.add(BpePairs::key_of(1, 2), 1, true)) == BpePairs::none);
}
