// SPDX-License-Identifier: MIT
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/answers_file.hpp>

#include "files/folder.hpp"

using namespace octavo;

TEST_CASE("answers before a run come back, whatever their bytes, beside the same prompts") {
  const Folder folder;
  const std::vector<AnsweredExample> begun{{"a\tb\n", "x", {}, "\\n\xff"}, {"b", "y", {}, ""}};
  save_answers(folder / "answers.tsv", begun);
  const std::vector<AnsweredExample> read = read_answers(FileSource(folder / "answers.tsv"));
  REQUIRE(read.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(read[i].prompt == begun[i].prompt);
    CHECK(read[i].after == begun[i].after);
  }
  std::vector<AnsweredExample> after{
      {"b", "y", {}, "y"}, {"c", "z", {}, "z"}, {"a\tb\n", "x", {}, ""}};
  add_answers_before(after, read);
  CHECK(after[0].before == "");
  CHECK_FALSE(after[1].before.has_value());
  CHECK(after[2].before == "\\n\xff");
  CHECK(after[2].after.empty());
}

TEST_CASE(
    "another table is refused, and a file that a killed process left is read as far as it goes") {
  const Folder folder;
  const auto read = [&](const std::string& text) {
    return read_answers(FileSource(folder.write("answers.tsv", text)));
  };
  CHECK(read("").empty());
  CHECK(read("prompt\tanswer\na\tb\nc\td").size() == 1);
  CHECK_THROWS_WITH_AS(
      read("step\ttext\n"),
      doctest::Contains("got a line of 'step\\x09text', expected the columns prompt and answer"),
      FormatError);
  CHECK_THROWS_AS(read("prompt\tanswer\nno tab\n"), FormatError);
}
