// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/file_descriptor.hpp>

#include "files/folder.hpp"

using namespace octavo;
using octavo::detail::FileDescriptor;

static_assert(!std::is_copy_constructible_v<FileDescriptor>);
static_assert(std::is_nothrow_move_constructible_v<FileDescriptor>);

namespace {

/// Writes down which files are closed.
struct Closes : FileSystem {
  std::vector<int> closed;
  int close(int file) override {
    closed.push_back(file);
    return 0;
  }
};

/// Interrupts every call once, then says what it was told to.
struct Interrupted : FileSystem {
  int calls = 0, fsync_error = 0;
  int fsync(int file) override {
    if (++calls == 1) {
      errno = EINTR;
      return -1;
    }
    if (fsync_error == 0) return FileSystem::fsync(file);
    errno = fsync_error;
    return -1;
  }
};

}  // namespace

TEST_CASE("a descriptor closes its file once, whoever has it at the end") {
  Closes files;
  {
    FileDescriptor first(7, files);
    CHECK(first);
    FileDescriptor second(std::move(first));
    CHECK_FALSE(first);
    CHECK(second.get() == 7);
    FileDescriptor third(8, files);
    third = std::move(second);
    CHECK(files.closed == std::vector<int>{8});
    CHECK(third.get() == 7);
    FileDescriptor& itself = third;
    third = std::move(itself);
    CHECK(third.get() == 7);
  }
  CHECK(files.closed == std::vector<int>{8, 7});
  {
    FileDescriptor released(9, files);
    CHECK(released.release() == 9);
    FileDescriptor reset(10, files);
    reset.reset();
    reset.reset();
    const FileDescriptor none;
    CHECK_FALSE(none);
  }
  CHECK(files.closed == std::vector<int>{8, 7, 10});
}

TEST_CASE("a call that a signal interrupts is made again; other failures stand") {
  int calls = 0;
  const auto third_time = [&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 5;
  };
  CHECK(octavo::detail::uninterrupted(third_time) == 5);
  CHECK(calls == 3);
  calls = 0;
  const auto refused = [&] {
    errno = EACCES;
    return ++calls, -1;
  };
  CHECK(octavo::detail::uninterrupted(refused) == -1);
  CHECK(calls == 1);
  CHECK(octavo::detail::last_error() == std::error_code(EACCES, std::system_category()));
}

TEST_CASE("the names in a folder are flushed; that a file system cannot do so does not count") {
  const Folder folder;
  Interrupted files;
  CHECK(octavo::detail::flush_folder(files, folder.path.string()) == 0);
  CHECK(files.calls == 2);
  files.fsync_error = EINVAL;
  CHECK(octavo::detail::flush_folder(files, folder.path.string()) == 0);
  files.fsync_error = EIO;
  CHECK(octavo::detail::flush_folder(files, folder.path.string()) < 0);
  CHECK(octavo::detail::flush_folder(files, folder / "missing") < 0);
}

TEST_CASE("a regular file is opened with its size; what is none is refused by its kind") {
  const Folder folder;
  CHECK(octavo::detail::open_regular_file(folder.write("text", "12345")).size == 5);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const auto refusal = [](const std::string& path) -> std::string {
    try {
      octavo::detail::open_regular_file(path);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::no_input);
      return error.what();
    }
    return "";
  };
  CHECK(refusal(folder / "fifo").ends_with("it is a FIFO, expected a regular file"));
  CHECK(refusal(folder.path.string()).ends_with("it is a directory, expected a regular file"));
  CHECK(refusal("/dev/null").ends_with("it is a device, expected a regular file"));
  CHECK(refusal(folder / "missing").starts_with("cannot open "));
}
