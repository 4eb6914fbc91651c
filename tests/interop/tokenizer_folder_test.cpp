// SPDX-License-Identifier: MIT
// vocab.json, merges.txt and tokenizer.json: tokenizers come back from them, and what would make
// others of them is refused.
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/data/soliloquy.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "tokenizers/fixed_alphabet.hpp"

using namespace octavo;
using Json = nlohmann::json;

namespace {

/// A folder that goes when the test ends.
struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("octavo_tokens_" + std::to_string(::getpid())))
          .string();
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directory(path);
    std::ofstream(path + "/" + name, std::ios::binary) << text;
  }
  std::string text(const std::string& name) const { return read_file(path + "/" + name); }
};

MemorySource source_of(const std::string& name, const std::string& text) {
  return MemorySource(name, std::as_bytes(std::span(text)));
}

TokenTable read_json(const std::string& text) {
  std::vector<std::string> notes;
  return read_tokenizer_json(source_of("tokenizer.json", text), notes);
}

TokenTable read_two(const std::string& vocabulary, const std::string& merges) {
  std::vector<std::string> notes;
  return read_vocabulary_files(source_of("vocab.json", vocabulary), source_of("merges.txt", merges),
                               {}, notes);
}

BpeTokenizer trained() {
  constexpr std::string_view end[] = {"<|endoftext|>"};
  BpeTrainer trainer;
  trainer.add(soliloquy);
  return trainer.train(280, end);
}

std::vector<TokenTable> tables() {
  TokenTable reserve = token_table_of(trained());
  add_reserve(reserve, 283);
  return {token_table_of(trained()), reserve, token_table_of(CharacterTokenizer("ba \n")),
          token_table_of(CharacterTokenizer("ab\xff\"\\", UnknownToken::excluded)),
          token_table_of(octavo_test::fixed_alphabet_tokenizer)};
}

}  // namespace

TEST_CASE("a folder's tokenizer comes back") {
  for (const TokenTable& table : tables()) {
    const Folder folder;
    save_tokenizer_folder(folder.path, table);
    CHECK(read_tokenizer_folder(folder.path) == table);
    CHECK(Json::parse(folder.text("tokenizer_config.json")).is_object());
    std::filesystem::remove(folder.path + "/tokenizer.json");
    CHECK(read_tokenizer_folder(folder.path) == table);
    std::filesystem::remove(folder.path + "/merges.txt");
    CHECK_THROWS_AS(read_tokenizer_folder(folder.path), IoError);
    std::filesystem::remove(folder.path + "/vocab.json");
    CHECK(!read_tokenizer_folder(folder.path));
  }
  CHECK(!read_tokenizer_folder("nowhere"));
}

TEST_CASE("the files are as GPT-2's are") {
  const TokenTable table = token_table_of(trained());
  CHECK(merges_text(table).starts_with("#version: 0.2\n\u0120 t\n"));
  const Json vocabulary = Json::parse(vocabulary_text(table));
  CHECK(vocabulary.at("!") == 0);
  CHECK(vocabulary.at("\u0120t") == 256);
  const Json json = Json::parse(tokenizer_json_text(table));
  CHECK(json.at("model").at("vocab") == vocabulary);
  CHECK(json.at("model").at("merges").at(0) == "\u0120 t");
  CHECK(json.at("added_tokens").at(0).at("id") == 279);
  CHECK(json.at("pre_tokenizer").at("add_prefix_space") == false);
  const Json characters =
      Json::parse(tokenizer_json_text(token_table_of(CharacterTokenizer("a b"))));
  CHECK(characters.at("model").at("unk_token") == "<unk>");
  CHECK(characters.at("added_tokens").empty());
  const std::string config = detail::tokenizer_config_text(table);
  CHECK(Json::parse(config).at("eos_token") == "<|endoftext|>");
}

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

