// SPDX-License-Identifier: MIT
// A vocabulary of byte pairs, its files, and what others add to them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "checkpoint/forged_file.hpp"

namespace octavo_test {

using namespace octavo;
using Json = nlohmann::json;

using Tokens = std::vector<Token>;

/// "the" and " the" are 262 and 263 of 265 tokens, the last of which is "<|endoftext|>".
inline const TokenTable& learned() {
  static const TokenTable table = [] {
    constexpr std::string_view end[] = {"<|endoftext|>"};
    BpeTrainer trainer;
    trainer.add("the cat the cat the mat the the");
    return token_table_of(trainer.train(270, end));
  }();
  return table;
}
inline const Index learned_size = std::ssize(learned().tokens);

struct TokenizerFiles {
  static inline int count = 0;
  std::string path = temporary_path("tokenizers" + std::to_string(count++));
  TokenizerFiles() { std::filesystem::remove_all(path), std::filesystem::create_directory(path); }
  TokenizerFiles(const TokenizerFiles&) = delete;
  ~TokenizerFiles() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
  }
};

inline Json added(Index id, const std::string& content, const Json& fields = Json::object()) {
  Json token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  token.update(fields);
  return token;
}

inline Json json_with(const std::vector<Json>& tokens) {
  Json json = Json::parse(tokenizer_json_text(learned()));
  for (const Json& token : tokens) json["added_tokens"].push_back(token);
  return json;
}

/// What a folder's tokenizer is; it must come back from whatever it is saved as.
struct Read {
  std::vector<std::string> notes;
  TokenTable table;
  AnyTokenizer tokenizer = CharacterTokenizer("a");

  explicit Read(const TokenizerFiles& folder, Index vocabulary = 0) {
    const auto read = vocabulary == 0 ? read_tokenizer_folder(folder.path, notes)
                                      : read_tokenizer_folder(folder.path, vocabulary, notes);
    table = *read;
    tokenizer = tokenizer_of(table);
    check_round_trips();
  }
  explicit Read(const Json& json) {
    const TokenizerFiles folder;
    folder.write("tokenizer.json", json.dump());
    *this = Read(folder);
  }

  void check_round_trips() const {
    std::vector<std::string> none;
    const TokenizerFiles folder;
    save_tokenizer_folder(folder.path, table);
    CHECK(tokenizer_of(*read_tokenizer_folder(folder.path)) == tokenizer);
    if (table.is_as_gpt2() && table.frame == TextFrame{}) {
      std::filesystem::remove(folder.path + "/tokenizer.json");
      CHECK(tokenizer_of(*read_tokenizer_folder(folder.path)) == tokenizer);
    }
    CHECK(tokenizer_of(token_table_of(tokenizer)) == tokenizer);
    MetadataWriter metadata;
    detail::write_tokenizer(metadata, tokenizer);
    const std::string bytes = saved_bytes([&](const auto& path, auto& files) {
      write_safetensors(path, {}, metadata.entries(), files);
    });
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    const SafetensorsReader file(source);
    CHECK(detail::read_tokenizer(MetadataReader(file), tokenizer.vocabulary_size()) == tokenizer);
  }
};

inline std::string refusal(const Json& json) {
  try {
    Read{json};
  } catch (const FormatError& error) {
    const std::string message = error.what();
    return message.substr(message.find("': ") + 3);
  }
  return "";
}

inline Token number_of(const std::string& letters) {
  const auto found = std::find(learned().tokens.begin(), learned().tokens.end(), letters);
  return static_cast<Token>(found - learned().tokens.begin());
}

inline MemorySource text_source(const std::string& name, const std::string& text) {
  return MemorySource(name, std::as_bytes(std::span(text)));
}

inline TokenTable read_json(const std::string& text) {
  std::vector<std::string> notes;
  return read_tokenizer_json(text_source("tokenizer.json", text), notes);
}

inline TokenTable read_two(const std::string& vocabulary, const std::string& merges) {
  return read_vocabulary_files(text_source("vocab.json", vocabulary),
                               text_source("merges.txt", merges), {});
}

/// Byte pairs of a longer text: 280 tokens.
inline BpeTokenizer trained() {
  constexpr std::string_view end[] = {"<|endoftext|>"};
  BpeTrainer trainer;
  trainer.add(sample_text);
  return trainer.train(280, end);
}

}  // namespace octavo_test
