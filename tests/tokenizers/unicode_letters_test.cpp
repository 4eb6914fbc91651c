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
  for (const std::uint32_t code :
       {0x61u, 0x31u, 0x5fu, 0xe9u, 0x301u, 0x2160u, 0x203fu, 0x24b6u, 0x200du}) {
    CHECK(is_word_code(code));
  }
  for (const std::uint32_t code : {0x20u, 0x2du, 0xb2u, 0x2460u, 0x2019u, 0x1f600u}) {
    CHECK(!is_word_code(code));
  }
}
