// SPDX-License-Identifier: MIT
// Normalization form C. (tests/ecosystem/split_patterns.py compares with Python's unicodedata.)
#include <cstdint>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/tokenizers/nfc.hpp>

#include "tokenizers/plain_bpe.hpp"

using namespace octavo;

namespace {

std::string nfc(std::string_view text) { return to_nfc(text).value_or(std::string(text)); }

std::string of(std::uint32_t code) { return plain_bpe::utf8(code); }

}  // namespace

TEST_CASE("characters are composed, replaced and sorted") {
  CHECK(nfc("cafe\u0301!") == "caf\u00e9!");
  CHECK(nfc("\u212b") == "\u00c5");               // the sign of the unit
  CHECK(nfc("a\u0301\u0327") == "\u00e1\u0327");  // sorted: the cedilla first, and composed
  CHECK(nfc("a\u0327\u0301") == "\u00e1\u0327");
  CHECK(nfc("q\u0307\u0323") == "q\u0323\u0307");  // sorted only
  CHECK(nfc("\u0958") == "\u0915\u093c");          // composition exclusion
  CHECK(nfc("\u1100\u1161\u11a8") == "\uac01");    // Hangul
  CHECK(nfc("\uac00\u11a8") == "\uac01");
  CHECK(nfc("\uac01\u11a8") == "\uac01\u11a8");
  CHECK(nfc("\u1100\u11a8") == "\u1100\u11a8");
  CHECK(nfc("a\u0300\u0301") == "\u00e0\u0301");  // blocked by one of the same class
  CHECK(nfc("\u0344") == "\u0308\u0301");
  CHECK(nfc("\u1e9b\u0323") == "\u1e9b\u0323");
  CHECK(nfc("\uf900") == "\u8c48");
  CHECK(nfc("\U0001d15e") == "\U0001d157\U0001d165");
  CHECK(nfc("\u0301") == "\u0301");
}

TEST_CASE("texts in this form, and bytes that are not UTF-8, stay as they are") {
  for (const char* text : {"", "abc", "\u00e9\u4e2d\uac01", "a\xcc", "a\xff\u0301", "\xcc\x81"}) {
    CHECK(!to_nfc(text));
  }
  CHECK(nfc("e\xff\u0301"
            "e\u0301") == "e\xff\u0301\u00e9");
  CHECK(nfc("e\u0301\xcc") == "\u00e9\xcc");
}

TEST_CASE("every composite comes back from its parts, every other character from what it becomes") {
  for (const detail::NfcPair& pair : detail::nfc_pairs) {
    CHECK(nfc(of(pair.first) + of(pair.second)) == of(pair.composite));
    CHECK(!to_nfc(of(pair.composite)));
  }
  for (const detail::NfcSingle& single : detail::nfc_singles) {
    CHECK(nfc(of(single.code)) == nfc(of(single.target)));
    CHECK(nfc(of(single.code)) != of(single.code));
  }
}

TEST_CASE("what every code point becomes, alone and after a letter, as node has it") {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    for (const char byte : nfc(of(code)) + nfc("A" + of(code))) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    }
  }
  CHECK(hash == 0x65e702779b4a4df3u);
}

TEST_CASE("a text may be normalized in parts at every boundary, and once is enough") {
  plain_bpe::RandomText random(5);
  const char* const marks[] = {"\u0301", "\u0327", "\u1161", "\u11a8",
                               "\u1100", "e",      "\u00e9", "\u0958"};
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (std::size_t k = random.below(8); k > 0; --k) {
      text += random.below(3) == 0 ? random.part() : marks[random.below(std::size(marks))];
    }
    INFO(printable(text, 400));
    const std::string once = nfc(text);
    CHECK(nfc(once) == once);
    CHECK(once.size() <= most_nfc_growth * text.size());
    for (std::size_t at = 0; at < text.size();
         at += character_length(std::string_view(text).substr(at))) {
      if (nfc_boundary(text, at)) CHECK(nfc(text.substr(0, at)) + nfc(text.substr(at)) == once);
    }
  }
}
