// SPDX-License-Identifier: MIT
// tokenizer.json: what changes nothing is taken, what would make another tokenizer is refused.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/tokenizer_json.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("other programs' forms of the same are read") {
  const TokenTable table = token_table_of(trained());
  Json json = Json::parse(tokenizer_json_text(table));
  for (Json& merge : json["model"]["merges"]) {
    const std::string text = merge;
    const std::size_t space = text.find(' ');
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  CHECK(read_json(json.dump(2)) == table);
  json["model"]["vocab"].erase("<|endoftext|>");  // added, but not in the model
  CHECK(read_json(json.dump()) == table);
  for (const char* key : {"type", "dropout", "fuse_unk", "byte_fallback", "unk_token"}) {
    json["model"].erase(key);
  }
  json["post_processor"] = {{"type", "ByteLevel"}, {"trim_offsets", false}};
  json["decoder"] = nullptr;
  json["pre_tokenizer"].erase("use_regex");
  CHECK(read_json(json.dump()) == table);
  CHECK(read_two(vocabulary_text(table), merges_text(table).substr(14)) == table);
  std::string cut = merges_text(table);
  cut.pop_back();
  CHECK(read_two(vocabulary_text(table), cut) == table);
}

TEST_CASE("parts that change nothing are taken, others refused") {
  Json json = json_with({});
  const Json byte_level = json["pre_tokenizer"];
  const AnyTokenizer plain = tokenizer_of(learned());
  const auto same = [&] { CHECK(Read{json}.tokenizer == plain); };
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {byte_level}}};
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
  json["post_processor"] = {{"type", "Sequence"}, {"processors", Json::array()}};
  json["decoder"] = {{"type", "Sequence"}, {"decoders", {byte_level}}};
  same();
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  same();
  json["post_processor"]["single"].push_back({{"SpecialToken", {{"id", "<s>"}}}});
  CHECK(refusal(json) == "'post_processor': '<s>' is not a token");
  json["post_processor"]["single"][1]["SpecialToken"]["id"] = "<|endoftext|>";
  CHECK(Read{json}.tokenizer.frame() == TextFrame{{}, {number_of("<|endoftext|>")}});
  json["post_processor"]["single"][1] = json["post_processor"]["single"][0];
  CHECK(refusal(json).starts_with("'post_processor': got {"));
  json = json_with({});
  Json no_regex = byte_level;
  no_regex["use_regex"] = false;
  const Json split = {
      {"type", "Split"},
      {"pattern",
       {{"Regex",
         R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"}}},
      {"behavior", "Isolated"},
      {"invert", false}};
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, no_regex}}};
  same();
  json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "x";
  CHECK(refusal(json) ==
        "'pre_tokenizer.pattern': got {\"Regex\":\"x\"}, expected that of GPT-2, Llama 3, "
        "Qwen2 or Mistral-Nemo");
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array()}};
  CHECK(refusal(json).starts_with("'pre_tokenizer': got {"));
}

TEST_CASE(
    "an unknown token that was added as well is unknown where a byte is, and special elsewhere") {
  const TokenTable characters = token_table_of(CharacterTokenizer("ab"));
  Json json = Json::parse(tokenizer_json_text(characters));
  json["added_tokens"] = {added(0, "<unk>", {{"special", true}, {"lstrip", true}})};
  CHECK(Read{json}.tokenizer == AnyTokenizer(CharacterTokenizer("ab")));
  Json pairs = json_with({});
  pairs["model"]["unk_token"] = "<|endoftext|>";
  CHECK(Read{pairs}.tokenizer == tokenizer_of(learned()));
}