TEST_CASE("a tokenizer.json that says anything else is refused") {
  const Json good = Json::parse(tokenizer_json_text(token_table_of(trained())));
  const auto refused = [&](const char* pointer, const Json& value, const std::string& message) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const std::string text = "cannot load 'tokenizer.json': " + message;
    INFO(std::string(pointer));
    CHECK_THROWS_WITH_AS(read_json(bad.dump()), text.c_str(), FormatError);
  };
  refused("/normalizer", {{"type", "NFC"}}, "'normalizer': got {\"type\":\"NFC\"}, expected null");
  refused("/pre_tokenizer", nullptr, "'pre_tokenizer': got null, expected one of type 'ByteLevel'");
  refused(
      "/pre_tokenizer/type", "Whitespace",
      "'pre_tokenizer': got "
      "{\"add_prefix_space\":false,\"trim_offsets\":true,\"type\":\"Whitespace\",\"use_regex\":tr"
      "..., expected one of type 'ByteLevel'");
  refused("/pre_tokenizer/add_prefix_space", true,
          "'pre_tokenizer.add_prefix_space': got true, expected false");
  refused("/pre_tokenizer/use_regex", false, "'pre_tokenizer.use_regex': got false, expected true");
  refused("/post_processor", 3, "'post_processor': got 3, expected one of type 'ByteLevel'");
  refused("/decoder", Json::array(), "'decoder': got [], expected one of type 'ByteLevel'");
  refused("/model", "BPE", "'model' is no object");
  refused("/model/type", "WordPiece", "'model.type': got 'WordPiece', expected 'BPE'");
  refused("/model/dropout", 0.1, "'model.dropout': got 0.1, expected 0.0");
  refused("/model/end_of_word_suffix", "</w>",
          "'model.end_of_word_suffix': got '</w>', expected ''");
  refused("/model/continuing_subword_prefix", "##",
          "'model.continuing_subword_prefix': got '##', expected ''");
  refused("/model/fuse_unk", true, "'model.fuse_unk': got true, expected false");
  refused("/model/byte_fallback", true, "'model.byte_fallback': got true, expected false");
  refused("/model/ignore_merges", true, "'model.ignore_merges': got true, expected false");
  refused("/model/unk_token", 3, "'model.unk_token': got 3, expected a token or null");
  refused("/model/unk_token", "<unk>",
          "'model.unk_token': got '<unk>', expected a token that is neither a byte nor made by a "
          "merge");
  refused("/model/vocab", Json::array(), "'model.vocab' is no object");
  refused("/model/merges", Json::object(), "'model.merges' is no list");
  refused("/model/merges/0", 3, "'model.merges': got 3, expected two tokens");
  refused("/model/merges/0", {"a", "b", "c"},
          "'model.merges': got [\"a\",\"b\",\"c\"], expected two tokens");
  refused("/model/merges/0", "ab",
          "merges: merge 0 is 'ab', expected two tokens with a space between");
  const std::string number = ", expected 0 to 262143";
  const std::string own = ", expected one of its own: it is that of ";
  refused("/model/vocab/a", 65, "token 'b': its number is 65" + own + "'a'");
  refused("/model/vocab/a", 262144, "token 'a': its number is 262144" + number);
  refused("/model/vocab/a", -1, "token 'a': its number is -1" + number);
  refused("/model/vocab/a", "64", "token 'a': its number is '64' (a text)" + number);
  refused("/model/vocab/a", 64.5, "token 'a': its number is 64.5" + number);
  refused("/added_tokens", 3, "'added_tokens' is no list");
  refused("/added_tokens/0", "x",
          "'added_tokens': got 'x' (a text), expected tokens, each with a 'content'");
  refused("/added_tokens/0/id", 12, "token '<|endoftext|>': its number is 12" + own + "'-'");
  refused("/added_tokens/0/id", nullptr, "token '<|endoftext|>': its number is null" + number);
  refused("/added_tokens/1", good["added_tokens"][0],
          "'added_tokens': token '<|endoftext|>' is there twice");
  refused("/added_tokens/1", {{"content", "\u0120t"}, {"id", 256}},
          "token '\\xc4\\xa0t' was added, but its letters stand for other bytes of the text");
  refused("/added_tokens/1", {{"content", "xy"}, {"id", 280}, {"single_word", true}},
          "token 'xy': 'single_word' is true, expected false");
  refused("/added_tokens/1", {{"content", "xy"}, {"id", 280}, {"lstrip", 1}},
          "token 'xy': 'lstrip' is 1, expected true or false");
  const auto no_json = [](const std::string& text, const std::string& message) {
    CHECK_THROWS_WITH_AS(read_json(text), ("cannot load 'tokenizer.json': " + message).c_str(),
                         FormatError);
  };
  no_json("", "it is no JSON object");
  no_json("[]", "it is no JSON object");
  no_json("{", "it is no JSON object");
  no_json("{}", "'pre_tokenizer': got null, expected one of type 'ByteLevel'");
  no_json(R"({"a": 1, "a": 2})", "it names 'a' twice");
  no_json(R"({"a": [[[[[[[[]]]]]]]]})", "it nests deeper than 8");
  for (std::size_t size = 0; size < 400; ++size) {
    CHECK_THROWS_AS(read_json(good.dump().substr(0, size)), FormatError);
  }
}

TEST_CASE("a vocab.json or merges.txt that is wrong is refused") {
  const TokenTable table = token_table_of(trained());
  const std::string vocabulary = vocabulary_text(table);
  const std::string merges = merges_text(table);
  const auto refused = [](const std::string& first, const std::string& second,
                          const std::string& message) {
    CHECK_THROWS_WITH_AS(read_two(first, second), ("cannot load 'vocab.json': " + message).c_str(),
                         FormatError);
  };
  refused("3", merges, "it is no JSON object");
  refused("{}", merges,
          "merges: merge 0 is '\\xc4\\xa0 t', expected two tokens with a space between");
  refused(R"({"a": -1})", "", "token 'a': its number is -1, expected 0 to 262143");
  refused(vocabulary, merges + "q q", "merges: merge 23 makes 'qq', which is no token");
  refused(vocabulary, merges + "\u0120 t\n", "merges: merge 23, which makes ' t', is there twice");
  TokenTable bad = table;
  bad.tokens.back() = "\xff";
  CHECK_THROWS_WITH_AS(save_tokenizer_folder("nowhere", bad),
                       "cannot write token '\\xff' in JSON: it is no UTF-8", Error);
}
