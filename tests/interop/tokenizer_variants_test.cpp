// SPDX-License-Identifier: MIT
// Tokenizers of folders as they are on the Hub. The others are in tokenizer_json_test.cpp,
// added_tokens_test.cpp, vocabulary_files_test.cpp, tokenizer_folder_test.cpp and
// sentence_piece_file_test.cpp; docs/ecosystem.md lists all of them.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/tokenizer_folder.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

const Token the_end = number_of("<|endoftext|>");

/// A folder with a tokenizer.json, or with GPT-2's two files, and a tokenizer_config.json.
Read with_config(const Json& json, const std::string& config) {
  const TokenizerFiles folder;
  if (json.is_null()) {
    folder.write("vocab.json", vocabulary_text(learned()));
    folder.write("merges.txt", merges_text(learned()));
  } else {
    folder.write("tokenizer.json", json.dump());
  }
  folder.write("tokenizer_config.json", config);
  return Read(folder);
}

Json template_with(const std::string& token) {
  Json json = json_with({});
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single",
                             {{{"SpecialToken", {{"id", token}, {"type_id", 0}}}},
                              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  return json;
}

}  // namespace

TEST_CASE("add_bos_token decides in Llama's and Gemma's classes, whatever tokenizer.json says") {
  const std::string bos = R"("bos_token": "<|endoftext|>", "tokenizer_class": )";
  for (const std::string name :
       {"LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast"}) {
    const std::string start = "{" + bos + "\"" + name + "\", \"add_bos_token\": ";
    const Read added = with_config(json_with({}), start + "true}");
    CHECK(added.table.frame == TextFrame{{the_end}, {}});
    CHECK(added.notes.empty());
    CHECK(with_config(template_with("<|endoftext|>"), start + "false}").table.frame == TextFrame{});
    CHECK(with_config(template_with("<|endoftext|>"), start + "true}").table.frame ==
          TextFrame{{the_end}, {}});
    CHECK(with_config(template_with("<|endoftext|>"), start + "null}").table.frame ==
          TextFrame{{the_end}, {}});
  }
  const Read end =
      with_config(json_with({}), R"({"eos_token": {"content": "<|endoftext|>", "lstrip": false},
                         "tokenizer_class": "LlamaTokenizerFast", "add_eos_token": true})");
  CHECK(end.table.frame == TextFrame{{}, {the_end}});
}

TEST_CASE("in other classes tokenizer.json decides, and a note says so where they differ") {
  const Read set =
      with_config(json_with({}), R"({"bos_token": "<|endoftext|>", "add_bos_token": true,
                                     "tokenizer_class": "PreTrainedTokenizerFast"})");
  CHECK(set.table.frame == TextFrame{});
  REQUIRE(set.notes.size() == 1);
  CHECK(set.notes[0].starts_with("'add_bos_token' of "));
  CHECK(set.notes[0].ends_with(
      " is true and is set aside: tokenizer.json says which tokens stand around a text"));
  const Read unset = with_config(template_with("<|endoftext|>"), R"({"add_bos_token": false})");
  CHECK(unset.table.frame == TextFrame{{the_end}, {}});
  CHECK(unset.notes.size() == 1);
  for (const char* same : {R"({"add_bos_token": false, "add_eos_token": false})",
                           R"({"add_bos_token": null})", "{}"}) {
    CHECK(with_config(json_with({}), same).notes.empty());
  }
  // A name that is not a token decides nothing.
  CHECK(with_config(json_with({}), R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>",
                                       "add_bos_token": true})")
            .notes.size() == 1);
}

TEST_CASE("GPT-2's class takes add_bos_token beside vocab.json, and no token after a text") {
  const Read set = with_config(nullptr, R"({"add_bos_token": true})");
  CHECK(set.table.frame == TextFrame{{the_end}, {}});
  CHECK(set.notes.empty());
  CHECK(with_config(nullptr, R"({"add_bos_token": true, "tokenizer_class": "GPT2TokenizerFast",
                                 "bos_token": {"content": "the"}})")
            .table.frame == TextFrame{{number_of("the")}, {}});
  const Read end = with_config(nullptr, R"({"add_eos_token": true})");
  CHECK(end.table.frame == TextFrame{});
  REQUIRE(end.notes.size() == 1);
  CHECK(end.notes[0].ends_with("GPT-2's tokenizer adds no such token"));
  CHECK(with_config(nullptr, R"({"add_bos_token": true, "tokenizer_class": "Qwen2Tokenizer"})")
            .table.frame == TextFrame{});
}

