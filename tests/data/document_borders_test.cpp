// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/data/document_borders.hpp>

using namespace octavo;

namespace {

/// Where the first document ends and the next one begins; -1: nowhere.
std::pair<int, int> first(const DocumentBorders& borders, std::string_view part,
                          std::size_t offset = 0) {
  const auto border = borders.first_in(part, offset);
  if (!border) return {-1, -1};
  return {static_cast<int>(border->begin), static_cast<int>(border->end)};
}

constexpr std::pair none{-1, -1};

}  // namespace

TEST_CASE("no borders: the text is not one of documents") {
  const DocumentBorders borders;
  CHECK_FALSE(borders.any());
  CHECK(first(borders, "a\nb") == none);
  CHECK(borders.held_back() == 0);
}

TEST_CASE("a line ends before its line end, of one byte or two") {
  const DocumentBorders lines = DocumentBorders::lines();
  CHECK(lines.any());
  CHECK(first(lines, "ab\nc\n") == std::pair(2, 3));
  CHECK(first(lines, "ab\r\nc") == std::pair(2, 4));
  CHECK(first(lines, "a\rb") == none);
  CHECK(first(lines, "\n") == std::pair(0, 1));
  CHECK(first(lines, "\r\n") == std::pair(0, 2));
  CHECK(lines.held_back() == 1);  // a carriage return, whose line feed may follow
}

TEST_CASE("a marker is part of no document; its front may stand at the end of a part") {
  const DocumentBorders borders = DocumentBorders::markers("<|>");
  CHECK(borders.any());
  CHECK(first(borders, "ab<|>c<|>") == std::pair(2, 5));
  CHECK(first(borders, "ab<|") == none);
  CHECK(first(borders, "<<|>") == std::pair(1, 4));
  CHECK(borders.held_back() == 2);
  CHECK(first(DocumentBorders::markers("\n"), "a\r\n") == std::pair(2, 3));  // no lines
  CHECK(DocumentBorders::markers(std::string(1024, 'x')).held_back() == 1023);
  CHECK_THROWS_WITH_AS(DocumentBorders::markers(""),
                       "documents: got a marker of 0 bytes, expected 1 to 1024", ConfigError);
  CHECK_THROWS_AS(DocumentBorders::markers(std::string(1025, 'x')), ConfigError);
}

TEST_CASE("places are those of the text, wherever a part begins") {
  const DocumentBorders borders = DocumentBorders::places({0, 2, 2, 5});
  CHECK(borders.any());
  CHECK(first(borders, "abcdef") == std::pair(2, 2));
  CHECK(first(borders, "cdef", 2) == std::pair(3, 3));
  CHECK(first(borders, "def", 3) == std::pair(2, 2));
  CHECK(first(borders, "d", 3) == none);  // not in this part
  CHECK(first(borders, "f", 5) == none);
  CHECK(borders.held_back() == 0);
  CHECK(DocumentBorders::places({}).any());
  CHECK(first(DocumentBorders::places({}), "abc") == none);
}
