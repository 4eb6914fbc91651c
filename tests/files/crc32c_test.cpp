// SPDX-License-Identifier: MIT
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/files/crc32c.hpp>

using namespace octavo;

namespace {

std::uint32_t of(std::string_view text, std::uint32_t before = 0) {
  return crc32c(std::as_bytes(std::span(text)), before);
}

/// Bit by bit, as the polynomial is defined.
std::uint32_t plainly(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char symbol : text) {
    crc ^= static_cast<unsigned char>(symbol);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

}  // namespace

TEST_CASE("the checksums of RFC 3720, appendix B.4") {
  CHECK(of("") == 0);
  CHECK(of("123456789") == 0xE3069283);
  CHECK(of(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(of(std::string(32, '\xFF')) == 0x62A8AB43);
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising += static_cast<char>(i);
    falling += static_cast<char>(31 - i);
  }
  CHECK(of(rising) == 0x46DD794E);
  CHECK(of(falling) == 0x113FDB5C);
}

TEST_CASE("a text in parts has the checksum of the whole, wherever it is cut") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += static_cast<char>(i * 37 % 256 - 128);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string_view front = std::string_view(text).substr(0, size);
    CHECK(of(front) == plainly(front));
    CHECK(of(std::string_view(text).substr(size), of(front)) == of(text));
  }
}

TEST_CASE("one bit that is another is seen, at every place") {
  const std::string text(70, 'x');
  for (std::size_t i = 0; i < 8 * text.size(); ++i) {
    std::string other = text;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << i % 8));
    CHECK(of(other) != of(text));
  }
}
