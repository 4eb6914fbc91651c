// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/tokenizers/sentence_piece_vocabulary.hpp>

using namespace octavo;

TEST_CASE("the names of bytes, and only these, stand for bytes") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string name = byte_token_name(static_cast<unsigned char>(byte));
    CHECK(byte_of_token_name(name) == static_cast<int>(byte));
  }
  CHECK(byte_token_name(0x0a) == "<0x0A>");
  for (const char* name : {"", "<0x0a>", "<0x0A", "<0x0A>>", "<0xG0>", "<0x 0>", "0x0A"}) {
    CHECK(byte_of_token_name(name) == -1);
  }
}

TEST_CASE("spaces and their marks replace each other") {
  CHECK(marks_of_spaces(" a  b") ==
        "\u2581"
        "a\u2581\u2581"
        "b");
  CHECK(spaces_of_marks("\u2581"
                        "a\u2581\u2581"
                        "b") == " a  b");
  CHECK(spaces_of_marks("\xe2\x96") == "\xe2\x96");
  CHECK(spaces_of_marks("") == "");
}
