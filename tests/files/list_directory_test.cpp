// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/list_directory.hpp>

#include "files/folder.hpp"

using namespace octavo;

TEST_CASE("all names of a folder, hidden ones and its own two among them") {
  const Folder folder;
  folder.write("b", "");
  folder.write(".hidden", "");
  folder.write("sub/deep", "");
  std::error_code error = std::make_error_code(std::errc::io_error);
  std::vector<std::string> names = list_directory(folder.path.string(), error);
  CHECK_FALSE(error);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{".", "..", ".hidden", "b", "sub"});
}

TEST_CASE("what is no folder has no names, and the reason is said") {
  const Folder folder;
  std::error_code error;
  CHECK(list_directory(folder / "missing", error).empty());
  CHECK(error == std::errc::no_such_file_or_directory);
  CHECK(list_directory(folder.write("file", ""), error).empty());
  CHECK(error == std::errc::not_a_directory);
}
