// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/tokenizers/byte_letters.hpp>

using namespace octavo;

static_assert(bytes_by_letter[0] == '!');
static_assert(bytes_by_letter[255] == 173);

TEST_CASE("bytes have letters that are printable, and 256 of them") {
  CHECK(letters_of_bytes("a! \n") == "a!\u0120\u010a");
  CHECK(letters_of_bytes(std::string_view("\0\x7f\xa1\xad\xff", 5)) ==
        "\u0100\u0121\u00a1\u0143\u00ff");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(static_cast<unsigned char>(byte));
  CHECK(bytes_of_letters(letters_of_bytes(all)) == all);
  CHECK(bytes_of_letters("") == "");
  for (const char* none :
       {" ", "\n", "\u00ad", "\u0144", "\u4e2d", "\xc4", "\xc4g", "\xa1", "\xff"}) {
    CHECK(!bytes_of_letters(none));
  }
}
