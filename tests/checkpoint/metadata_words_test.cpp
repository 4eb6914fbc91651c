// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/checkpoint/metadata_words.hpp>

using namespace octavo;

TEST_CASE("words are separated by single spaces") {
  detail::SpacedWords words("a  b");
  CHECK(words.next() == "a");
  CHECK(words.next() == "");
  CHECK(words.next() == "b");
  CHECK(!words.next());
  CHECK(!detail::SpacedWords("").next());
  CHECK(detail::whole_word<int>("12") == 12);
  CHECK(!detail::whole_word<int>("1 2"));
}

TEST_CASE("merges and rules come back from their words") {
  const std::vector<BpeMerge> merges{{1, 2}, {300, 4}};
  CHECK(detail::merge_words(merges) == "1 2 300 4");
  CHECK(detail::parsed_merges("1 2 300 4", 301) == merges);
  CHECK(!detail::parsed_merges("1 2 300", 301));
  CHECK(!detail::parsed_merges("1 2 300 4", 300));
  CHECK(detail::parsed_merges("", 300)->empty());
  const std::map<Token, NameRule> rules{{3, {.strip_left = true, .single_word = true}},
                                        {9, {.late = true}}};
  MetadataWriter metadata;
  detail::write_rules(metadata, rules);
  CHECK(metadata.entries().at("name_rules") == "3 33 9 4");
  CHECK(detail::parsed_rules("3 33 9 4") == rules);
  for (const char* bad : {"", "3", "3 0", "3 64", "3 1 3 1", "x 1"})
    CHECK(!detail::parsed_rules(bad));
}

TEST_CASE("a tokenizer that does not fit into a header is refused") {
  CHECK_NOTHROW(detail::require_room(24'000'000, 5));
  CHECK_THROWS_WITH_AS(
      detail::require_room(24'000'001, 5),
      "cannot save a tokenizer of 5 tokens: they need 24000001 bytes of the file's "
      "header, which has room for 24000000",
      ConfigError);
}
