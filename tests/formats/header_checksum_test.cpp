// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/formats/header_checksum.hpp>

using namespace octavo;
using namespace octavo::detail;

TEST_CASE("a checksum is eight hexadecimal digits, the highest first") {
  CHECK(sum_text(0) == "00000000");
  CHECK(sum_text(0x0123abcd) == "0123abcd");
  CHECK(sum_text(0xffffffff) == "ffffffff");
}

TEST_CASE("the digits of a header's checksum are found, if all eight can be there") {
  const std::string start = R"({"octavo.header_crc32c":")";
  CHECK(find_header_checksum(start + "00000000\"}") == start.size());
  CHECK(find_header_checksum(start + "00000000") == start.size());
  CHECK(find_header_checksum(start + "0000000") == std::string::npos);
  CHECK(find_header_checksum("{}") == std::string::npos);
  CHECK(find_header_checksum("") == std::string::npos);
}

TEST_CASE("a header's checksum is that of the header with zeros in the place of the digits") {
  const std::string zeros = R"({"octavo.header_crc32c":"00000000","a":"b"})";
  const std::string expected = sum_text(crc32c(std::as_bytes(std::span(zeros))));
  CHECK(header_checksum(zeros) == expected);
  std::string filled = zeros;
  filled.replace(find_header_checksum(filled), 8, expected);
  CHECK(header_checksum(filled) == expected);
  filled.back() = ' ';
  CHECK(header_checksum(filled) != expected);
  CHECK(header_checksum("123456789") == "e3069283");  // the published check value of CRC-32C
}
