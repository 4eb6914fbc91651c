// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/formats/hexadecimal.hpp>

#include "formats/file_bytes.hpp"

using namespace octavo;
using namespace octavo_test;
using octavo::detail::from_hex;
using octavo::detail::to_hex;

TEST_CASE("every byte goes to two digits and comes back") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string text = to_hex(all);
  CHECK(text.size() == 512);
  CHECK(text.substr(0, 6) == "000102");
  CHECK(text.substr(506) == "fdfeff");
  CHECK(from_hex(text) == all);
  CHECK(to_hex("") == "");
  CHECK(from_hex("") == "");
}

TEST_CASE("other digits, and half a byte, are nothing") {
  for (const char* text : {"0", "000", "0g", "g0", "AB", "0x", " 0", "0 "}) {
    CHECK(!from_hex(text));
  }
}

TEST_CASE("bytes in the metadata are refused by name where they are too many or not such") {
  const std::string bytes = safetensors_bytes(R"({"__metadata__":{"a":"6162","b":"6g"}})");
  const MemorySource source = source_named_x(bytes);
  const SafetensorsReader file(source);
  const MetadataReader metadata(file);
  CHECK(from_hex(metadata, "a", 2) == "ab");
  CHECK(format_error([&] { from_hex(metadata, "a", 1); }) ==
        "cannot load 'x': metadata 'a': got '6162', expected at most 1 bytes in hexadecimal");
  CHECK(format_error([&] { from_hex(metadata, "b", 9); }) ==
        "cannot load 'x': metadata 'b': got '6g', expected at most 9 bytes in hexadecimal");
  CHECK(format_error([&] { from_hex(metadata, "c", 9); }) ==
        "cannot load 'x': the metadata has no entry 'c'");
}
