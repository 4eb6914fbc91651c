// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/utf8.hpp>

using namespace octavo;

static_assert(utf8_length("\u20ac") == 3);
static_assert(utf8_code("\U0001f600") == 0x1f600);
static_assert(utf8_last_cut("a\xe2\x82") == 1);

namespace {

/// What the standard calls well-formed, written down in another way: by decoding.
std::size_t decoded_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0u;
  };
  for (std::size_t length = 1; length <= 4; ++length) {
    const unsigned lead[] = {0, 0xC0, 0xE0, 0xF0}, mask[] = {0x80, 0xE0, 0xF0, 0xF8};
    const std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if ((byte(0) & mask[length - 1]) != lead[length - 1] || text.size() < length) continue;
    std::uint32_t code = byte(0) & ~mask[length - 1] & 0xFF;
    bool whole = true;
    for (std::size_t i = 1; i < length; ++i) {
      whole = whole && (byte(i) & 0xC0) == 0x80;
      code = code << 6 | (byte(i) & 0x3F);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    return whole && code >= least[length - 1] && code < 0x110000 && !surrogate ? length : 0;
  }
  return 0;
}

}  // namespace

TEST_CASE("every code point comes back from its bytes, and has as many as Unicode says") {
  int wrong = 0;
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string text;
    append_utf8(text, code);
    const std::size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    wrong += text.size() != length || utf8_length(text) != length || utf8_code(text) != code;
    // Each front is one, and is no character.
    for (std::size_t size = 1; size < length; ++size) {
      const std::string_view front = std::string_view(text).substr(0, size);
      wrong += utf8_length(front) != 0 || !utf8_is_front(front) || utf8_last_cut(front) != 0;
    }
    wrong += utf8_is_front(text) || utf8_last_cut(text) != length;
  }
  CHECK(wrong == 0);
}

TEST_CASE("of all texts of two bytes those are characters that Unicode's table 3-7 has") {
  int characters = 0, fronts = 0;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(static_cast<unsigned char>(first)),
                             static_cast<char>(static_cast<unsigned char>(second))};
      characters += utf8_length(text) == 2;
      fronts += utf8_is_front(text);
    }
  }
  CHECK(characters == 30 * 64);
  CHECK(fronts == (16 + 5) * 64);
}

TEST_CASE("what is no UTF-8 has no length, and each of its bytes stands for itself") {
  for (const std::string_view text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x82x",
        "\xf0\x9f\x98x", "\xc3("}) {
    CHECK(utf8_length(text) == 0);
    CHECK(character_length(text) == 1);
  }
  CHECK(utf8_length("") == 0);
  CHECK(utf8_length(std::string_view("\0", 1)) == 1);
  CHECK(character_length("\u20acx") == 3);
}

TEST_CASE("a text is cut before a character whose end is missing, and nowhere else") {
  CHECK(utf8_last_cut("") == 0);
  CHECK(utf8_last_cut("abc") == 3);
  CHECK(utf8_last_cut("abc\xe2\x82") == 3);
  CHECK(utf8_last_cut("ab\u20ac\xf0\x9f\x98") == 5);
  CHECK(utf8_last_cut("ab\x82") == 3);  // no front of anything
  CHECK(utf8_last_cut("\xe2\x82\xac\xff") == 4);
}

TEST_CASE("the beginning of a text ends between characters") {
  const std::string_view text = "a\u20ac\U0001f600";
  const std::size_t ends[] = {0, 1, 1, 1, 4, 4, 4, 4, 8};
  for (std::size_t bytes = 0; bytes <= 8; ++bytes) {
    CHECK(utf8_beginning(text, bytes).size() == ends[bytes]);
  }
  CHECK(utf8_beginning(text, 100) == text);
  CHECK(utf8_beginning("\x80\x80\x80\x80\x80\x80", 5).size() == 2);  // no search without end
}

TEST_CASE("lengths of all beginnings of three bytes, and of four around the edges") {
  std::size_t different = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      for (int c = 0x7F; c <= 0xC0; ++c) {
        for (const int d : {0x20, 0x7F, 0x80, 0xBF, 0xC0}) {
          const char bytes[] = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                                static_cast<char>(d)};
          for (std::size_t size = d == 0x20 ? 1 : 4; size <= 4; ++size) {
            different += utf8_length({bytes, size}) != decoded_length({bytes, size});
          }
        }
      }
    }
  }
  CHECK(different == 0);
  CHECK(utf8_length("") == 0);
}

TEST_CASE("a beginning ends between characters") {
  CHECK(utf8_beginning("aé€😀", 20) == "aé€😀");
  const std::string text = "aé€😀b";
  const std::size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (std::size_t most = 0; most < 12; ++most) {
    CHECK(utf8_beginning(text, most).size() == ends[most]);
  }
}
