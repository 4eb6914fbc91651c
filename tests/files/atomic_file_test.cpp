// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/append_log.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/read_file.hpp>

#include "files/folder.hpp"

using namespace octavo;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file appears whole on commit, or not at all") {
  const Folder folder;
  std::ofstream(folder / "target") << "old";
  {
    AtomicFile file(folder / "target");
    file.write("half of the n");
    CHECK(read_file(folder / "target") == "old");
  }
  CHECK(read_file(folder / "target") == "old");
  CHECK(files_in(folder.path) == 1);
  AtomicFile file(folder / "target");
  file.write("the new ");
  file.write("content");
  file.commit();
  CHECK(read_file(folder / "target") == "the new content");
  CHECK(files_in(folder.path) == 1);
}

TEST_CASE("a folder that is missing is an error of its own kind, as is a target that is a folder") {
  const Folder folder;
  try {
    AtomicFile file(folder / "nowhere/file");
    FAIL("expected an exception");
  } catch (const IoError& error) {
    CHECK(error.code() == ErrorCode::cannot_create);
  }
  fs::create_directory(folder / "sub");
  AtomicFile file(folder / "sub");
  try {
    file.commit();
    FAIL("expected an exception");
  } catch (const IoError& error) {
    CHECK(error.code() == ErrorCode::io);
  }
}

TEST_CASE("what is no regular file is not replaced by one, under none of its names") {
  const Folder folder;
  ::mkfifo((folder / "fifo").c_str(), 0600);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = folder / "socket";
  REQUIRE(socket_path.size() < sizeof(address.sun_path));
  std::copy(socket_path.begin(), socket_path.end(), address.sun_path);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(socket);
  std::vector<std::string> names = {"fifo", "socket"};
  if (::mknod((folder / "device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
    names.push_back("device");  // root's tests alone can make one
  }
  for (const std::string& name : names) {
    const fs::file_type type = fs::symlink_status(folder / name).type();
    fs::create_symlink(name, folder / ("link to " + name));
    for (const std::string& path : {folder / name, folder / ("link to " + name)}) {
      CAPTURE(path);
      try {
        AtomicFile file(path);
        file.commit();
        FAIL_CHECK("expected an exception");
      } catch (const IoError& error) {
        CHECK(error.code() == ErrorCode::cannot_create);
        CHECK(error.hint() == "it is a " + (name == "fifo" ? "FIFO" : name) +
                                  ", and is not replaced: name a regular file, or a new one");
      }
      CHECK_THROWS_AS(AppendLog(path, [](std::string_view, std::string_view) { return true; }),
                      IoError);
    }
    CHECK(fs::symlink_status(folder / name).type() == type);
  }
  CHECK(files_in(folder.path) == 2 * names.size());
}

TEST_CASE("a file that is replaced hands its permissions on; a new one follows the umask") {
  const Folder folder;
  const auto mode_after_write = [&](const char* name) {
    AtomicFile file(folder / name);
    file.write("text");
    file.commit();
    struct stat status {};
    REQUIRE(::stat((folder / name).c_str(), &status) == 0);
    return status.st_mode & 07777;
  };
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{077}}) {
    CAPTURE(mask);
    const mode_t was = ::umask(mask);
    fs::remove(folder / "new");
    CHECK(mode_after_write("new") == (0666 & ~mask));
    for (const mode_t mode : {mode_t{0400}, mode_t{0600}, mode_t{0664}, mode_t{0777}}) {
      CAPTURE(mode);
      std::ofstream(folder / "old").flush();
      REQUIRE(::chmod((folder / "old").c_str(), mode) == 0);
      CHECK(mode_after_write("old") == mode);
      fs::create_symlink("old", folder / "link");
      CHECK(mode_after_write("link") == mode);
      fs::remove(folder / "link");
      fs::remove(folder / "old");
    }
    ::umask(was);
  }
}

TEST_CASE("while a private file is being replaced nobody else can read its successor") {
  struct NoPermissions : FileSystem {
    int fchmod(int, mode_t) override {
      errno = EPERM;
      return -1;
    }
  };
  const Folder folder;
  std::ofstream(folder / "key").flush();
  REQUIRE(::chmod((folder / "key").c_str(), 0600) == 0);
  NoPermissions files;  // of some file systems; it is no reason not to save
  AtomicFile file(folder / "key", files);
  for (const auto& entry : fs::directory_iterator(folder.path)) {
    CHECK(entry.status().permissions() == fs::perms(0600));
  }
  CHECK(files_in(folder.path) == 2);
  file.commit();
  CHECK(fs::status(folder / "key").permissions() == fs::perms(0600));
}

TEST_CASE("what a killed process left is known by its name, and nothing else is taken for it") {
  for (const char* name :
       {"model.tmp.1", "a.safetensors.tmp.12345", "a.tmp.12345.7", "a.tmp.b.tmp.5"}) {
    INFO(name);
    CHECK(AtomicFile::is_leftover(name));
  }
  for (const char* name : {"", "model", "model.tmp", "model.tmp.", "a.tmp.12x", "a.tmp.1.txt"}) {
    INFO(name);
    CHECK_FALSE(AtomicFile::is_leftover(name));
  }
}
