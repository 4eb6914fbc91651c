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

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "interop/tokenizer_files.hpp"
#include "tokenizers/fixed_alphabet.hpp"

using namespace octavo;
using octavo_test::added;
using octavo_test::json_with;
using octavo_test::learned;
using octavo_test::learned_size;
using octavo_test::Read;
using octavo_test::TokenizerFiles;
using octavo_test::trained;
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

TEST_CASE("tokens that the model has no number for are set aside, if no text needs them") {
  const TokenizerFiles folder;
  folder.write("tokenizer.json",
               json_with({added(learned_size, "[PAD]", {{"special", true}})}).dump());
  const Read read(folder, learned_size);
  CHECK(read.tokenizer == tokenizer_of(learned()));
  CHECK(read.notes.size() == 1);
  CHECK(Read(folder, learned_size + 5).tokenizer.vocabulary_size() == learned_size + 5);
  CHECK_THROWS_AS((Read{folder, 200}), FormatError);
}
