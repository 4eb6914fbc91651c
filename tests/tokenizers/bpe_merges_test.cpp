// SPDX-License-Identifier: MIT
#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/bpe_merges.hpp>

#include "heap_guard/heap_guard.hpp"

using namespace octavo;

namespace {

struct Rule {
  BpeMerge merge;
  Token result;
};

/// One merge after the other, the earliest rule first, each at its leftmost place.
std::vector<Token> plainly(std::vector<Token> tokens, const std::vector<Rule>& rules) {
  for (;;) {
    const auto place_of = [&](const Rule& rule) {
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        if (BpeMerge{tokens[i], tokens[i + 1]} == rule.merge) return i;
      }
      return tokens.size();
    };
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const Rule& one) { return place_of(one) < tokens.size(); });
    if (rule == rules.end()) return tokens;
    const std::size_t at = place_of(*rule);
    tokens[at] = rule->result;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("a merge is found with its rank and what it makes, and is not added twice") {
  BpeMerges merges(2);
  CHECK(merges.add({1, 2}, 10));
  CHECK(merges.add({2, 1}, 11));
  CHECK_FALSE(merges.add({1, 2}, 12));
  CHECK(merges.find(1, 2).rank == 0);
  CHECK(merges.find(1, 2).result == 10);
  CHECK(merges.find(2, 1).rank == 1);
  CHECK(merges.find(2, 1).result == 11);
  CHECK(merges.find(1, 1).rank == BpeMerges::none);
  CHECK(BpeMerges().find(0, 0).rank == BpeMerges::none);
}

TEST_CASE("short and long, the earliest merge has its turn, leftmost first") {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    std::vector<Rule> rules;
    BpeMerges merges(12);
    for (Token next = 3; next < 15; ++next) {
      const BpeMerge merge{static_cast<Token>(random() % static_cast<unsigned>(next)),
                           static_cast<Token>(random() % static_cast<unsigned>(next))};
      if (merges.add(merge, next)) rules.push_back({merge, next});
    }
    for (const std::size_t size : {0u, 1u, 2u, 3u, 17u, 63u, 64u, 65u, 66u, 150u}) {
      std::vector<Token> tokens(size);
      for (Token& token : tokens) token = static_cast<Token>(random() % 3);
      std::vector<Token> merged = tokens;
      merged.resize(merges.merge(merged));
      INFO("round ", round, ", size ", size);
      CHECK(merged == plainly(tokens, rules));
    }
  }
}

TEST_CASE("short pieces are merged without a heap call, and what long ones need is told") {
  BpeMerges merges(1);
  merges.add({0, 0}, 1);
  std::vector<Token> tokens(BpeMerges::longest_short);
  const octavo_test::HeapGuard guard;
  const std::size_t count = merges.merge(tokens);
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(count == BpeMerges::longest_short / 2);
  CHECK(BpeMerges::merging_bytes(BpeMerges::longest_short) == 0);
  CHECK(BpeMerges::merging_bytes(1000) == 28'000);
  CHECK(BpeMerges(1000).memory_bytes() >= 2000 * 16);
}
