// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/text_pieces.hpp>

using namespace octavo;

namespace {

struct Piece {
  std::string bytes;
  std::size_t offset;
  bool ends_document;
  friend bool operator==(const Piece&, const Piece&) = default;
};

const auto anywhere = [](std::string_view part) { return part.size(); };

template <typename Cut = decltype(anywhere)>
std::vector<Piece> pieces_of(std::string_view text, const DocumentBorders& borders,
                             Cut cut = anywhere) {
  std::vector<Piece> pieces;
  for_each_piece(MemorySource("text", std::as_bytes(std::span(text))), borders, cut,
                 [&](const TextPiece& piece) {
                   pieces.push_back({std::string(piece.bytes), piece.offset, piece.ends_document});
                 });
  return pieces;
}

/// The documents, of whatever pieces they come in; each piece must stand where it says.
std::vector<std::string> documents_of(std::string_view text, const DocumentBorders& borders) {
  std::vector<std::string> documents(1);
  for (const Piece& piece : pieces_of(text, borders)) {
    CHECK(piece.bytes.size() <= text_piece_bytes);
    CHECK(text.substr(piece.offset, piece.bytes.size()) == piece.bytes);
    documents.back() += piece.bytes;
    if (piece.ends_document) documents.emplace_back();
  }
  CHECK(documents.back().empty());
  documents.pop_back();
  return documents;
}

}  // namespace

TEST_CASE("a short text is one piece, and one of nothing is none") {
  CHECK(pieces_of("abc", {}) == std::vector<Piece>{{"abc", 0, false}});
  CHECK(pieces_of("", {}).empty());
  CHECK(pieces_of("", DocumentBorders::lines()).empty());
}

TEST_CASE("each document is a piece; those without a byte are left out") {
  CHECK(pieces_of("ab\n\nc", DocumentBorders::lines()) ==
        std::vector<Piece>{{"ab", 0, true}, {"c", 4, true}});
  CHECK(pieces_of("abcd", DocumentBorders::places({1, 1})) ==
        std::vector<Piece>{{"a", 0, true}, {"bcd", 1, true}});
}

TEST_CASE("a long text is cut where it is said, or at the end of what was read") {
  std::string text;
  while (text.size() < 2 * text_piece_bytes) text += "seven, ";
  const auto behind_a_blank = [](std::string_view part) { return part.rfind(' ') + 1; };
  std::string all;
  for (const Piece& piece : pieces_of(text, {}, behind_a_blank)) {
    CHECK(piece.offset == all.size());
    CHECK(piece.bytes.ends_with(' '));
    all += piece.bytes;
  }
  CHECK(all == text);
  const auto nowhere = [](std::string_view) -> std::size_t { return 0; };
  CHECK(pieces_of(text, {}, nowhere)[0].bytes.size() == text_piece_bytes);
  all.clear();
  for_each_piece(MemorySource("text", std::as_bytes(std::span(text))),
                 [&](std::string_view piece) { all += piece; });
  CHECK(all == text);
}

TEST_CASE(
    "a border is found wherever pieces of a text end, and a document may be longer than one") {
  for (std::size_t shift = 0; shift < 6; ++shift) {
    const std::string first(text_piece_bytes - 3 + shift, 'a');
    const std::vector<std::string> expected{first, "b", "c"};
    INFO(shift);
    CHECK(documents_of(first + "<|>b<|>c", DocumentBorders::markers("<|>")) == expected);
    CHECK(documents_of(first + "\r\nb\r\nc", DocumentBorders::lines()) == expected);
    CHECK(documents_of(first + "bc", DocumentBorders::places({first.size(), first.size() + 1})) ==
          expected);
  }
  const std::string book(3 * text_piece_bytes, 'b');
  CHECK(documents_of(book + "\n" + book, DocumentBorders::lines()) ==
        std::vector<std::string>{book, book});
}
