// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>

#include <doctest/doctest.h>

#include <octavo/files/file_system.hpp>

#include "files/folder.hpp"

using namespace octavo;

TEST_CASE("the calls are those of the operating system") {
  const Folder folder;
  FileSystem& files = real_file_system();
  const std::string path = folder / "file", other = folder / "other", sub = folder / "sub";
  const int file = files.open(path.c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(file >= 0);
  CHECK(files.write(file, "hello", 5) == 5);
  CHECK(files.pwrite(file, "J", 1, 0) == 1);
  char bytes[6] = {};
  CHECK(files.pread(file, bytes, 5, 0) == 5);
  CHECK(std::string_view(bytes) == "Jello");
  CHECK(files.read(file, bytes, 5) == 0);  // at its end
  CHECK(files.fsync(file) == 0);
  CHECK(files.fchmod(file, 0640) == 0);
  struct stat status {};
  CHECK(files.fstat(file, &status) == 0);
  CHECK(status.st_size == 5);
  CHECK((status.st_mode & 0777) == 0640);
  void* const mapped = files.mmap(file, 5);
  REQUIRE(mapped != MAP_FAILED);
  CHECK(std::string_view(static_cast<const char*>(mapped), 5) == "Jello");
  CHECK(files.munmap(mapped, 5) == 0);
  CHECK(files.flock(file, LOCK_EX | LOCK_NB) == 0);
  const int again = files.open(path.c_str(), O_RDONLY);
  CHECK(files.flock(again, LOCK_EX | LOCK_NB) == -1);
  CHECK(errno == EWOULDBLOCK);
  CHECK(files.close(again) == 0);
  CHECK(files.close(file) == 0);
  CHECK(files.rename(path.c_str(), other.c_str()) == 0);
  CHECK(files.stat(path.c_str(), &status) == -1);
  CHECK(errno == ENOENT);
  CHECK(files.stat(other.c_str(), &status) == 0);
  CHECK(files.unlink(other.c_str()) == 0);
  CHECK(files.mkdir(sub.c_str(), 0700) == 0);
  CHECK(files.rmdir(sub.c_str()) == 0);
  CHECK(files.rmdir(sub.c_str()) == -1);
}
