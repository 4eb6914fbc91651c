// SPDX-License-Identifier: MIT
// What a tokenizer.json says of a table. (family_tokenizers_test.cpp reads such files again.)
#include <doctest/doctest.h>

#include <octavo/interop/tokenizer_json_text.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("the parts of a tokenizer.json follow from the table") {
  TokenTable table = learned();
  const auto json = [&] { return Json::parse(tokenizer_json_text(table)); };
  CHECK(json()["pre_tokenizer"]["type"] == "ByteLevel");
  CHECK(!json()["model"].contains("ignore_merges"));
  table.split = SplitPattern::llama3;
  table.whole_pieces = table.normalized = true;
  table.frame.before = {number_of("<|endoftext|>")};
  CHECK(json()["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] ==
        split_regex(SplitPattern::llama3));
  CHECK(json()["normalizer"]["type"] == "NFC");
  CHECK(json()["model"]["ignore_merges"] == true);
  CHECK(json()["post_processor"]["special_tokens"]["<|endoftext|>"]["ids"][0] ==
        number_of("<|endoftext|>"));
  table.split = SplitPattern::smollm;
  CHECK(json()["pre_tokenizer"]["pretokenizers"][0]["type"] == "Digits");
}

TEST_CASE("scores become merges, the highest first") {
  TokenTable table;
  table.tokens = {"<unk>", "a", "b", "ab", "aab", "\u2581"};
  table.kinds.assign(6, TokenKind::normal);
  table.kinds[0] = TokenKind::unknown;
  table.scores = {0, -5, -4, -2, -1, -3};
  table.sentence_pieces = true;
  table.prefix = SpacePrefix::first;
  CHECK(merges_of_scores(table) == std::vector<std::string>{"a ab", "a b"});
  const Json json = Json::parse(tokenizer_json_text(table));
  CHECK(json["model"]["merges"].size() == 2);
  CHECK(json["pre_tokenizer"]["prepend_scheme"] == "first");
  CHECK(json["added_tokens"][0]["content"] == "<unk>");
}
