// SPDX-License-Identifier: MIT
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/tokenizers/unicode_letters.hpp>

using namespace octavo;

TEST_CASE("the cases of letters are those of Unicode 16.0") {
  CHECK(letter_case('A') == LetterCase::capital);
  CHECK(letter_case('z') == LetterCase::small);
  CHECK(letter_case(0x1c5) == LetterCase::capital);  // a title case letter
  CHECK(letter_case(0x2b0) == LetterCase::other);
  CHECK(letter_case(0x4e2d) == LetterCase::other);
  CHECK(letter_case(0x301) == LetterCase::mark);
  CHECK(letter_case('1') == LetterCase::none);
  CHECK(letter_case(0x1c89) == LetterCase::capital);  // new in 16.0
  int counts[5] = {}, words = 0;
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    ++counts[static_cast<std::size_t>(letter_case(code))];
    if (is_word_code(code)) ++words;
  }
  CHECK(counts[1] == 1889);
  CHECK(counts[2] == 2258);
  CHECK(counts[3] == 136881);
  CHECK(counts[4] == 2501);
  CHECK(words == 144667);
}

TEST_CASE("characters of words are letters, marks, digits and joining punctuation") {
  for (const std::uint32_t code : {0x61, 0x31, 0x5f, 0xe9, 0x301, 0x2160, 0x203f, 0x24b6, 0x200d}) {
    CHECK(is_word_code(code));
  }
  for (const std::uint32_t code : {0x20, 0x2d, 0xb2, 0x2460, 0x2019, 0x1f600}) {
    CHECK(!is_word_code(code));
  }
}
