// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/files/stream.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

/// A FIFO into which somebody writes once.
class WrittenFifo {
 public:
  WrittenFifo(const Folder& folder, std::string content) : path(folder / "fifo") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    writer_ = std::thread(
        [this, content = std::move(content)] { std::ofstream(path, std::ios::binary) << content; });
  }
  ~WrittenFifo() {
    writer_.join();
    std::filesystem::remove(path);
  }

  const std::string path;

 private:
  std::thread writer_;
};

std::string all_of(const ByteSource& source) {
  std::string text(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string numbers(int last) {
  std::string text;
  for (int i = 0; i < last; ++i) text += std::to_string(i) + ' ';
  return text;
}

}  // namespace

TEST_CASE("what comes through a FIFO is read to its end") {
  const Folder folder;
  const std::string text = numbers(40'000);  // more than a FIFO holds at a time
  const WrittenFifo fifo(folder, text);
  CHECK(is_stream(fifo.path));
  CHECK(read_file(fifo.path) == text);
}

TEST_CASE("a stream is kept in memory, or in a file that nobody sees, and read from anywhere") {
  const Folder folder;
  const std::string text = numbers(40'000);
  for (const std::size_t memory : {text.size(), text.size() - 1, std::size_t{0}}) {
    const WrittenFifo fifo(folder, text);
    const std::string temporary = folder / "temporary";
    std::filesystem::create_directory(temporary);
    const SpooledSource source(fifo.path, memory, temporary);
    CHECK(std::filesystem::is_empty(temporary));
    CHECK(source.size() == text.size());
    CHECK(all_of(source) == text);
    std::string part(100, '\0');
    source.read(70'000, std::as_writable_bytes(std::span(part)));
    CHECK(part == text.substr(70'000, 100));
    CHECK((source.memory_bytes() >= text.size()) == (memory == text.size()));
  }
  const WrittenFifo fifo(folder, "");
  CHECK(SpooledSource(fifo.path, 10, folder.path.string()).size() == 0);
}

TEST_CASE("a stream without an end, and one that cannot be kept, are refused") {
  const Folder folder;
  {
    const WrittenFifo fifo(folder, "12345");
    CHECK_THROWS_WITH_AS(read_file(fifo.path, 4),
                         ("cannot read '" + fifo.path + "': it has more than 4 bytes").c_str(),
                         Error);
  }
  {
    const WrittenFifo fifo(folder, "12345");
    CHECK_THROWS_AS(SpooledSource(fifo.path, 10, folder.path.string(), 4), Error);
  }
  {
    const WrittenFifo fifo(folder, "12345");
    CHECK_THROWS_AS(SpooledSource(fifo.path, 4, folder / "missing"), IoError);
  }
  CHECK_THROWS_AS(SpooledSource(folder / "missing", 4, folder.path.string()), IoError);
  CHECK(!is_stream(folder / "missing"));
  CHECK(!is_stream(folder.path.string()));
  CHECK(!is_stream("/dev/zero"));
}