TEST_CASE("a tokenizer.json that says anything else is refused") {
  const Json good = Json::parse(tokenizer_json_text(token_table_of(trained())));
  const auto refused = [&](const char* pointer, const Json& value, const std::string& message) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const std::string text = "cannot load 'tokenizer.json': " + message;
    INFO(std::string(pointer));
    CHECK_THROWS_WITH_AS(read_json(bad.dump()), text.c_str(), FormatError);
  };
  refused("/normalizer", {{"type", "NFKC"}},
          "'normalizer': got {\"type\":\"NFKC\"}, expected null, NFC, or ' ' replaced by U+2581, "
          "with one before the text or not");
  refused("/pre_tokenizer", nullptr, "'pre_tokenizer': got null, expected one of type 'ByteLevel'");
  refused(
      "/pre_tokenizer/type", "Whitespace",
      "'pre_tokenizer': got "
      "{\"add_prefix_space\":false,\"trim_offsets\":true,\"type\":\"Whitespace\",\"use_regex\":tr"
      "..., expected one of type 'ByteLevel'");
  refused("/pre_tokenizer/add_prefix_space", true,
          "'pre_tokenizer.add_prefix_space': got true, expected false");
  refused("/pre_tokenizer/use_regex", false, "'pre_tokenizer.use_regex': got false, expected true");
  refused("/post_processor", 3,
          "'post_processor': got 3, expected one of type 'ByteLevel', or tokens around one text");
  refused("/decoder", Json::array(), "'decoder': got [], expected one of type 'ByteLevel'");
  refused("/model", "BPE", "'model' is not an object");
  refused("/model/type", "WordPiece", "'model.type': got 'WordPiece', expected 'BPE'");
  refused("/model/dropout", 0.1, "'model.dropout': got 0.1, expected 0.0");
  refused("/model/end_of_word_suffix", "</w>",
          "'model.end_of_word_suffix': got '</w>', expected ''");
  refused("/model/continuing_subword_prefix", "##",
          "'model.continuing_subword_prefix': got '##', expected ''");
  refused("/model/fuse_unk", true, "'model.fuse_unk': got true, expected false");
  refused("/model/byte_fallback", true, "'model.byte_fallback': got true, expected false");
  refused("/model/ignore_merges", 1, "'model.ignore_merges': got 1, expected true or false");
  refused("/model/unk_token", 3, "'model.unk_token': got 3, expected a token or null");
  refused("/model/unk_token", "<unk>",
          "'model.unk_token': got '<unk>', expected a token that is neither a byte nor made by a "
          "merge");
  refused("/model/vocab", Json::array(), "'model.vocab' is not an object");
  refused("/model/merges", Json::object(), "'model.merges' is not a list");
  refused("/model/merges/0", 3, "'model.merges': got 3, expected two tokens");
  refused("/model/merges/0", {"a", "b", "c"},
          "'model.merges': got [\"a\",\"b\",\"c\"], expected two tokens");
  refused("/model/merges/0", "ab",
          "merges: merge 0 is 'ab', expected two tokens with a space between");
  const std::string number = ", expected 0 to 524287";
  const std::string own = ", expected a unique number: it is also that of ";
  refused("/model/vocab/a", 65, "token 'b': its number is 65" + own + "'a'");
  refused("/model/vocab/a", 524288, "token 'a': its number is 524288" + number);
  refused("/model/vocab/a", -1, "token 'a': its number is -1" + number);
  refused("/model/vocab/a", "64", "token 'a': its number is '64' (a text)" + number);
  refused("/model/vocab/a", 64.5, "token 'a': its number is 64.5" + number);
  refused("/added_tokens", 3, "'added_tokens' is not a list");
  refused("/added_tokens/0", "x",
          "'added_tokens': got 'x' (a text), expected tokens, each with a 'content'");
  refused("/added_tokens/0/id", 12, "token '<|endoftext|>': its number is 12" + own + "'-'");
  refused("/added_tokens/0/id", nullptr, "token '<|endoftext|>': its number is null" + number);
  refused("/added_tokens/1", good["added_tokens"][0],
          "'added_tokens': token '<|endoftext|>' occurs twice");
  refused("/added_tokens/1", {{"content", "\u0120t"}, {"id", 256}},
          "token '\\xc4\\xa0t' was added, but its letters stand for other bytes of the text");
  refused("/added_tokens/1", {{"content", "xy"}, {"id", 280}, {"single_word", 1}},
          "token 'xy': 'single_word' is 1, expected true or false");
  refused("/added_tokens/1", {{"content", "xy"}, {"id", 280}, {"lstrip", 1}},
          "token 'xy': 'lstrip' is 1, expected true or false");
  const auto no_json = [](const std::string& text, const std::string& message) {
    CHECK_THROWS_WITH_AS(read_json(text), ("cannot load 'tokenizer.json': " + message).c_str(),
                         FormatError);
  };
  no_json("", "it is not a JSON object");
  no_json("[]", "it is not a JSON object");
  no_json("{", "it is not a JSON object");
  no_json("{}", "'pre_tokenizer': got null, expected one of type 'ByteLevel'");
  no_json(R"({"a": 1, "a": 2})", "it names 'a' twice");
  no_json(R"({"a": [[[[[[[[]]]]]]]]})", "it nests deeper than 8");
  for (std::size_t size = 0; size < 400; ++size) {
    CHECK_THROWS_AS(read_json(good.dump().substr(0, size)), FormatError);
  }
}
