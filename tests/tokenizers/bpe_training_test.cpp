// SPDX-License-Identifier: MIT
// Learning byte pairs against a count of everything, and within limited memory.
#include <algorithm>
#include <heap_guard/heap_guard.hpp>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/memory/process_memory.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using plain_bpe::RandomText;

static_assert(!std::is_copy_constructible_v<BpeTrainer> && !std::is_copy_assignable_v<BpeTrainer>);

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr Token a = 64, b = 65, c = 66;  // of GPT-2's vocabulary

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

TEST_CASE("training takes the pairs that a count of everything takes") {
  RandomText random(5);
  for (int i = 0; i < 30; ++i) {
    const std::string text = random.text(50 + random.below(400));
    const std::size_t size = 256 + random.below(120);
    const BpeTokenizer tokenizer = train_bpe(text, static_cast<Index>(size));
    CHECK(pairs_of(tokenizer) == plain_bpe::train(text, size));
  }
  const BpeTokenizer tokenizer = train_bpe(sample_text, 1000);
  CHECK(pairs_of(tokenizer) == plain_bpe::train(sample_text, 1000));
  CHECK(tokenizer.vocabulary_size() < 1000);  // there are no more pairs
}

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
                   [&](std::size_t x, std::size_t y) { return times[x] > times[y]; });
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

TEST_CASE("what has been counted can be moved, and counts on") {
  std::vector<BpeTrainer> trainers(1);
  trainers[0].add("hello hello hello world ");
  trainers.emplace_back();
  trainers[0].add("hello hello");
  CHECK(trainers[0].train(262) == train_bpe("hello hello hello world hello hello", 262));
}

TEST_CASE("of pairs that are there equally often the one with the smaller numbers is taken") {
  CHECK(train_bpe("cb\nab\ncb\nab\nac\nac", 257).merges()[0] == BpeMerge{a, b});
  CHECK(train_bpe("cb\ncb\nab\ncb\nab\nac\nac", 257).merges()[0] == BpeMerge{c, b});
  CHECK(train_bpe("", 300).merges().empty());
  CHECK(train_bpe("ab cd ef", 300).merges().empty());
  CHECK(train_bpe("abab", 257).merges()[0] == BpeMerge{a, b});
}

TEST_CASE("other tokens are the last ones of what is trained") {
  BpeTrainer trainer;
  trainer.add(sample_text);
  constexpr std::string_view others[] = {"<|endoftext|>", "<|pad|>"};
  const BpeTokenizer tokenizer = trainer.train(300, others);
  CHECK(tokenizer.vocabulary_size() == 300);
  CHECK(pairs_of(tokenizer) == plain_bpe::train(sample_text, 298));
  CHECK(tokenizer.decode(298) == "<|endoftext|>");
  CHECK(tokenizer.kind(299) == TokenKind::control);
  CHECK(trainer.train(258, others).merges().empty());
  CHECK_THROWS_WITH_AS(trainer.train(257, others),
                       "vocabulary: got 257 tokens, expected 258 to 262144", ConfigError);
}

TEST_CASE("training makes no token of more than 512 bytes") {
  const BpeTokenizer tokenizer = train_bpe(std::string(4096, 'a') + std::string(4096, '='), 300);
  CHECK(tokenizer.merges().size() == 18);
  CHECK(tokenizer.decode(static_cast<Token>(tokenizer.vocabulary_size() - 1)).size() == 512);
}

TEST_CASE("a text may be counted in parts that end at its cuts") {
  RandomText random(6);
  const std::string text = random.text(3000);
  BpeTrainer trainer;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t cut = gpt2_last_cut(rest.substr(0, 500));
    const std::size_t size = rest.size() <= 500 ? rest.size() : cut;
    REQUIRE(size > 0);
    trainer.add(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  CHECK(trainer.train(400) == train_bpe(text, 400));
  const std::string large = random.text(100'000);
  REQUIRE(large.size() > 3 * 65536);
  BpeTrainer by_source;
  by_source.add(MemorySource("text", std::as_bytes(std::span(large))));
  CHECK(by_source.train(400) == train_bpe(large, 400));
}
