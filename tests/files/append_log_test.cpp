// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/append_log.hpp>
#include <octavo/files/read_file.hpp>

#include "files/folder.hpp"

using namespace octavo;

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  for_each_line(FileSource(path), [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  return lines;
}

}  // namespace

TEST_CASE("lines come into the file in their order, once, whatever their lengths are") {
  const Folder folder;
  const std::string path = folder / "log";
  std::string expected;
  {
    AppendLog log(path, [](std::string_view, std::string_view) { return true; });
    char letter = 'a';
    for (const std::size_t size : {1u, 4000u, 95u, 1u, 4095u, 4096u, 2u, 5000u, 3u, 70'000u, 1u}) {
      const std::string line = std::string(size, letter++) + "\n";
      log.append(line);
      expected += line;
    }
    log.flush();
    CHECK(read_file(path) == expected);
    log.flush();
    CHECK(read_file(path) == expected);
    log.append("z\n");
    CHECK(read_file(path) == expected);  // gathered
    log.flush();
    CHECK(read_file(path) == expected + "z\n");
  }
}

TEST_CASE("of a file that is there the lines that are accepted stay") {
  const Folder folder;
  const std::string path = folder.write("log", "one\n\nthree\nfour\nfive\nhalf a li");
  std::string seen;
  AppendLog log(path, [&](std::string_view line, std::string_view next) {
    seen.append(line).append(">").append(next).append("|");
    return line != "four";
  });
  log.append("new\n");
  log.flush();
  CHECK(read_file(path) == "one\n\nthree\nfive\nnew\n");
  CHECK(seen == "one>|>three|three>four|four>five|five>|");
}

TEST_CASE("whole lines are seen, the rest behind the last line feed is not") {
  const Folder folder;
  using Lines = std::vector<std::string>;
  CHECK(lines_of(folder.write("none", "")) == Lines{});
  CHECK(lines_of(folder.write("half", "half")) == Lines{});
  CHECK(lines_of(folder.write("two", "a\n\nhalf")) == Lines{"a", ""});
  const std::string long_line(10'000, 'x');  // of several pieces
  CHECK(lines_of(folder.write("long", "a\n" + long_line + "\nb\n")) == Lines{"a", long_line, "b"});
}

TEST_CASE("of a line of more than 64 KiB the rest is left out") {
  const Folder folder;
  const std::string longest(65'536 - 4096, 'x'), longer(65'536 + 4096, 'x');
  using Lines = std::vector<std::string>;
  CHECK(lines_of(folder.write("a", "a\n" + longest + "\nb\n")) == Lines{"a", longest, "b"});
  const Lines found = lines_of(folder.write("b", "a\n" + longer + longer + longer + "\nb\nc\n"));
  REQUIRE(found.size() == 4);
  CHECK(found[1] == longer.substr(0, found[1].size()));
  CHECK(found[1].size() > 65'536);
  CHECK(found[2] == "b");
  CHECK(found[3] == "c");
  CHECK(lines_of(folder.write("c", longer + "half")) == Lines{});
}
