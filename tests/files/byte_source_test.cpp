// SPDX-License-Identifier: MIT
#include <cerrno>
#include <span>
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/byte_source.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

std::string read(const ByteSource& source, std::size_t offset, std::size_t count) {
  std::string text(count, '?');
  source.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

/// Gives a few bytes at a time, and is interrupted by signals.
struct Slow : FileSystem {
  int calls = 0;
  ssize_t pread(int file, void* bytes, std::size_t count, off_t offset) override {
    if (++calls % 2 == 0) {
      errno = EINTR;
      return -1;
    }
    return FileSystem::pread(file, bytes, std::min<std::size_t>(count, 3), offset);
  }
};

struct Broken : FileSystem {
  ssize_t pread(int, void*, std::size_t, off_t) override {
    errno = EIO;
    return -1;
  }
};

}  // namespace

TEST_CASE("bytes are read from anywhere, of a file or of memory") {
  const Folder folder;
  const std::string text = "0123456789";
  const FileSource file(folder.write("digits", text));
  const MemorySource memory("digits", std::as_bytes(std::span(text)));
  for (const ByteSource* source :
       {static_cast<const ByteSource*>(&file), static_cast<const ByteSource*>(&memory)}) {
    CHECK(source->size() == 10);
    CHECK(read(*source, 0, 10) == text);
    CHECK(read(*source, 7, 3) == "789");
    CHECK(read(*source, 10, 0).empty());
  }
  CHECK(file.name() == folder / "digits");
  CHECK(memory.name() == "digits");
}

TEST_CASE("a read that comes in parts is whole, whatever interrupts it") {
  const Folder folder;
  Slow slow;
  const FileSource file(folder.write("digits", "0123456789"), slow);
  CHECK(read(file, 1, 9) == "123456789");
  CHECK(slow.calls > 3);
}

TEST_CASE("a file that shrinks, or cannot be read, is an error that says where") {
  const Folder folder;
  const std::string path = folder.write("digits", "0123456789");
  const FileSource file(path);
  std::filesystem::resize_file(path, 4);
  try {
    read(file, 2, 8);
    FAIL("expected an exception");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::io);
    CHECK(std::string(error.what()).ends_with("it shrank to 4 of 10 bytes while being read"));
  }
  Broken broken;
  const FileSource unreadable(path, broken);
  try {
    read(unreadable, 2, 1);
    FAIL("expected an exception");
  } catch (const IoError& error) {
    CHECK(error.code() == ErrorCode::io);
    CHECK(std::string(error.what()).find("at byte 2") != std::string::npos);
  }
  CHECK_THROWS_AS(FileSource(folder / "missing"), Error);
}
