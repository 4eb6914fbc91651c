// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include <octavo/formats/gguf_cursor.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;
using octavo::detail::GgufCursor;

TEST_CASE("a cursor reads numbers and texts in order, and knows what is left") {
  const std::string bytes =
      bytes_of_number(std::uint32_t{7}) + gguf_text("abc") + bytes_of_number(-1.5f);
  const MemorySource source = source_named_x(bytes);
  GgufCursor cursor(source);
  CHECK(cursor.remaining() == bytes.size());
  CHECK(cursor.number<std::uint32_t>() == 7u);
  CHECK(cursor.position() == 4);
  CHECK(cursor.text(3) == "abc");
  CHECK(cursor.number<float>() == -1.5f);
  CHECK(cursor.remaining() == 0);
  CHECK(!cursor.number<std::uint8_t>());
}

TEST_CASE("what is not wholly there is not read, and the cursor stays before a number") {
  const std::string bytes = "abc";
  const MemorySource source = source_named_x(bytes);
  GgufCursor cursor(source);
  CHECK(!cursor.number<std::uint32_t>());
  CHECK(cursor.position() == 0);
  CHECK(!cursor.skip(4));
  CHECK(!cursor.skip(~std::uint64_t{0}));
  CHECK(cursor.position() == 0);
  CHECK(cursor.skip(3));
  CHECK(cursor.remaining() == 0);
  CHECK(cursor.skip(0));
}

TEST_CASE("a text longer than is allowed, or than the source, is not read") {
  const std::string allowed = gguf_text("abcd");
  const MemorySource source = source_named_x(allowed);
  CHECK(!GgufCursor(source).text(3));
  CHECK(GgufCursor(source).text(4) == "abcd");
  const std::string cut = allowed.substr(0, allowed.size() - 1);
  const MemorySource short_source = source_named_x(cut);
  CHECK(!GgufCursor(short_source).text(4));
  const std::string lie = bytes_of_number(~std::uint64_t{0}) + "abcd";
  const MemorySource lying = source_named_x(lie);
  CHECK(!GgufCursor(lying).text(~std::size_t{0}));
}

TEST_CASE("numbers and texts across the pieces that a cursor reads at a time are whole") {
  for (std::size_t before = 4085; before <= 4097; ++before) {
    std::string text(9000, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
    const std::string bytes = std::string(before, '.') +
                              bytes_of_number(std::uint64_t{0x0123456789abcdef}) + gguf_text(text) +
                              bytes_of_number(std::uint16_t{0x4321});
    const MemorySource source = source_named_x(bytes);
    GgufCursor cursor(source);
    CHECK(cursor.number<char>() == '.');  // the piece is in memory
    CHECK(cursor.skip(before - 1));
    CHECK(cursor.number<std::uint64_t>() == 0x0123456789abcdefu);
    CHECK(cursor.text(9000) == text);
    CHECK(cursor.number<std::uint16_t>() == std::uint16_t{0x4321});
  }
}
