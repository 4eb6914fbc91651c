// SPDX-License-Identifier: MIT
// vocab.json, merges.txt and the files beside them.
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/vocabulary_files.hpp>

#include "interop/tokenizer_files.hpp"

using namespace octavo;
using namespace octavo_test;

TEST_CASE("vocab.json and merges.txt as Windows and others write them") {
  const AnyTokenizer plain = tokenizer_of(learned());
  const std::string merges = merges_text(learned());
  std::string windows = "\xef\xbb\xbf";
  for (const char symbol : merges) windows += symbol == '\n' ? "\r\n" : std::string(1, symbol);
  for (const std::string& text : {windows, merges + "\n\n", merges.substr(merges.find('\n') + 1)}) {
    const TokenizerFiles folder;
    folder.write("vocab.json", "\xef\xbb\xbf" + vocabulary_text(learned()));
    folder.write("merges.txt", text);
    CHECK(Read(folder).tokenizer == plain);
  }
}

TEST_CASE("what was added beside vocab.json is honoured") {
  const TokenizerFiles folder;
  folder.write("vocab.json", vocabulary_text(learned()));
  folder.write("merges.txt", merges_text(learned()));
  const Token x = static_cast<Token>(learned_size), the = number_of("the");
  folder.write("added_tokens.json", Json{{"<s>", learned_size}, {"<t>", learned_size + 1}}.dump());
  folder.write("special_tokens_map.json", R"({"pad_token": {"content": "<s>", "lstrip": false}})");
  CHECK(Read(folder).tokenizer.encode("<s><t>the").back() == the);
  CHECK(Read(folder).tokenizer.encode("<t>the") == Tokens{x + 1, the});
  CHECK(Read(folder).tokenizer.encode("<s>the", SpecialTokens::recognized) == Tokens{x, the});
  const Json decoder = {
      {std::to_string(learned_size), added(learned_size, "<u>", {{"lstrip", true}})}};
  folder.write("tokenizer_config.json",
               Json{{"added_tokens_decoder", decoder}, {"add_bos_token", true}}.dump());
  CHECK(Read(folder).tokenizer.encode("the <u>") == Tokens{the, x});
  CHECK(Read(folder).notes.empty());
  CHECK(Read(folder).tokenizer.frame() == TextFrame{{number_of("<|endoftext|>")}, {}});
  folder.write("tokenizer_config.json", R"({"add_prefix_space": true})");
  CHECK_THROWS_AS(Read{folder}, FormatError);
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
  refused("3", merges, "it is not a JSON object");
  refused("{}", merges,
          "merges: merge 0 is '\\xc4\\xa0 t', expected two tokens with a space between");
  refused(R"({"a": -1})", "", "token 'a': its number is -1, expected 0 to 524287");
  refused(vocabulary, merges + "q q", "merges: merge 23 makes 'qq', which is not a token");
  refused(vocabulary, merges + "\u0120 t\n", "merges: merge 23, which makes ' t', occurs twice");
  TokenTable bad = table;
  bad.tokens.back() = "\xff";
  CHECK_THROWS_WITH_AS(save_tokenizer_folder("nowhere", bad),
                       "cannot write token '\\xff' in JSON: it is not UTF-8", Error);
}

TEST_CASE("a merge a line, without the version, empty lines and what Windows adds") {
  const auto merges = [](const std::string& text) {
    return read_merges_text(text_source("merges.txt", text));
  };
  using Lines = std::vector<std::string>;
  CHECK(merges("") == Lines{});
  CHECK(merges("#version: 0.2\na b\nab c\n") == Lines{"a b", "ab c"});
  CHECK(merges("a b\n#version b") == Lines{"a b", "#version b"});  // a merge of '#version'
  CHECK(merges("\xef\xbb\xbf#version: 0.2\r\n\r\na b\r\n") == Lines{"a b"});
  std::string many;
  for (int i = 0; i <= 1 << 20; ++i) many += "a b\n";
  CHECK_THROWS_WITH_AS(merges(many), "cannot load 'merges.txt': it has more than 2^20 merges",
                       FormatError);
}

TEST_CASE("special names are those of the fields for them") {
  const std::string map =
      R"({"bos_token": "<s>", "pad_token": {"content": "<p>"}, "token": "no", "eos_token": null,
          "additional_special_tokens": ["<a>", {"content": "<b>"}, 3], "name": "no"})";
  const JsonObject file(text_source("f", map));
  CHECK(detail::special_names({&file, nullptr}) ==
        std::set<std::string>{"<s>", "<p>", "<a>", "<b>"});
}

TEST_CASE("names alone say what a token is where nothing else does") {
  CHECK(detail::kind_of_name("<unk>") == TokenKind::unknown);
  CHECK(detail::kind_of_name("<unused_7>") == TokenKind::unused);
  CHECK(detail::kind_of_name("[PAD12]") == TokenKind::unused);
  CHECK(detail::kind_of_name("<|endoftext|>") == TokenKind::control);
}
