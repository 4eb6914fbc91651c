// SPDX-License-Identifier: MIT
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

ErrorCode code_of_reading(const std::string& path, std::size_t limit = 1000) {
  try {
    read_file(path, limit);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

}  // namespace

TEST_CASE("files are read whole, and folders and devices are refused without hanging") {
  const Folder folder;
  std::ofstream(folder / "text", std::ios::binary) << std::string("a\0b\r\n", 5);
  CHECK(read_file(folder / "text") == std::string("a\0b\r\n", 5));
  std::ofstream(folder / "empty").flush();
  CHECK(read_file(folder / "empty").empty());
  for (const std::string& path :
       {folder / "missing", folder.path.string(), std::string("/dev/zero")}) {
    CHECK(code_of_reading(path) == ErrorCode::no_input);
  }
  CHECK(code_of_reading(folder / "text", 4) == ErrorCode::no_input);
  CHECK_THROWS_WITH_AS(read_file("/dev/zero"),
                       "cannot open '/dev/zero': it is a device, expected a regular file", Error);
}
