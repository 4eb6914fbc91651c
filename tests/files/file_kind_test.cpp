// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/files/file_kind.hpp>

using namespace octavo;
using namespace std::string_view_literals;

TEST_CASE("files are known by their first bytes") {
  CHECK(kind_of_file("\x1f\x8b\x08\0"sv).name == "a gzip file");
  CHECK(kind_of_file("\x1f\x8b\x08\0"sv).unpack == "gunzip");
  CHECK(kind_of_file("PK\x03\x04\x14"sv).name == "a zip archive");
  CHECK(kind_of_file("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"sv).name == "a PDF document");
  CHECK(kind_of_file("\xff\xfeT\0o\0"sv).unpack == "iconv -f UTF-16 -t UTF-8");
  CHECK(kind_of_file("\xfe\xff\0T"sv).unpack == "iconv -f UTF-16 -t UTF-8");
  CHECK(kind_of_file("\xff\xfe\xc0\xc1"sv).name.empty());
  CHECK(kind_of_file("\xff\xfe\xc0\0"sv).name.empty());  // a zero byte alone is not ASCII's
  CHECK(kind_of_file("\x80\x02}q"sv).name == "a Python pickle");
  CHECK(kind_of_file("GGUF\x03\0\0\0"sv).name == "a GGUF model");
  CHECK(kind_of_file("\x40\0\0\0\0\0\0\0{\"a\""sv).name == "a safetensors file");
  // Lengths of headers whose bytes are the marks of a pickle and of a gzip file.
  CHECK(kind_of_file("\x80\x02\0\0\0\0\0\0{\"a\""sv).name == "a safetensors file");
  CHECK(kind_of_file("\x1f\x8b\0\0\0\0\0\0{}"sv).name == "a safetensors file");
  std::string tar(512, '\0');
  tar.replace(0, 5, "a.txt").replace(257, 5, "ustar");
  CHECK(kind_of_file(tar).name == "a tar archive");
}

TEST_CASE("a text is none of them, whatever it begins with") {
  for (const auto text :
       {""sv, "To be"sv, "GGUF is a format\n"sv, "PAR1 and PK\n"sv, "BZh91AY\r\n"sv,
        "\xef\xbb\xbfUTF-8"sv, "{\"text\": 1}"sv, "\x01\x02"sv}) {
    CHECK(kind_of_file(text).name == "");
  }
  CHECK(begins_as_text("a\tb\r\n\xc3\xa9"));
  CHECK(!begins_as_text(""));
  CHECK(!begins_as_text("a\x1b[31m"));
}
