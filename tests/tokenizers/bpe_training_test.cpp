// SPDX-License-Identifier: MIT
// Learning byte pairs against a count of everything, and within limited memory.
#include <algorithm>
#include <heap_guard/heap_guard.hpp>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/page_block.hpp>
#include <octavo/memory/process_memory.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/word_counts.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const BpeTokenizer& tokenizer) {
  Pairs pairs;
  for (const auto& [left, right] : tokenizer.merges()) {
    pairs.emplace_back(tokenizer.decode(left), tokenizer.decode(right));
  }
  return pairs;
}

struct Learned {
  Pairs pairs;
  BpeProgress progress;
};

Learned learn(const std::string& text, Index vocabulary, std::size_t memory) {
  BpeTrainer trainer(memory);
  trainer.add(MemorySource("text", std::as_bytes(std::span(text))));
  Learned learned;
  learned.pairs = pairs_of(
      trainer.train(vocabulary, {}, [&](const BpeProgress& now) { learned.progress = now; }));
  return learned;
}

std::string word(std::mt19937& random, std::size_t most, std::string_view letters) {
  std::string result(1 + random() % most, ' ');
  for (char& letter : result) letter = letters[random() % letters.size()];
  return result;
}

/// " word" of a number, in letters.
std::string named(std::size_t number) {
  std::string result = " ";
  for (std::size_t rest = number + 26; rest > 0; rest /= 26) {
    result += static_cast<char>('a' + rest % 26);
  }
  return result;
}

}  // namespace

TEST_CASE("of few letters, runs and words that overlap themselves the same pairs are learned") {
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    const std::string_view letters = std::string_view("abc").substr(0, 1 + random() % 3);
    std::string text;
    while (text.size() < 20 + random() % 100) {
      text += (random() % 3 == 0 ? " " : "") + word(random, 1 + random() % 24, letters);
    }
    INFO(text);
    const auto size = 256 + 1 + random() % 30;
    BpeTrainer trainer;
    trainer.add(text);
    CHECK(pairs_of(trainer.train(static_cast<Index>(size))) == plain_bpe::train(text, size));
  }
}

TEST_CASE(
    "where the memory is too small the most frequent words are learned from, and it is told") {
  // Word i comes 1500 / (i + 1) + 1 times.
  std::string text, kept;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < 1500; ++i) words.push_back(named(i * 7919 % 40'000));
  std::vector<std::size_t> coming;
  for (std::size_t i = 0; i < words.size(); ++i) coming.insert(coming.end(), 1500 / (i + 1) + 1, i);
  std::shuffle(coming.begin(), coming.end(), std::mt19937(9));
  for (const std::size_t i : coming) text += words[i];
  const Learned all = learn(text, 500, BpeTrainer::enough_memory(text.size()));
  const Learned few = learn(text, 500, BpeTrainer::least_memory);
  CHECK(all.progress.distinct == words.size());
  CHECK(all.progress.taken == all.progress.words);
  CHECK(few.progress.words == static_cast<std::int64_t>(coming.size()));
  CHECK(few.progress.distinct > 500);
  CHECK(few.progress.distinct < words.size());
  CHECK(few.progress.memory_bytes < BpeTrainer::least_memory);
  // By hand: by how often they come, then by where they come first.
  std::map<std::size_t, std::size_t> times;
  std::vector<std::size_t> order;
  for (const std::size_t i : coming) {
    if (times[i]++ == 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return times[a] > times[b]; });
  std::int64_t taken = 0;
  const auto last = order[few.progress.distinct - 1];
  for (std::size_t j = 0; j < few.progress.distinct; ++j) {
    taken += static_cast<std::int64_t>(times[order[j]]);
    if (order[j] == last) break;  // of which a front may have been taken
    for (std::size_t n = 0; n < times[order[j]]; ++n) kept += words[order[j]];
  }
  CHECK(few.progress.taken == taken);
  bool front = false;
  for (std::size_t size = 2; size <= words[last].size(); ++size) {
    std::string with = kept;
    for (std::size_t n = 0; n < times[last]; ++n) with += words[last].substr(0, size);
    front = front || learn(with, 500, BpeTrainer::enough_memory(with.size())).pairs == few.pairs;
  }
  CHECK(front);
}

TEST_CASE("memory is what was said however many words a text has, and goes back when it is done") {
  std::string text;
  for (std::size_t i = 0; i < 400'000; ++i) {
    text += named(i * 48'271 % 2'147'483'647);
    if (i % 10 == 0) text += " frequent";
  }
  const std::size_t before = process_memory().peak_bytes, now = process_memory().anonymous_bytes;
  for (const std::size_t memory : {0ul, 1'000'000ul, 4'000'000ul}) {
    const Learned learned = learn(text, 400, memory);
    CHECK(learned.progress.taken < learned.progress.words);
    CHECK(learned.progress.memory_bytes <= std::max(memory, BpeTrainer::least_memory));
    CHECK(learn(text, 400, memory).pairs == learned.pairs);
    CHECK(std::count_if(learned.pairs.begin(), learned.pairs.end(), [](const auto& pair) {
            return pair.first + pair.second == " frequent";
          }) == 1);
  }
  if (!octavo_test::heap_guard_active()) return;  // sanitizers keep what is given back
  CHECK(process_memory().peak_bytes < before + 6'000'000);
  CHECK(process_memory().anonymous_bytes < now + 1'000'000);
}

TEST_CASE("a word that is longer than the memory is learned from in front") {
  std::mt19937 random(10);
  std::string text(3'000'000, ' ');
  for (char& letter : text) letter = "acgt"[random() % 4];
  const Learned learned = learn(text, 300, BpeTrainer::least_memory);
  CHECK(learned.pairs.size() == 44);
  CHECK(learned.progress.distinct == 1);
  CHECK(learn("", 300, 0).pairs.empty());
}

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

TEST_CASE("a page block hands out zeros in order, and no more than it has") {
  PageBlock block(4096);
  const auto bytes = block.take<char>(65);
  const auto numbers = block.take<double>(2);
  CHECK(reinterpret_cast<char*>(numbers.data()) == bytes.data() + 128);
  CHECK(numbers[1] == 0);
  CHECK_THROWS_WITH_AS(block.take<char>(4000), "page block: it is used up", ConfigError);
  PageBlock other = std::move(block);
  CHECK(other.take<char>(3904).size() == 3904);
  PageBlock third(64);
  third = std::move(other);
  CHECK_THROWS_AS(third.take<char>(1), ConfigError);
  CHECK(PageBlock(0).take<int>(0).empty());
  CHECK_THROWS_AS(PageBlock(std::size_t{1} << 62), Error);
}
