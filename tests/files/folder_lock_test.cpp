// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <octavo/files/folder_lock.hpp>
#include <octavo/files/read_file.hpp>

#include "files/folder.hpp"

using namespace octavo;

TEST_CASE("a lock is never written into a file of something else") {
  const Folder folder;
  const std::string text = "a text of somebody's";
  const std::string file = folder.write("text", text);
  const std::string lock = folder / ".lock";
  std::filesystem::create_hard_link(file, lock);
  CHECK_THROWS_AS(FolderLock(folder.path.string()), Error);
  std::filesystem::remove(lock);
  std::filesystem::create_symlink("text", lock);
  CHECK_THROWS_AS(FolderLock(folder.path.string()), Error);
  CHECK(read_file(file) == text);
  std::filesystem::remove(lock);
  folder.write(".lock", text);
  CHECK_THROWS_AS(FolderLock(folder.path.string()), Error);
  CHECK(read_file(lock) == text);
  folder.write(".lock", "4711                ");
  CHECK_NOTHROW(FolderLock(folder.path.string()));
  CHECK_NOTHROW(FolderLock(folder.path.string()));
}

TEST_CASE("two locks of one folder do not stand beside each other, in one process either") {
  const Folder folder;
  {
    const FolderLock first(folder.path.string());
    try {
      const FolderLock second(folder.path.string());
      FAIL("expected an exception");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::cannot_create);
      CHECK(std::string(error.what()).ends_with(": this process has locked it already"));
    }
  }
  CHECK_NOTHROW(FolderLock(folder.path.string()));
}

TEST_CASE("a process that dies gives its lock up") {
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    new FolderLock(folder.path.string());  // nothing gives it back but the system
    ::_exit(0);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK_NOTHROW(FolderLock(folder.path.string()));
}

TEST_CASE("a folder that was made anew is another's once it has a lock, and ours before") {
  const Folder folder;
  FolderLock mine(folder.path.string());
  CHECK_NOTHROW(mine.check("output"));
  std::filesystem::remove_all(folder.path);
  std::filesystem::create_directory(folder.path);
  CHECK_NOTHROW(mine.check("output"));  // locked again
  CHECK(std::filesystem::exists(folder / ".lock"));
  CHECK_THROWS_AS(FolderLock(folder.path.string()), Error);
  std::filesystem::remove_all(folder.path);
  std::filesystem::create_directory(folder.path);
  const FolderLock another(folder.path.string());
  try {
    mine.check("output");
    FAIL("expected an exception");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::cannot_create);
    CHECK(std::string(error.what()).starts_with("cannot create 'output': folder "));
  }
}

TEST_CASE("a folder that is missing cannot be locked") {
  const Folder folder;
  CHECK_THROWS_AS(FolderLock(folder / "nowhere"), IoError);
}
