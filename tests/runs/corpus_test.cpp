// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/data/tokenize.hpp>
#include <octavo/runs/corpus.hpp>

using octavo::ByteTokenizer;
using octavo::Corpus;
using octavo::Index;

namespace {

/// Bytes, `count` of them.
Corpus corpus_of(std::size_t count) {
  const std::string text(count, 'a');
  return {.text_bytes = count,
          .tokenizer = ByteTokenizer(),
          .loaded = octavo::tokenize(ByteTokenizer(), text)};
}

}  // namespace

TEST_CASE("a corpus has its last tenth for validation where that is long enough") {
  const Corpus corpus = corpus_of(200);
  CHECK(corpus.split(8).train.size() == 180);
  CHECK(corpus.split(8).validation.size() == 20);
  CHECK(corpus.validation(8) == "the last tenth");
  CHECK(corpus.split(20).train.size() == 200);
  CHECK(corpus.validation(20) == "none, it is too short");
  CHECK_THROWS_WITH_AS(corpus.split(200),
                       "training text: got 200 tokens, need at least 201 (sequence 200 + 1)",
                       octavo::DataError);
  const Corpus large = corpus_of(3'000'000);
  CHECK(large.split(8).validation.size() == octavo::most_validation_tokens);
  CHECK(large.validation(8) == "the last 262144");
}

TEST_CASE("the built-in text has none, a text of its own has all") {
  Corpus built_in = corpus_of(200);
  built_in.built_in = true;
  CHECK(built_in.split(8).validation.empty());
  CHECK(built_in.validation(8) == "none, it is too short");
  Corpus own = corpus_of(200);
  own.own_validation = octavo::tokenize(ByteTokenizer(), "abc");
  own.validation_name = "other";
  CHECK(own.split(8).train.size() == 200);
  CHECK(own.split(8).validation.size() == 3);
  CHECK(own.validation(8) == "other");
  CHECK(own.token_bytes() == 203);
  own.own_validation = octavo::tokenize(ByteTokenizer(), "a");
  CHECK_THROWS_WITH_AS(own.split(8),
                       "validation text: got 1 token, need at least 2 (sequence 1 + 1)",
                       octavo::DataError);
}

TEST_CASE("what a corpus needs of memory grows with what is asked of it") {
  Corpus corpus = corpus_of(200'000);
  CHECK(corpus.token_bytes() == 200'000);
  CHECK(corpus.reserved_bytes(1) == 200'000);  // a tokenizer of bytes needs nothing
  CHECK(corpus.before_bytes(300) < corpus.before_bytes(500));
  const std::size_t before = corpus.before_bytes(256);
  corpus.scan_bytes = 10 * before;
  CHECK(corpus.before_bytes(256) == 10 * before);
  corpus.is_large = true;
  CHECK(corpus.reserved_bytes(1) > 200'000);
  CHECK(corpus.reserved_bytes(1) <= 200'000 + 4096 * 49);  // no more pages than the file has
  CHECK(Corpus::steps_per_release(1) == 8);
  CHECK(Corpus::steps_per_release(3) == 2);
  CHECK(Corpus::steps_per_release(100) == 1);
}

TEST_CASE("from how many words byte pairs were learned") {
  octavo::BpeProgress learned;
  learned.words = learned.taken = 1000;
  CHECK(octavo::learned_words(learned) == "all words");
  learned.taken = 993;
  learned.distinct = 50;
  CHECK(octavo::learned_words(learned) == "99.30% of the words, the 50 most frequent");
  Corpus corpus = corpus_of(9);
  CHECK_FALSE(corpus.left_out_words());
  corpus.learned = learned;
  CHECK(corpus.left_out_words());
}
