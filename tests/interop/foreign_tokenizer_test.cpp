// SPDX-License-Identifier: MIT
// Tokenizers that others have added to: the same tokens as theirs, or a note, or a refusal.
// (tests/ecosystem/tokenizers.sh compares such files with Hugging Face's library.)
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;
using Json = nlohmann::json;

namespace {

using Tokens = std::vector<Token>;

/// "the" and " the" are 262 and 263 of 265 tokens, the last of which is "<|endoftext|>".
const TokenTable& learned() {
  static const TokenTable table = [] {
    constexpr std::string_view end[] = {"<|endoftext|>"};
    BpeTrainer trainer;
    trainer.add("the cat the cat the mat the the");
    return token_table_of(trainer.train(270, end));
  }();
  return table;
}
const Index size = std::ssize(learned().tokens);

struct Folder {
  static inline int count = 0;
  std::string path = octavo_test::temporary_path("tokenizers" + std::to_string(count++));
  Folder() { std::filesystem::remove_all(path), std::filesystem::create_directory(path); }
  Folder(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
  }
};

Json added(Index id, const std::string& content, const Json& fields = Json::object()) {
  Json token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  token.update(fields);
  return token;
}

Json json_with(const std::vector<Json>& tokens) {
  Json json = Json::parse(tokenizer_json_text(learned()));
  for (const Json& token : tokens) json["added_tokens"].push_back(token);
  return json;
}

/// What a folder's tokenizer is; it must come back from whatever it is saved as.
struct Read {
  std::vector<std::string> notes;
  TokenTable table;
  AnyTokenizer tokenizer = CharacterTokenizer("a");

  explicit Read(const Folder& folder, Index vocabulary = 0) {
    const auto read = vocabulary == 0 ? read_tokenizer_folder(folder.path, notes)
                                      : read_tokenizer_folder(folder.path, vocabulary, notes);
    table = *read;
    tokenizer = tokenizer_of(table);
    check_round_trips();
  }
  explicit Read(const Json& json) {
    const Folder folder;
    folder.write("tokenizer.json", json.dump());
    *this = Read(folder);
  }

  void check_round_trips() const {
    std::vector<std::string> none;
    const Folder folder;
    save_tokenizer_folder(folder.path, table);
    CHECK(tokenizer_of(*read_tokenizer_folder(folder.path)) == tokenizer);
    std::filesystem::remove(folder.path + "/tokenizer.json");
    CHECK(tokenizer_of(*read_tokenizer_folder(folder.path)) == tokenizer);
    CHECK(tokenizer_of(token_table_of(tokenizer)) == tokenizer);
    MetadataWriter metadata;
    detail::write_tokenizer(metadata, tokenizer);
    const std::string bytes = octavo_test::saved_bytes([&](const auto& path, auto& files) {
      write_safetensors(path, {}, metadata.entries(), files);
    });
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    const SafetensorsReader file(source);
    CHECK(detail::read_tokenizer(MetadataReader(file), tokenizer.vocabulary_size()) == tokenizer);
  }
};

std::string refusal(const Json& json) {
  try {
    Read{json};
  } catch (const FormatError& error) {
    const std::string message = error.what();
    return message.substr(message.find("': ") + 3);
  }
  return "";
}

Token number_of(const std::string& letters) {
  const auto found = std::find(learned().tokens.begin(), learned().tokens.end(), letters);
  return static_cast<Token>(found - learned().tokens.begin());
}

}  // namespace

TEST_CASE("added tokens are found in a text, special ones where they are recognized") {
  const Read read(json_with({added(size, " x"), added(size + 1, "<s>", {{"special", true}})}));
  const Token the = number_of("the"), x = static_cast<Token>(size);
  CHECK(read.tokenizer.encode("the xthe") == Tokens{the, x, the});
  CHECK(read.tokenizer.encode("<s>the", SpecialTokens::recognized) == Tokens{x + 1, the});
  CHECK(read.tokenizer.encode("<s>the") == tokenizer_of(learned()).encode("<s>the"));
  CHECK(read.tokenizer.end_token() == number_of("<|endoftext|>"));
  CHECK(read.notes.empty());
}

