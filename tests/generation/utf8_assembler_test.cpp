// SPDX-License-Identifier: MIT
// How the characters come out of a stream of tokens is tried by text_stream_test.cpp.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/numeric/random.hpp>

#include "generation/naive_text.hpp"

using namespace octavo;

namespace {

std::vector<std::string> pieces_of(std::string_view text, Utf8Assembler assembler) {
  std::vector<std::string> pieces;
  const auto write = [&](std::string_view piece) { pieces.emplace_back(piece); };
  for (const char byte : text) assembler.add(byte, write);
  assembler.finish(write);
  return pieces;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

}  // namespace

static_assert(utf8_characters("a\u20ac\U0001f600") == 3);

TEST_CASE("a character comes with its last byte, whole") {
  const std::vector<std::string> characters{"a", "\u00e9", "\u20ac", "\U0001f600"};
  CHECK(pieces_of(joined(characters), Utf8Assembler()) == characters);
  Utf8Assembler assembler;
  std::string written;
  const auto write = [&](std::string_view piece) { written += piece; };
  for (const char byte : std::string_view("\xe2\x82")) assembler.add(byte, write);
  CHECK(written.empty());
  assembler.add('\xac', write);
  CHECK(written == "\u20ac");
  assembler.finish(write);
  CHECK(written == "\u20ac");
}

TEST_CASE("what is no UTF-8 is replaced as the standard says, or kept, for any bytes") {
  const CounterRandom random(1, RandomStream::sampling);
  constexpr std::string_view bytes =
      "a\x80\xbf\xc0\xc2\xc3\xe0\xa0\xe2\xed\xf0\x90\xf4\x8f\xf5\xff";
  std::uint64_t at = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text(random.below(at++, 9), ' ');
    for (char& byte : text) byte = bytes[random.below(at++, bytes.size())];
    const auto pieces = pieces_of(text, Utf8Assembler());
    CHECK(joined(pieces) == naive_text::replaced_naively(text));
    CHECK(utf8_characters(text) == static_cast<Index>(pieces.size()));
    CHECK(joined(pieces_of(text, Utf8Assembler(InvalidUtf8::keep))) == text);
  }
}
