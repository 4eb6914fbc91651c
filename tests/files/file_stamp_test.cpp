// SPDX-License-Identifier: MIT
#include <chrono>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/file_stamp.hpp>

#include "files/folder.hpp"

using namespace octavo;
namespace fs = std::filesystem;

TEST_CASE("a file that nobody touches keeps its stamp, through a link too") {
  const Folder folder;
  const std::string path = folder.write("text", "12345");
  const FileStamp stamp = file_stamp(path);
  CHECK(stamp.size == 5);
  CHECK(stamp.inode != 0);
  CHECK_FALSE(stamp.is_folder);
  CHECK(file_stamp(path) == stamp);
  fs::create_symlink("text", folder / "link");
  CHECK(file_stamp(folder / "link") == stamp);
}

TEST_CASE("another size, time or file is another stamp") {
  const Folder folder;
  const std::string path = folder.write("text", "12345");
  const FileStamp stamp = file_stamp(path);
  const auto written = fs::last_write_time(path);
  fs::last_write_time(path, written + std::chrono::seconds(1));
  CHECK(file_stamp(path) != stamp);
  fs::last_write_time(path, written);
  fs::resize_file(path, 4);
  fs::last_write_time(path, written);
  CHECK(file_stamp(path) != stamp);
  const std::string other = folder.write("other", "12345");
  fs::last_write_time(other, written);
  CHECK(file_stamp(other) != stamp);
}

TEST_CASE("a folder is known as one; what is not there has a stamp of zeros") {
  const Folder folder;
  CHECK(file_stamp(folder.path.string()).is_folder);
  CHECK(file_stamp(folder / "missing") == FileStamp{});
}
