// SPDX-License-Identifier: MIT
#include <cerrno>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>

#include <doctest/doctest.h>

#include <octavo/files/mapped_file.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

struct NoMapping : FileSystem {
  int error = 0;
  void* mmap(int, std::size_t) override {
    errno = error;
    return MAP_FAILED;
  }
};

}  // namespace

TEST_CASE("the bytes of a file lie in memory, and are read past it too") {
  const Folder folder;
  const std::string path = folder.write("digits", "0123456789");
  const MappedFile file(path);
  CHECK(file.name() == path);
  CHECK(file.size() == 10);
  CHECK(text_of(file) == "0123456789");
  std::string text(4, '?');
  file.read(3, std::as_writable_bytes(std::span(text)));
  CHECK(text == "3456");
  file.release_pages();
  CHECK(text_of(file) == "0123456789");
}

TEST_CASE("a file of no bytes is mapped as none") {
  const Folder folder;
  const MappedFile file(folder.write("empty", ""));
  CHECK(file.size() == 0);
  CHECK(file.bytes().empty());
  file.release_pages();
}

TEST_CASE("a file that is replaced under its name stays as it was mapped") {
  const Folder folder;
  const std::string path = folder.write("file", "old");
  const MappedFile file(path);
  std::filesystem::rename(folder.write("other", "new!"), path);
  CHECK(text_of(file) == "old");
}

TEST_CASE("read() of a file that was truncated throws, where the mapping would kill") {
  const Folder folder;
  const std::string path = folder.write("file", "0123456789");
  const MappedFile file(path);
  std::filesystem::resize_file(path, 2);
  std::string text(4, '?');
  CHECK_THROWS_AS(file.read(3, std::as_writable_bytes(std::span(text))), Error);
}

TEST_CASE("a mapping that is refused is told apart: no room, or no such file") {
  const Folder folder;
  const std::string path = folder.write("file", "text");
  NoMapping files;
  const auto code = [&](int error) {
    files.error = error;
    try {
      const MappedFile file(path, files);
    } catch (const IoError& refused) {
      return refused.code();
    }
    return ErrorCode{};
  };
  CHECK(code(ENOMEM) == ErrorCode::out_of_memory);
  CHECK(code(ENODEV) == ErrorCode::no_input);
  CHECK_THROWS_AS(MappedFile(folder / "missing"), Error);
}
