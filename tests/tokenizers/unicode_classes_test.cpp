// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/tokenizers/unicode_classes.hpp>

using namespace octavo;

TEST_CASE("classes of characters are those of Unicode 16.0") {
  CHECK(class_of_code('z') == CharacterClass::letter);
  CHECK(class_of_code('7') == CharacterClass::number);
  CHECK(class_of_code('_') == CharacterClass::other);
  CHECK(class_of_code(0x85) == CharacterClass::space);
  CHECK(class_of_code(0x1c) == CharacterClass::other);
  CHECK(class_of_code(0xfeff) == CharacterClass::other);
  CHECK(class_of_code(0x16ff4) == CharacterClass::other);  // new in 17.0
  CHECK(class_of_code(0x1c89) == CharacterClass::letter);  // new in 16.0
  int counts[4] = {};
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    ++counts[static_cast<std::size_t>(class_of_code(code))];
  }
  CHECK(counts[1] == 141028);
  CHECK(counts[2] == 1911);
  CHECK(counts[3] == 25);
}