TEST_CASE("gaps between numbers are in reserve") {
  const Read read(json_with({added(size, "<s>"), added(size + 3, "<p>")}));
  CHECK(read.tokenizer.vocabulary_size() == size + 4);
  CHECK(read.table.kinds[static_cast<std::size_t>(size) + 1] == TokenKind::unused);
  CHECK(read.tokenizer.encode("<p>") == Tokens{static_cast<Token>(size + 3)});
}

TEST_CASE("spaces, order and tokens of the text") {
  const Token the = number_of("the");
  const Token x = static_cast<Token>(size);
  const Read strip(json_with({added(size, "<m>", {{"lstrip", true}}),
                              added(size + 1, "<n>", {{"rstrip", true}, {"special", true}})}));
  CHECK(strip.tokenizer.encode("the  <m>the") == Tokens{the, x, the});
  CHECK(strip.tokenizer.encode("<n>  the", SpecialTokens::recognized) == Tokens{x + 1, the});
  const Read late(json_with({added(size, "ab", {{"normalized", true}}), added(size + 1, "bc")}));
  CHECK(late.tokenizer.encode("abc") == Tokens{number_of("a"), x + 1});
  const Read known(json_with({added(the, "the")}));
  CHECK(known.tokenizer.encode(" the") == Tokens{number_of("\u0120"), the});
  CHECK(tokenizer_of(learned()).encode(" the") == Tokens{number_of("\u0120the")});
}

TEST_CASE("what 'single_word' would change is refused, or told") {
  CHECK(refusal(json_with({added(size, "<x>", {{"single_word", true}})})) ==
        "token '<x>': 'single_word' is true, expected false");
  const Read special(json_with({added(size, "<x>", {{"single_word", true}, {"special", true}})}));
  CHECK(special.notes.size() == 1);
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
  CHECK(refusal(json).starts_with("'pre_tokenizer.pattern': got {"));
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array()}};
  CHECK(refusal(json).starts_with("'pre_tokenizer': got {"));
}

TEST_CASE("vocab.json and merges.txt as Windows and others write them") {
  const AnyTokenizer plain = tokenizer_of(learned());
  const std::string merges = merges_text(learned());
  std::string windows = "\xef\xbb\xbf";
  for (const char symbol : merges) windows += symbol == '\n' ? "\r\n" : std::string(1, symbol);
  for (const std::string& text : {windows, merges + "\n\n", merges.substr(merges.find('\n') + 1)}) {
    const Folder folder;
    folder.write("vocab.json", "\xef\xbb\xbf" + vocabulary_text(learned()));
    folder.write("merges.txt", text);
    CHECK(Read(folder).tokenizer == plain);
  }
}

TEST_CASE("what was added beside vocab.json is honoured") {
  const Folder folder;
  folder.write("vocab.json", vocabulary_text(learned()));
  folder.write("merges.txt", merges_text(learned()));
  const Token x = static_cast<Token>(size), the = number_of("the");
  folder.write("added_tokens.json", Json{{"<s>", size}, {"<t>", size + 1}}.dump());
  folder.write("special_tokens_map.json", R"({"pad_token": {"content": "<s>", "lstrip": false}})");
  CHECK(Read(folder).tokenizer.encode("<s><t>the").back() == the);
  CHECK(Read(folder).tokenizer.encode("<t>the") == Tokens{x + 1, the});
  CHECK(Read(folder).tokenizer.encode("<s>the", SpecialTokens::recognized) == Tokens{x, the});
  const Json decoder = {{std::to_string(size), added(size, "<u>", {{"lstrip", true}})}};
  folder.write("tokenizer_config.json",
               Json{{"added_tokens_decoder", decoder}, {"add_bos_token", true}}.dump());
  CHECK(Read(folder).tokenizer.encode("the <u>") == Tokens{the, x});
  CHECK(Read(folder).notes.size() == 1);
  folder.write("tokenizer_config.json", R"({"add_prefix_space": true})");
  CHECK_THROWS_AS(Read{folder}, FormatError);
}

TEST_CASE("tokens that the model has no number for are set aside, if no text needs them") {
  const Folder folder;
  folder.write("tokenizer.json", json_with({added(size, "[PAD]", {{"special", true}})}).dump());
  const Read read(folder, size);
  CHECK(read.tokenizer == tokenizer_of(learned()));
  CHECK(read.notes.size() == 1);
  CHECK(Read(folder, size + 5).tokenizer.vocabulary_size() == size + 5);
  CHECK_THROWS_AS((Read{folder, 200}), FormatError);
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
