// SPDX-License-Identifier: MIT
// Joining pairs against a text whose pairs are counted anew each time.
#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tokenizers/bpe_text.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using octavo::detail::BpePairs;
using octavo::detail::BpeSelection;
using octavo::detail::BpeText;
using octavo::detail::WordCounts;

namespace {

constexpr std::array<Token, 256> bytes = [] {
  std::array<Token, 256> numbers{};
  for (std::size_t i = 0; i < 256; ++i) numbers[i] = static_cast<Token>(i);
  return numbers;
}();

std::vector<std::uint32_t> order_of(const WordCounts& counts) {
  std::vector<std::uint32_t> order(counts.words().size());
  counts.order(order);
  return order;
}

/// Words as tokens, and how often each has come.
using Words = std::vector<std::pair<std::vector<Token>, std::int64_t>>;

std::map<std::pair<Token, Token>, std::int64_t> pairs_of(const Words& words) {
  std::map<std::pair<Token, Token>, std::int64_t> pairs;
  for (const auto& [tokens, times] : words) {
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      pairs[{tokens[i], tokens[i + 1]}] += times;
    }
  }
  return pairs;
}

void join(Words& words, BpeMerge merge, Token result) {
  for (auto& [tokens, times] : words) {
    std::vector<Token> joined;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool here = i + 1 < tokens.size() && BpeMerge{tokens[i], tokens[i + 1]} == merge;
      joined.push_back(here ? result : tokens[i]);
      i += here ? 1 : 0;
    }
    tokens = joined;
  }
}

}  // namespace

TEST_CASE("after every join each pair is known to be there as often as it is, and no other") {
  plain_bpe::RandomText random(8);
  for (int round = 0; round < 20; ++round) {
    WordCounts counts(65536);
    for (std::size_t i = 0; i < 60; ++i) {
      std::string word;
      const std::size_t size = 1 + random.below(12);
      while (word.size() < size) word.append(1 + random.below(4), "abc"[random.below(3)]);
      for (std::size_t n = 1 + random.below(3); n > 0; --n) counts.add(word);
    }
    const auto order = order_of(counts);
    const BpeSelection all = octavo::detail::select_words(counts, order, 1'000'000);
    REQUIRE(all.words == order.size());
    BpeText text(counts, order, all, bytes);
    Words words;
    for (const std::uint32_t number : order) {
      const WordCounts::Word& word = counts.words()[number];
      std::vector<Token>& tokens = words.emplace_back(std::vector<Token>(), word.times).first;
      for (const char byte : counts.bytes(word)) tokens.push_back(byte);
    }
    BpeMerges taken(100);
    for (Token next = 256; next < 300; ++next) {
      const auto expected = pairs_of(words);
      for (const auto& [pair, times] : expected) {
        const BpePairs::Number found = text.pairs().find(BpePairs::key_of(pair.first, pair.second));
        REQUIRE(found != BpePairs::none);
        CHECK(text.pairs().times(found) == times);
      }
      for (Token left = 97; left < next; left = left == 99 ? 256 : left + 1) {
        for (Token right = 97; right < next; right = right == 99 ? 256 : right + 1) {
          const bool known = text.pairs().find(BpePairs::key_of(left, right)) != BpePairs::none;
          CHECK(known == expected.contains({left, right}));
        }
      }
      const BpePairs::Number top = text.pairs().top();
      if (top == BpePairs::none) break;
      const BpeMerge merge = text.pairs().merge_of(top);
      REQUIRE(taken.add(merge, next));
      text.join(top, next, taken);
      join(words, merge, next);
      CHECK(text.size_of(next) == text.size_of(merge.left) + text.size_of(merge.right));
    }
  }
}

TEST_CASE(
    "the most frequent words are chosen as far as the memory reaches, of the next one a front") {
  WordCounts counts(65536);
  for (int i = 0; i < 3; ++i) counts.add("frequent");
  for (int i = 0; i < 2; ++i) counts.add("second");
  counts.add("abcdefghijklmnopqrstuvwxyz");
  const auto order = order_of(counts);
  const auto choose = [&](std::size_t memory) {
    return octavo::detail::select_words(counts, order, memory);
  };
  const BpeSelection all = choose(1'000'000);
  CHECK(all.words == 3);
  CHECK(all.bytes == 8 + 6 + 26);
  CHECK(all.groups == 3);
  CHECK(all.total == 6);
  CHECK(all.last_size == 26);
  CHECK(choose(all.memory_bytes()).bytes == all.bytes);
  CHECK(choose(0).words == 0);
  std::size_t before = 0;
  bool some_front = false;
  for (std::size_t memory = 0; memory <= all.memory_bytes(); memory += 64) {
    const BpeSelection chosen = choose(memory);
    CHECK((chosen.words == 0 || chosen.memory_bytes() <= memory));
    CHECK(chosen.bytes >= before);
    before = chosen.bytes;
    some_front = some_front || (chosen.words == 3 && chosen.last_size < 26);
  }
  CHECK(some_front);
}
