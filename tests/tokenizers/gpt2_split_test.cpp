// SPDX-License-Identifier: MIT
// Splitting against plain_bpe.hpp.
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/tokenizers/gpt2_split.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using plain_bpe::RandomText;
using Pieces = plain_bpe::Words;

namespace {

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = gpt2_piece_end(text, begin);
    REQUIRE(end > begin);
    REQUIRE(end <= text.size());
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

}  // namespace

TEST_CASE("a text is split as GPT-2's pattern splits it") {
  CHECK(pieces_of("Hello world's 42nd  day\n\n end  ") ==
        Pieces{"Hello", " world", "'s", " 42", "nd", " ", " day", "\n\n", " end", "  "});
  CHECK(pieces_of("don't 'tis I'LL we'll!'s 's") ==
        Pieces{"don", "'t", " '", "tis", " I", "'", "LL", " we", "'ll", "!'", "s", " '", "s"});
  CHECK(pieces_of("\xe2\x80\x83\xe2\x80\x83x \t") ==
        Pieces{"\xe2\x80\x83", "\xe2\x80\x83", "x", " \t"});
  CHECK(pieces_of("gr\xc3\xb6\xc3\x9f"
                  "e\xc2\xb2 \xff\xfe!") == Pieces{"gr\xc3\xb6\xc3\x9f"
                                                   "e",
                                                   "\xc2\xb2", " \xff\xfe!"});
  CHECK(pieces_of("a\xe0\x81\x81z") == Pieces{"a", "\xe0\x81\x81", "z"});  // an overlong A
  CHECK(pieces_of("").empty());
  RandomText random(1);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random.text(random.below(12));
    INFO(printable(text, 400));
    const Pieces pieces = pieces_of(text);
    CHECK(pieces == plain_bpe::split(text));
  }
}

TEST_CASE("front and rest of a text may be split apart where it is cut, whatever follows") {
  CHECK(gpt2_last_cut("two words") == 3);
  CHECK(gpt2_last_cut("two  words  ") == 10);
  CHECK(gpt2_last_cut("\xe4\xb8\xad\n") == 3);
  CHECK(gpt2_last_cut("a\xe2\x80\x83 b") == 1);  // a wide space
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe3\x80\x82\xe4\xb8\xad") == 3);
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe3\x80\x82") == 0);  // the end of a character may be missing
  CHECK(gpt2_last_cut("\xe4\xb8\xad\xe4\xb8 ") == 5);
  CHECK(gpt2_last_cut("it's") == 2);
  CHECK(gpt2_last_cut("12nd!") == 4);
  for (const char* text : {"", " ", "  ", "word", " word", "\n\nx", "'s", "!a"})
    CHECK(gpt2_last_cut(text) == 0);
  RandomText random(2);
  int cuts = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random.text(random.below(12));
    const std::size_t cut = gpt2_last_cut(text);
    INFO(printable(text, 400), ", ", cut);
    if (cut == 0) continue;
    ++cuts;
    REQUIRE(cut < text.size());
    for (const std::string& more : {std::string(), random.part(), std::string(" a")}) {
      Pieces apart = pieces_of(text.substr(0, cut));
      for (std::string& piece : pieces_of(text.substr(cut) + more))
        apart.push_back(std::move(piece));
      CHECK(apart == pieces_of(text + more));
    }
  }
  CHECK(cuts > 1200);
}
