// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_reader.hpp>

#include "files/folder.hpp"

namespace {

using octavo::Corpus;
using octavo::CorpusOptions;
using octavo::CorpusReader;
using octavo::Index;
using octavo::TokenizerKind;

Corpus read(const CorpusOptions& options) { return CorpusReader(options).read(); }

std::string text_of(const Corpus& corpus) {
  std::string text;
  for (Index i = 0; i < corpus.tokens().size(); ++i) {
    text += corpus.tokenizer.decode(corpus.tokens()[i]);
  }
  return text;
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("without data a corpus is the built-in text") {
  const Corpus corpus = read({});
  CHECK(corpus.built_in);
  CHECK(corpus.name == "the built-in text");
  CHECK(corpus.beginning == "To be ");
  CHECK(text_of(corpus) == octavo::sample_text);
  CHECK(corpus.tokenizer.vocabulary_size() == 35);
  CHECK(corpus.identity.hash == octavo::sha256(octavo::sample_text));
  CHECK(corpus.split(32).validation.empty());
  CHECK(corpus.validation(32) == "none, it is too short");
  CHECK(corpus.token_bytes() == 432);
}

TEST_CASE("files and folders are one text, with an identity that does not depend on their names") {
  const Folder folder;
  folder.write("texts/a", "one\n");
  folder.write("texts/b", "two");
  folder.write("c", "three");
  const Corpus corpus = read({.data = {folder / "texts", folder / "c"}});
  CHECK(text_of(corpus) == "one\ntwo\nthree");
  CHECK(corpus.name == (folder / "texts") + ", " + (folder / "c") + " (3 files)");
  CHECK(octavo::split_names(corpus.identity.name) == std::vector{folder / "texts", folder / "c"});
  folder.write("all", "one\ntwo\nthree");
  CHECK(read({.data = {folder / "all"}}).identity.same_text(corpus.identity));
  folder.write("all", "one\ntwo\nthreE");
  CHECK_FALSE(read({.data = {folder / "all"}}).identity.same_text(corpus.identity));
  folder.write("empty", "");
  CHECK_THROWS_WITH_AS(CorpusReader({.data = {folder / "empty"}}), doctest::Contains("is empty"),
                       octavo::DataError);
}

TEST_CASE("tokenizers of characters, bytes and byte pairs are made from the text") {
  const Folder folder;
  const std::string text = repeated("na\xc3\xafve and native ", 30);
  folder.write("text", text);
  CorpusOptions options{.data = {folder / "text"}};
  for (const auto kind :
       {TokenizerKind::characters, TokenizerKind::bytes, TokenizerKind::byte_pairs}) {
    CAPTURE(name_of(kind));
    options.tokenizer = kind;
    options.vocabulary = 265;
    const Corpus corpus = read(options);
    CHECK(kind_of(corpus.tokenizer) == kind);
    CHECK(text_of(corpus) == text);
    CHECK(corpus.learned.has_value() == (kind == TokenizerKind::byte_pairs));
  }
  CHECK(read(options).tokenizer.vocabulary_size() == 265);
  options.tokenizer = TokenizerKind::bytes;
  CHECK(read(options).tokenizer == octavo::AnyTokenizer(octavo::ByteTokenizer()));
  // Documents need a token that ends a text.
  options.documents = "line";
  CHECK(read(options).tokenizer.end_token() == 256);
  const octavo::AnyTokenizer given = octavo::ByteTokenizer();
  options.given_tokenizer = &given;
  CHECK_THROWS_WITH_AS(read(options),
                       doctest::Contains("documents: the model's tokenizer has no token"),
                       octavo::ConfigError);
  options.documents = "";
  CHECK(read(options).tokenizer == given);
  const octavo::AnyTokenizer strict =
      octavo::CharacterTokenizer("abc", octavo::UnknownToken::excluded);
  options.given_tokenizer = &strict;
  CHECK_THROWS_WITH_AS(read(options), doctest::Contains("corpus "), octavo::DataError);
}

TEST_CASE("documents end at files, lines or markers") {
  const Folder folder;
  folder.write("a", "one\ntwo\n");
  folder.write("b", "##three##four");
  const auto read_as = [&](const std::string& documents) {
    return read({.data = {folder / "a", folder / "b"}, .documents = documents});
  };
  const std::string end(octavo::ByteTokenizer::end_name);
  CHECK(text_of(read_as("file")) == "one\ntwo\n" + end + "##three##four" + end);
  CHECK(text_of(read_as("line")) == "one" + end + "two" + end + "##three##four" + end);
  CHECK(text_of(read_as("end ##")) == "one\ntwo\n" + end + "three" + end + "four" + end);
  CHECK(read_as("line").documents == 3);
  CHECK(read_as("").documents == 0);
  CHECK(read_as("line").identity.documents == "line");
  CHECK(read_as("file").identity.documents.starts_with("file "));
  CHECK_THROWS_WITH_AS(read_as("end zz"), "document-end: 'zz' does not occur in the text",
                       octavo::ConfigError);
}

TEST_CASE("validation is the last tenth, or a text of its own") {
  const Folder folder;
  folder.write("text", repeated("abcdefghij", 20));
  folder.write("val", "jihgfedcba!");
  const Corpus corpus = read({.data = {folder / "text"}});
  CHECK(corpus.split(8).train.size() == 180);
  CHECK(corpus.split(8).validation.size() == 20);
  CHECK(corpus.validation(8) == "the last tenth");
  CHECK(corpus.split(100).validation.empty());
  CHECK(corpus.validation(100) == "none, it is too short");
  CHECK_THROWS_WITH_AS(corpus.split(200),
                       "training text: got 200 tokens, need at least 201 (sequence 200 + 1)",
                       octavo::DataError);
  const Corpus own = read({.data = {folder / "text"}, .validation = {folder / "val"}});
  CHECK(own.split(8).train.size() == 200);
  CHECK(own.split(8).validation.size() == 11);
  CHECK(own.validation(8) == folder / "val");
  CHECK(own.validation_unknown == octavo::UnknownCount{11, 1});
  CHECK(own.identity.validation_hash == octavo::sha256("jihgfedcba!"));
  CHECK_FALSE(own.identity.same_text(corpus.identity));
}

TEST_CASE("tokens of a large text are in a file, which is found again; a plan makes none") {
  const Folder folder;
  folder.write("text", repeated("abcdefghij", 20));
  CorpusOptions options{.data = {folder / "text"},
                        .load_at_most = 199,
                        .token_file = folder / "tokens",
                        .plan_only = true};
  const Corpus plan = read(options);
  CHECK(plan.is_large);
  CHECK(plan.tokens().size() == 0);
  CHECK_FALSE(std::filesystem::exists(folder.path / "tokens"));
  options.plan_only = false;
  std::vector<std::string> said;
  const auto read_told = [&] {
    return CorpusReader(options, {.say = [&](const std::string& line) { said.push_back(line); }})
        .read();
  };
  const Corpus made = read_told();
  CHECK(made.mapped != nullptr);
  CHECK(made.token_bytes() == 0);
  const Corpus found = read_told();
  REQUIRE(said.size() == 2);
  CHECK(said[0].starts_with("tokens: made "));
  CHECK(said[1].ends_with(", as they are"));
  options.load_at_most = 200;
  const Corpus loaded = read_told();
  CHECK(loaded.mapped == nullptr);
  CHECK(text_of(found) == text_of(loaded));
  CHECK(found.identity.same_text(loaded.identity));
}

TEST_CASE("a program sees how far a text has been read, and can end that") {
  const Folder folder;
  folder.write("text", repeated("abcdefghij", 20'000));
  std::vector<std::string> purposes;
  std::size_t last = 0;
  octavo::RunCallbacks callbacks;
  callbacks.reading = [&](std::string_view purpose, std::size_t done, std::size_t all) {
    if (purposes.empty() || purposes.back() != purpose) purposes.emplace_back(purpose), last = 0;
    CHECK(done > last);
    CHECK(all == 200'000);
    last = done;
  };
  const CorpusOptions options{.data = {folder / "text"},
                              .tokenizer = TokenizerKind::byte_pairs,
                              .load_at_most = 1,
                              .token_file = folder / "tokens"};
  CorpusReader(options, callbacks).read();
  CHECK(purposes == std::vector<std::string>{"reading", "learning byte pairs", "making tokens"});
  CHECK(last == 200'000);
  struct Stop {};
  callbacks.reading = [&](std::string_view, std::size_t done, std::size_t) {
    if (done > 100'000) throw Stop{};
  };
  std::filesystem::remove(folder.path / "tokens");
  CorpusReader reader(options, callbacks);
  CHECK_THROWS_AS(reader.read(), Stop);
  CHECK_FALSE(std::filesystem::exists(folder.path / "tokens"));
}
