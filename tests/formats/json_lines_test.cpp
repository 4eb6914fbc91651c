// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/json_lines.hpp>

using namespace octavo;

namespace {

/// A line each: "2: the object", or "2! what is wrong".
std::vector<std::string> read(const std::string& text) {
  const MemorySource source("x", std::as_bytes(std::span(text)));
  JsonLines lines(source);
  std::vector<std::string> result;
  while (true) {
    try {
      const auto object = lines.next();
      if (!object) return result;
      result.push_back(std::to_string(lines.line()) + ": " + object->dump());
    } catch (const DataError& error) {
      result.push_back(std::to_string(lines.line()) + "! " + error.what());
    }
  }
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a line is an object; blank lines, ends of lines and a mark at the beginning are none") {
  CHECK(read("{\"a\": 1}\n{}\n") == Lines{"1: {\"a\":1}", "2: {}"});
  CHECK(read("\xef\xbb\xbf{\"a\":1}\r\n\n  \t\n{\"b\":2}") ==
        Lines{"1: {\"a\":1}", "4: {\"b\":2}"});
  CHECK(read("").empty());
  CHECK(read("\n\n").empty());
}

TEST_CASE("a bad line is told, and the next one is read") {
  CHECK(read("{\"a\": }\n{}\n") == Lines{"1! it is not JSON from byte 7 on", "2: {}"});
  CHECK(read("[1]\n3\nnull\n\"x\"") == Lines{"1! it is an array, expected a JSON object",
                                             "2! it is a number, expected a JSON object",
                                             "3! it is null, expected a JSON object",
                                             "4! it is a string, expected a JSON object"});
  CHECK(read("{\"a\": 1, \"a\": 2}") == Lines{"1! it names 'a' twice"});
  CHECK(read("{\"a\": " + std::string(17, '[') + "1") == Lines{"1! it nests deeper than 16"});
  CHECK(read("{\"a\": \"\xff\"}").size() == 1);
}

TEST_CASE("lines longer than the pieces that are read, and too long ones") {
  const std::string half(40'000, 'x');
  const std::string line = "{\"a\":\"" + half + half + "\"}";
  CHECK(read(line + "\n" + line) == Lines{"1: " + line, "2: " + line});
  const std::string longest(JsonLines::longest_line - 8, 'y');
  const std::string fits = "{\"a\":\"" + longest + "\"}";
  CHECK(read(fits).size() == 1);
  CHECK(read(fits) == Lines{"1: " + fits});
  CHECK(read("{\"a\":\"y" + longest + "\"}\n{}") ==
        Lines{"1! it has more than 4194304 bytes", "2: {}"});
}
