// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/chat_corpus.hpp>

#include "files/folder.hpp"
#include "runs/chat_tokenizer.hpp"

using namespace octavo;

namespace {

std::string rows(int count, int from = 0) {
  std::string text;
  for (int i = from; i < from + count; ++i) {
    text += "{\"prompt\": \"number " + std::to_string(i) + "\", \"completion\": \"yes\"}\n";
  }
  return text;
}

Corpus read(CorpusOptions options, Index sequence = 32, RunCallbacks callbacks = {}) {
  static const AnyTokenizer tokenizer = octavo_test::chat_tokenizer();
  if (options.documents.empty()) options.documents = words_of(ChatRowOptions{});
  options.given_tokenizer = &tokenizer;
  return ChatCorpusReader(options, std::move(callbacks)).read([&](Index) { return sequence; });
}

}  // namespace

TEST_CASE("a tenth of the rows is held out, always the same") {
  const Folder folder;
  folder.write("a.jsonl", rows(200));
  const Corpus corpus = read({.data = {folder / "a.jsonl"}});
  REQUIRE(corpus.rows != nullptr);
  const ChatRows& all = *corpus.rows;
  CHECK(all.documents == 200);
  CHECK(all.packing.documents + all.validation_packing.documents == 200);
  CHECK(all.validation_packing.documents > 10);
  CHECK(all.validation_packing.documents < 35);
  CHECK(all.split.train.counted() == 4 * all.packing.documents);  // "yes", and the end of the text
  CHECK(all.longest == 13);
  REQUIRE(all.examples.size() == 3);
  std::vector<Token> yes = octavo_test::chat_tokenizer().encode("yes");
  yes.push_back(octavo_test::text_ends);
  CHECK(all.examples[0].answer == yes);
  CHECK(corpus.token_bytes() == all.bytes());
  CHECK(corpus.identity.hash.size() == 64);
  const Corpus again = read({.data = {folder / "a.jsonl"}});
  CHECK(again.rows->examples[1].prompt == all.examples[1].prompt);
  CHECK(again.identity.same_text(corpus.identity));
}

TEST_CASE("several files, own rows for validation, and bad rows with their file and line") {
  const Folder folder;
  folder.write("a.jsonl", rows(3));
  folder.write("b.jsonl", rows(2) + "{}\n");
  folder.write("v.jsonl", rows(4, 100));
  CorpusOptions options{.data = {folder / "a.jsonl", folder / "b.jsonl"},
                        .validation = {folder / "v.jsonl"}};
  const std::string bad =
      printable(folder / "b.jsonl") +
      ", line 3: it has none of 'messages', 'conversations', 'prompt', 'instruction' and 'text'";
  CHECK_THROWS_WITH_AS(read(options), bad.c_str(), DataError);
  options.documents = words_of(ChatRowOptions{.skip_bad = 1});
  std::vector<std::string> told;
  const Corpus corpus =
      read(options, 32,
           {.warn = [&](const std::string& text, const std::string&) { told.push_back(text); }});
  CHECK(told == std::vector<std::string>{bad});
  CHECK(corpus.rows->packing.documents == 5);
  CHECK(corpus.rows->validation_packing.documents == 4);
  CHECK(corpus.rows->skipped == 1);
  CHECK_FALSE(corpus.identity.validation_hash.empty());
}

TEST_CASE("long rows are cut or split, and counted; a row alone is trained on") {
  const Folder folder;
  folder.write("a.jsonl", "{\"text\": \"" + std::string(50, 'x') + "\"}\n");
  const Corpus cut = read({.data = {folder / "a.jsonl"}}, 20);
  CHECK(cut.rows->packing.cut == 1);
  CHECK(cut.rows->split.train.counted() == 20);
  const Corpus split =
      read({.data = {folder / "a.jsonl"},
            .documents = words_of(ChatRowOptions{.long_rows = LongDocument::split})},
           20);
  CHECK(split.rows->packing.split == 1);
  CHECK(split.rows->split.train.counted() == 50);
  folder.write("b.jsonl", rows(1));
  CHECK_THROWS_AS(read({.data = {folder / "b.jsonl"}}, 4), DataError);
}
