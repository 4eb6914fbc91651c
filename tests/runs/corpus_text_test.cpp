// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/corpus_text.hpp>

#include "files/folder.hpp"

using octavo::CorpusText;

TEST_CASE("what can be read only once is known by its name") {
  const Folder folder;
  for (const char* name : {"-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/3"}) {
    CHECK(octavo::is_read_once(name));
  }
  CHECK_FALSE(octavo::is_read_once(folder.write("text", "x")));
  CHECK_FALSE(octavo::is_read_once(folder / "nothing"));
}

TEST_CASE("an observed text tells how far it has been read") {
  const std::string text = "to be or not";
  const octavo::MemorySource source("text", std::as_bytes(std::span(text)));
  std::vector<std::size_t> places;
  octavo::RunCallbacks callbacks;
  callbacks.reading = [&](std::string_view purpose, std::size_t done, std::size_t all) {
    CHECK(purpose == "testing");
    CHECK(all == text.size());
    places.push_back(done);
  };
  const octavo::ObservedText observed(source, callbacks, "testing");
  CHECK(observed.size() == text.size());
  std::string got(5, ' ');
  observed.read(0, std::as_writable_bytes(std::span(got)));
  CHECK(got == "to be");
  observed.read(7, std::as_writable_bytes(std::span(got)));
  CHECK(got == "r not");
  CHECK(places == std::vector<std::size_t>{5, 12});
}

TEST_CASE("a text's division into documents in words: equal words, equal borders") {
  const Folder folder;
  folder.write("texts/a", "12\n");
  folder.write("texts/b", "345");
  const std::vector<std::string> names{folder / "texts"};
  const CorpusText text("data", names, 1000);
  CHECK(text.division("") == "");
  CHECK(text.division("line") == "line");
  CHECK(text.division("end ##") == "end ##");
  const std::string before = text.division("file");
  CHECK(before.starts_with("file "));
  CHECK(CorpusText("data", names, 1000).division("file") == before);
  folder.write("texts/a", "1\n2");
  CHECK(CorpusText("data", names, 1000).division("file") != before);
  CHECK_FALSE(text.borders("").any());
  CHECK(text.borders("file").any());
}

TEST_CASE("a text begins with six characters of its first document") {
  const Folder folder;
  const auto beginning = [&](const std::string& text, const std::string& documents) {
    folder.write("text", text);
    const CorpusText opened("data", {folder / "text"}, 1000);
    return opened.beginning(opened.borders(documents));
  };
  CHECK(beginning("To be or not", "") == "To be ");
  CHECK(beginning("na\xc3\xafve text", "") == "na\xc3\xafve ");
  CHECK(beginning("ab", "") == "ab");
  CHECK(beginning("ab\ncd and more", "line") == "ab");
  CHECK(CorpusText().beginning({}) == "To be ");
}

TEST_CASE("a text is named for people and for a checkpoint") {
  const Folder folder;
  std::vector<std::string> names;
  for (const char* name : {"a", "b", "c", "d", "e"}) names.push_back(folder.write(name, "x"));
  const CorpusText five("data", names, 1000);
  CHECK(five.name() == names[0] + ", " + names[1] + ", " + names[2] + " and 2 more (5 files)");
  CHECK(five.names() == octavo::join_names(names));
  CHECK(five.size() == 9);  // and line ends
  CHECK_FALSE(five.stamp().empty());
  CHECK(CorpusText().stamp().empty());
  CHECK(CorpusText().names().empty());
  CHECK(CorpusText().is_built_in());
  folder.write("a", "changed");
  CHECK_THROWS_AS(five.check_unchanged(), octavo::DataError);
}
