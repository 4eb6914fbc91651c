// SPDX-License-Identifier: MIT
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/read_lines.hpp>

#include "heap_guard/heap_guard.hpp"

namespace {

/// A file that goes with the test.
struct File {
  explicit File(std::string_view content)
      : path("/tmp/octavo_read_lines_" + std::to_string(::getpid())) {
    std::ofstream(path, std::ios::binary) << content;
  }
  ~File() { std::remove(path.c_str()); }
  std::string path;
};

std::vector<std::string> lines_of(std::string_view content) {
  const File file(content);
  std::vector<std::string> lines;
  octavo::detail::read_lines(file.path.c_str(),
                             [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

#if defined(__linux__)
TEST_CASE("every line is given without its end; the last one needs none") {
  CHECK(lines_of("a\nbc\n") == Lines{"a", "bc"});
  CHECK(lines_of("a\nbc") == Lines{"a", "bc"});
  CHECK(lines_of("\n\nx\n") == Lines{"", "", "x"});
  CHECK(lines_of("").empty());
}

TEST_CASE("a line is whole wherever the pieces end in which the file is read") {
  std::string content;
  Lines expected;
  for (std::size_t size = 1; content.size() < 20'000; size = size * 7 % 997) {
    expected.emplace_back(size, static_cast<char>('a' + size % 26));
    content += expected.back() + "\n";
  }
  CHECK(lines_of(content) == expected);
}

TEST_CASE("a line longer than 4 KiB comes in pieces, and the next one is whole") {
  std::string content(10'000, 'x');
  content += "\nnext\n";
  const Lines lines = lines_of(content);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].size() == 4096);
  CHECK(lines[1] == lines[0]);
  CHECK(lines[2].size() == 10'000 - 2 * 4096);
  CHECK(lines[2].find_first_not_of('x') == std::string::npos);
  CHECK(lines[3] == "next");
}

TEST_CASE("what the system makes up is read without a heap call") {
  int lines = 0;
  const octavo_test::HeapGuard guard;
  octavo::detail::read_lines("/proc/self/status", [&](std::string_view) { ++lines; });
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(lines > 10);
}
#endif

TEST_CASE("where there is no such file there are no lines") {
  int lines = 0;
  octavo::detail::read_lines("/nowhere/file", [&](std::string_view) { ++lines; });
  CHECK(lines == 0);
}
