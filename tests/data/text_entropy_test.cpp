// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/batch_sampler.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/data/text_entropy.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

using namespace octavo;

namespace {

TextEntropy entropy_of(const std::vector<std::uint8_t>& tokens, Index vocabulary) {
  return text_entropy(std::span<const std::uint8_t>(tokens), vocabulary);
}

}  // namespace

TEST_CASE("entropies of tokens counted by hand") {
  // Twice 0, twice 1; pairs 00, 01, 11: after 0 either, after 1 only 1.
  const TextEntropy four = entropy_of({0, 0, 1, 1}, 2);
  CHECK(four.unigram == doctest::Approx(std::log(2.0)));
  CHECK(four.bigram.value() == doctest::Approx(2.0 / 3 * std::log(2.0)));
  // 0 three times, 1 once, 2 once; pairs 01, 10, 02, 20.
  const TextEntropy five = entropy_of({0, 1, 0, 2, 0}, 7);
  CHECK(five.unigram == doctest::Approx(-0.6 * std::log(0.6) - 0.4 * std::log(0.2)));
  CHECK(five.bigram.value() == doctest::Approx(0.5 * std::log(2.0)));
  for (const std::vector<std::uint8_t>& sure : {std::vector<std::uint8_t>(9, 3), {3}, {}}) {
    CHECK(entropy_of(sure, 4).unigram == 0);
    CHECK(entropy_of(sure, 4).bigram == 0);
  }
}

TEST_CASE("pieces count as one text, and large vocabularies have no pairs") {
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  const TokenStore store = tokenize(tokenizer, sample_text);
  const Index vocabulary = tokenizer.vocabulary_size();
  EntropyCounter counter(vocabulary);
  for (Index at = 0; at < 432; at += 27) counter.add(store.view().subview(at, 27));
  const TextEntropy whole = text_entropy(store.view(), vocabulary);
  CHECK(counter.entropy().unigram == doctest::Approx(whole.unigram).epsilon(1e-12));
  CHECK(counter.entropy().bigram.value() == doctest::Approx(whole.bigram.value()).epsilon(1e-12));
  // Counted by another program (Python's collections.Counter).
  CHECK(whole.unigram == doctest::Approx(2.9786099765732934).epsilon(1e-12));
  CHECK(whole.bigram.value() == doctest::Approx(1.82013730890916).epsilon(1e-12));
  CHECK(text_entropy(store.view(), 512).bigram.has_value());
  CHECK(!text_entropy(store.view(), 513).bigram.has_value());
  CHECK(text_entropy(store.view(), 513).unigram == doctest::Approx(whole.unigram));
}

TEST_CASE("of a long text stretches are counted, from its beginning to its end") {
  std::vector<std::uint8_t> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<std::uint8_t>(i * i / 7 % 50);
  }
  const TokenView view{std::span<const std::uint8_t>(tokens)};
  EntropyCounter counter(50);
  for (const Index first : {0, 300, 600, 900}) {  // 900 / 3 apart
    counter.skip();
    counter.add(view.subview(first, 100));
  }
  const TextEntropy sampled = text_entropy(view, 50, 4, 100);
  const TextEntropy expected = counter.entropy();
  CHECK(sampled.unigram == doctest::Approx(expected.unigram).epsilon(1e-12));
  CHECK(sampled.bigram.value() == doctest::Approx(expected.bigram.value()).epsilon(1e-12));
  CHECK(sampled.unigram != text_entropy(view, 50).unigram);
  // Not longer than the sample: all of it.
  const TextEntropy most = text_entropy(view.subview(0, 399), 50, 4, 100);
  CHECK(most.bigram.value() ==
        doctest::Approx(text_entropy(view.subview(0, 399), 50).bigram.value()).epsilon(1e-12));
  // Stretches of one token, here 0, 0 and 1: a pair across them is none.
  const std::vector<std::uint8_t> few{0, 2, 0, 2, 1};
  CHECK(text_entropy(std::span<const std::uint8_t>(few), 3, 3, 1).bigram == 0);
}

TEST_CASE("whoever maps tokens may let go of their pages between stretches, and counts the same") {
  std::vector<std::uint8_t> tokens(1'000'000);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<std::uint8_t>((i * i / 7 + i / 3) % 5);
  }
  const std::span<const std::uint8_t> view = tokens;
  int rests = 0;
  const TextEntropy rested = text_entropy(view, 5, 64, Index{1} << 20, [&] { ++rests; });
  CHECK(rests == 4);  // of 2^18 tokens
  EntropyCounter counter(5);
  counter.add(view);
  CHECK(rested.bigram == counter.entropy().bigram);
  CHECK(rested.unigram == counter.entropy().unigram);
  const TextEntropy sample = text_entropy(view, 5, 3, 10'000, [&] { ++rests; });
  CHECK(rests == 7);
  CHECK(sample.bigram == text_entropy(view, 5, 3, 10'000).bigram);
}

TEST_CASE(
    "tokens and sizes that make no sense are refused where they are counted, stored or drawn") {
  const std::vector<Token> tokens{1, 2, 900'000'000, 3};
  CHECK_THROWS_WITH_AS(text_entropy(std::span(tokens), 35),
                       "token: got 900000000, expected 0 to 34", DataError);
  CHECK_THROWS_AS(text_entropy(std::span(tokens).first(2), 0), ConfigError);
  CHECK_THROWS_AS(text_entropy(std::span(tokens).first(2), -1), ConfigError);
  CHECK_THROWS_AS(text_entropy(std::span(tokens).first(2), 35, 1), ConfigError);
  CHECK_THROWS_AS(text_entropy(std::span(tokens).first(2), 35, 64, 0), ConfigError);

  TokenStore store(100);
  CHECK_THROWS_WITH_AS(store.push_back(300), "token: got 300, expected 0 to 99", DataError);
  CHECK_THROWS_AS(store.push_back(-1), DataError);
  CHECK(store.view().size() == 0);

  CHECK_THROWS_AS(BatchSampler(std::span(tokens), 0, 1), ConfigError);
  CHECK_THROWS_AS(BatchSampler(std::span(tokens), -5, 1), ConfigError);
  std::vector<Token> inputs(4), targets(2);
  CHECK_THROWS_AS(BatchSampler(std::span(tokens), 2, 1).fill(0, inputs, targets), ConfigError);
}
