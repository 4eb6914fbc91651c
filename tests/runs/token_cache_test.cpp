// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/runs/token_cache.hpp>

#include "files/folder.hpp"

namespace {

using octavo::AnyTokenizer;
using octavo::ByteTokenizer;
using octavo::CharacterTokenizer;
using octavo::CorpusText;
using octavo::DocumentBorders;
using octavo::TokenCache;

/// A text in a file, and its cache.
struct Cached {
  explicit Cached(const Folder& folder)
      : text("data", {folder / "text"}, 1000), cache(folder / "cache/tokens", text, callbacks) {}

  auto find(const AnyTokenizer& tokenizer, const std::string& division = "",
            const std::string& text_hash = "") const {
    return cache.find(octavo::token_hash(tokenizer, division), text_hash);
  }
  auto make(const AnyTokenizer& tokenizer, const std::string& documents = "") const {
    const DocumentBorders borders = text.borders(documents);
    return cache.make({tokenizer, borders, tokenizer.end_token().value_or(-1),
                       octavo::token_hash(tokenizer, documents)},
                      "hash of the text");
  }

  std::vector<std::string> said, warned;
  octavo::RunCallbacks callbacks{
      .say = [this](const std::string& line) { said.push_back(line); },
      .warn = [this](const std::string& what, const std::string&) { warned.push_back(what); }};
  CorpusText text;
  TokenCache cache;
};

}  // namespace

TEST_CASE("tokens are made once, and found again by another process") {
  const Folder folder;
  folder.write("text", "to be\nor not\n");
  {
    const Cached first(folder);
    CHECK(first.find(ByteTokenizer()) == nullptr);
    const auto made = first.make(ByteTokenizer());
    CHECK(made->view().size() == 13);
    CHECK(made->view()[1] == 'o');
    REQUIRE(first.said.size() == 1);
    CHECK(first.said[0].starts_with("tokens: made " + (folder / "cache/tokens") + ", "));
  }
  const Cached again(folder);
  const auto found = again.find(ByteTokenizer());
  REQUIRE(found != nullptr);
  CHECK(found->view().size() == 13);
  CHECK(found->info().text_hash == "hash of the text");
  CHECK(again.said == std::vector{"tokens: " + (folder / "cache/tokens") + ", as they are"});
}

TEST_CASE("tokens of another tokenizer or another division into documents are not valid") {
  const Folder folder;
  folder.write("text", "to be\nor not\n");
  const AnyTokenizer bytes = ByteTokenizer().with_end_token();
  const Cached cached(folder);
  CHECK(cached.make(bytes, "line")->view().size() == 13);  // each line end is an end of a text
  CHECK(cached.find(bytes, "line") != nullptr);
  CHECK(cached.find(bytes) == nullptr);
  CHECK(cached.find(bytes, "end \n") == nullptr);
  CHECK(cached.find(ByteTokenizer(), "line") == nullptr);
  CHECK(cached.find(CharacterTokenizer::from_text("to be\nor not\n"), "line") == nullptr);
  AnyTokenizer other_end = bytes;
  other_end.set_end_tokens({'t'});
  CHECK(cached.find(other_end, "line") == nullptr);
}

TEST_CASE("tokens are valid for the text that they were made from alone") {
  const Folder folder;
  folder.write("text", "to be\nor not\n");
  { Cached(folder).make(ByteTokenizer()); }
  // A known hash decides, whatever the file's times are; without one its times do.
  std::filesystem::last_write_time(folder.path / "text", {});
  const Cached touched(folder);
  CHECK(touched.find(ByteTokenizer()) == nullptr);
  CHECK(touched.find(ByteTokenizer(), "", "hash of the text") != nullptr);
  CHECK(touched.find(ByteTokenizer(), "", "another hash") == nullptr);
  std::ofstream(folder.path / "text", std::ios::app) << "more";
  const Cached longer(folder);
  CHECK(longer.find(ByteTokenizer(), "", "hash of the text") == nullptr);
}

TEST_CASE("a token file that is damaged is made again, one of something else is left") {
  const Folder folder;
  folder.write("text", "to be\nor not\n");
  const std::string path = folder / "cache/tokens";
  { Cached(folder).make(ByteTokenizer()); }
  std::string bytes = octavo::read_file(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  const Cached cached(folder);
  CHECK(cached.find(ByteTokenizer()) == nullptr);
  REQUIRE(cached.warned.size() == 1);
  CHECK(cached.warned[0].ends_with("; it is made again"));
  CHECK(cached.make(ByteTokenizer())->view().size() == 13);
  std::ofstream(path) << "a diary";
  CHECK_THROWS_WITH_AS(cached.find(ByteTokenizer()), doctest::Contains("is not a token file"),
                       octavo::ConfigError);
  CHECK(octavo::read_file(path) == "a diary");
}

TEST_CASE("making tokens replaces no text, refuses one that changes, and clears up") {
  const Folder folder;
  folder.write("text", "to be\nor not\n");
  const octavo::RunCallbacks none;
  const CorpusText text("data", {folder / "text"}, 1000);
  const AnyTokenizer bytes = ByteTokenizer();
  const octavo::TokenRecipe recipe{bytes, {}, -1, octavo::token_hash(bytes, "")};
  CHECK_THROWS_WITH_AS(TokenCache(folder / "text", text, none).make(recipe, ""),
                       doctest::Contains("token-file: got "), octavo::ConfigError);
  folder.write("cache/tokens.tmp.1", "half");
  const TokenCache cache(folder / "cache/tokens", text, none);
  cache.make(recipe, "");
  CHECK_FALSE(std::filesystem::exists(folder.path / "cache/tokens.tmp.1"));
  std::filesystem::remove(folder.path / "cache/tokens");
  folder.write("text", "other text\n\n");
  CHECK_THROWS_AS(cache.make(recipe, ""), octavo::DataError);
  CHECK_FALSE(std::filesystem::exists(folder.path / "cache/tokens"));
}
