// SPDX-License-Identifier: MIT
// Vocabularies of the Llama family in GGUF files: they come back, with the tokens that Hugging
// Face's library has for the fixtures' texts.
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/gguf_tokens.hpp>
#include <octavo/interop/tokenizer_json.hpp>
#include <octavo/tokenizers/nfc.hpp>

#include "checkpoint/forged_file.hpp"
#include "interop/tokenizer_files.hpp"

using namespace octavo;

namespace {

using Json = nlohmann::json;

Json family(const std::string& name) {
  return Json::parse(read_file(OCTAVO_TEST_REFERENCE_FOLDER "/tokenizers/" + name + ".json"));
}

std::string file_with(const TokenTable& table) {
  PretrainedConfig config;
  config.begin_token = table.frame.before.empty() ? Token{0} : table.frame.before.front();
  config.end_token = 1;
  return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
    GgufEntries entries;
    detail::add_gguf_tokens(config, table, entries);
    write_gguf(path, entries, {}, files);
  });
}

TokenTable read_back(const std::string& bytes) {
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  const GgufReader file(source);
  PretrainedConfig config;
  return detail::GgufTokensFile(file, config).read();
}

}  // namespace

TEST_CASE("a vocabulary of every family has the same tokens of a text after GGUF") {
  for (const std::string name : {"llama3", "qwen2", "smollm", "tekken", "llama2", "gemma"}) {
    CAPTURE(name);
    const Json expected = family(name);
    const TokenTable table = octavo_test::Read(expected["tokenizer"]).table;
    const TokenTable back = read_back(file_with(table));
    CHECK(back.tokens == table.tokens);
    CHECK(back.split == table.split);
    CHECK(back.sentence_pieces == table.sentence_pieces);
    CHECK(back.frame == table.frame);
    const AnyTokenizer tokenizer = tokenizer_of(back);
    int compared = 0;
    for (const Json& one : expected["texts"]) {
      const std::string text = one["text"];
      // GGUF has no rules for spaces around names, and llama.cpp does not normalize.
      if (text.find('<') != text.npos) continue;
      if (name == "qwen2" && to_nfc(text).value_or(text) != text) continue;
      const std::string shown = printable(text, 100);
      CAPTURE(shown);
      CHECK(tokenizer.encode(text, SpecialTokens::recognized) ==
            one["ids"].get<std::vector<Token>>());
      ++compared;
    }
    CHECK(compared > 10);
  }
}

TEST_CASE("where a file does not say whether a text begins with a token, its kind does") {
  const auto begins = [](const std::string& name) {
    std::string bytes = file_with(octavo_test::Read(family(name)["tokenizer"]).table);
    const std::size_t at = bytes.find("tokenizer.ggml.add_bos_token");
    bytes[at + 10] = 'X';  // another entry
    return !read_back(bytes).frame.before.empty();
  };
  CHECK(begins("llama3"));
  CHECK(begins("llama2"));
  CHECK(!begins("qwen2"));
  CHECK(!begins("smollm"));
}