TEST_CASE("what a tokenizer.json says of cutting, padding and versions changes nothing") {
  Json json = json_with({});
  const AnyTokenizer plain = tokenizer_of(learned());
  json["version"] = "1.0";
  json["truncation"] = {{"direction", "Right"}, {"max_length", 4}, {"stride", 0}};
  json["padding"] = {{"strategy", {{"Fixed", 8}}}, {"pad_id", 0}, {"pad_token", "a"}};
  json["post_processor"] = {{"type", "Sequence"},
                            {"processors", {{{"type", "ByteLevel"}, {"trim_offsets", true}}}}};
  json["model"]["dropout"] = nullptr;
  json["model"]["cache_capacity"] = 10000;
  CHECK(Read{json}.tokenizer == plain);
  CHECK(Read{json}.notes.empty());
}

TEST_CASE("options of a tokenizer_config.json that do not concern the tokens of a text") {
  const Read read = with_config(json_with({}), R"({"model_max_length": 1e30, "legacy": false,
      "padding_side": "left", "clean_up_tokenization_spaces": true, "use_default_system_prompt": 1,
      "sp_model_kwargs": {}, "split_special_tokens": false, "errors": "replace", "unk_token": null,
      "auto_map": {"AutoTokenizer": ["a", null]}, "extra_special_tokens": {},
      "chat_template": [{"name": "default", "template": "x"}], "processor_class": "P"})");
  CHECK(read.tokenizer == tokenizer_of(learned()));
  CHECK(read.notes.empty());
}

TEST_CASE("tokenizer.json goes before vocab.json, and that before tokenizer.model") {
  const TokenizerFiles folder;
  folder.write("tokenizer.model", "not read");
  folder.write("vocab.json", vocabulary_text(learned()));
  folder.write("merges.txt", merges_text(learned()));
  CHECK(Read(folder).tokenizer == tokenizer_of(learned()));
  Json json = json_with({added(learned_size, "<new>")});
  folder.write("tokenizer.json", json.dump());
  CHECK(Read(folder).tokenizer.vocabulary_size() == learned_size + 1);
}

TEST_CASE("kinds of models and parts that Octavo does not have are refused by name") {
  for (const char* type : {"Unigram", "WordPiece", "WordLevel"}) {
    Json json = json_with({});
    json["model"]["type"] = type;
    CHECK(refusal(json) == "'model.type': got '" + std::string(type) + "', expected 'BPE'");
  }
  Json lower = json_with({});
  lower["normalizer"] = {{"type", "Lowercase"}};
  CHECK(refusal(lower).starts_with("'normalizer': got {\"type\":\"Lowercase\"}, expected null"));
  Json dropout = json_with({});
  dropout["model"]["dropout"] = 0.1;
  CHECK(refusal(dropout) == "'model.dropout': got 0.1, expected 0.0");
  Json suffix = json_with({});
  suffix["model"]["end_of_word_suffix"] = "</w>";
  CHECK(refusal(suffix) == "'model.end_of_word_suffix': got '</w>', expected ''");
  Json twice = json_with({added(learned_size, "<a>"), added(learned_size + 1, "<a>")});
  CHECK(refusal(twice) == "'added_tokens': token '<a>' occurs twice");
}

TEST_CASE("added tokens beyond a gap, up to a padded vocabulary") {
  const TokenizerFiles folder;
  folder.write("tokenizer.json", json_with({added(learned_size + 7, "<far>", {{"special", true}}),
                                            added(learned_size + 2, "<near>")})
                                     .dump());
  const Read read(folder, learned_size + 55);
  CHECK(read.notes.empty());
  CHECK(read.tokenizer.vocabulary_size() == learned_size + 55);
  const auto number = [](Index beyond) { return static_cast<Token>(learned_size + beyond); };
  CHECK(read.tokenizer.encode("<near><far>", SpecialTokens::recognized) ==
        Tokens{number(2), number(7)});
  for (const Index beyond : {0, 1, 3, 6, 8, 54}) CHECK(read.tokenizer.is_reserve(number(beyond)));
}
