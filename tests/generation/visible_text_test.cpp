// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/utf8.hpp>
#include <octavo/generation/visible_text.hpp>

using octavo::one_line;
using octavo::visible_text;

TEST_CASE("visible text has nothing that a terminal would obey") {
  CHECK(visible_text("To be\n\tor \xc3\xa9 \xe2\x82\xac") == "To be\n\tor \xc3\xa9 \xe2\x82\xac");
  CHECK(visible_text("\x1b[31m\r\x7f") == "\\x1b[31m\\x0d\\x7f");
  CHECK(visible_text("\xc2\x9b"
                     "31m\xc2\xa0") == "\\xc2\\x9b31m\xc2\xa0");
  CHECK(visible_text("\xe2\x82"
                     "x\xff") == "\xef\xbf\xbdx\xef\xbf\xbd");
  CHECK(visible_text(std::string(1, '\0')) == "\\x00");
  CHECK(one_line("a\nb\tc\x1b") == "a\\nb\\x09c\\x1b");
}

TEST_CASE("visible text is UTF-8 without control characters, whatever it was") {
  std::uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      state = state * 1664525u + 1013904223u;
      text += static_cast<char>(static_cast<unsigned char>(state >> 24));
    }
    const std::string visible = visible_text(text);
    for (std::string_view rest = visible; !rest.empty();) {
      const std::size_t length = octavo::utf8_length(rest);
      REQUIRE(length > 0);
      const auto first = static_cast<unsigned char>(rest[0]);
      const bool control = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f ||
                           (first == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0);
      CHECK_FALSE(control);
      rest.remove_prefix(length);
    }
  }
}
