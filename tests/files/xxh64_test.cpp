// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/files/xxh64.hpp>

using namespace octavo;

namespace {

std::uint64_t hash(std::string_view text, std::uint64_t seed = 0) {
  return xxh64(std::as_bytes(std::span(text)), seed);
}

}  // namespace

TEST_CASE("XXH64: values of the reference implementation") {
  CHECK(hash("") == 0xEF46DB3751D8E999);
  CHECK(hash("a") == 0xD24EC4F1A98C6E5B);
  CHECK(hash("abc") == 0x44BC2CF5AD770999);
  CHECK(hash("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1);
}

TEST_CASE("XXH64: every byte counts, and so does the seed") {
  for (const int length : {1, 3, 4, 7, 8, 15, 31, 32, 33, 40, 63, 64, 71, 100}) {
    const auto size = static_cast<std::size_t>(length);
    std::string text(size, 'x');
    const std::uint64_t before = hash(text);
    CHECK(hash(text, 1) != before);
    for (char& symbol : text) {
      symbol = 'y';
      CHECK(hash(text) != before);
      symbol = 'x';
    }
  }
}
