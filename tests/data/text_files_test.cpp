// SPDX-License-Identifier: MIT
// Texts of many files, read in pieces.
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/text_files.hpp>
#include <octavo/data/text_pieces.hpp>

#include "files/folder.hpp"

using namespace octavo;
namespace fs = std::filesystem;

namespace {

std::string all_of(const ByteSource& text) {
  std::string bytes;
  for_each_piece(text, [&](std::string_view piece) { bytes += piece; });
  return bytes;
}

std::string joined(const Folder& folder, const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back(folder / name);
  return all_of(TextFiles(paths));
}

}  // namespace

TEST_CASE("files are joined in order, with a line feed where one is missing") {
  const Folder folder;
  folder.write("b", "second");
  folder.write("a", "first\n");
  folder.write("none", "");
  folder.write("feed", "\n");
  CHECK(joined(folder, {"b"}) == "second");
  CHECK(joined(folder, {"none"}) == "");
  CHECK(joined(folder, {"b", "a"}) == "second\nfirst\n");
  CHECK(joined(folder, {"a", "b"}) == "first\nsecond");
  folder.write("none_either", "");
  CHECK(joined(folder, {"none", "b", "none_either"}) == "second");
  CHECK(joined(folder, {"b", "none", "feed", "a"}) == "second\n\nfirst\n");
  const std::vector<std::string> names{folder / "b", folder / "a"};
  const TextFiles text(names);
  for (std::size_t from = 0; from <= text.size(); ++from) {
    for (std::size_t count = 0; count <= text.size() - from; ++count) {
      std::string part(count, '\0');
      text.read(from, std::as_writable_bytes(std::span(part)));
      CHECK(part == std::string("second\nfirst\n").substr(from, count));
    }
  }
}

TEST_CASE("a folder is its texts in order; hidden names, links and binary files are left out") {
  const Folder folder;
  folder.write("src/b/c", "3");
  folder.write("src/a.txt", "1\n");
  folder.write("src/b.txt", "2");
  folder.write("src/.hidden", "hidden");
  folder.write("src/image", std::string("\x89"
                                        "BIN\0",
                                        5));
  folder.write("src/late", std::string(8000, 'x') + '\0');
  folder.write("src/empty", "");
  fs::create_symlink("a.txt", folder.path / "src/link");
  const std::vector<std::string> names{folder / "src"};
  const TextFiles text(names);
  CHECK(all_of(text) == "1\n2\n3\n" + std::string(8000, 'x') + '\0');
  CHECK(text.file_count() == 4);
  CHECK(text.left_out().hidden == 1);
  CHECK(text.left_out().binary == 1);
  CHECK(text.left_out().others == 1);
  CHECK(joined(folder, {"src/image", "src/link"}) == std::string("\x89"
                                                                 "BIN\0\n1\n",
                                                                 8));
}

TEST_CASE("what is missing, empty of texts or named twice is refused") {
  const Folder folder;
  folder.write("a", "a");
  folder.write("src/b", "b");
  folder.write("pictures/one", std::string(3, '\0'));
  folder.write("pictures/.two", "");
  fs::create_directory(folder.path / "none");
  fs::create_symlink("a", folder.path / "link");
  fs::create_hard_link(folder.path / "src/b", folder.path / "src/c");
  const auto refused = [&](const std::vector<std::string>& names, ErrorCode code,
                           const std::string& message) {
    try {
      joined(folder, names);
      FAIL("taken");
    } catch (const Error& error) {
      CHECK(error.code() == code);
      CHECK(error.what() == message);
    }
  };
  const auto name = [&](const char* one) { return printable(folder / one); };
  refused({"a", "gone"}, ErrorCode::no_input,
          "cannot open " + name("gone") + ": No such file or directory");
  refused(
      {"a", "none"}, ErrorCode::bad_data,
      "folder " + name("none") +
          " holds no text: 0 binary files, 0 hidden names and 0 links or devices were left out");
  refused(
      {"pictures"}, ErrorCode::bad_data,
      "folder " + name("pictures") +
          " holds no text: 1 binary files, 1 hidden names and 0 links or devices were left out");
  refused({"a", "src", "a"}, ErrorCode::usage,
          "text " + name("a") + " is " + name("a") + " once more");
  refused({"a", "link"}, ErrorCode::usage,
          "text " + name("link") + " is " + name("a") + " once more");
  refused({"src/b", "src"}, ErrorCode::usage,
          "text " + name("src/b") + " is " + name("src/b") + " once more");
  refused({"src", "src"}, ErrorCode::usage,
          "text " + name("src/b") + " is " + name("src/b") + " once more");
  CHECK(joined(folder, {"src"}) == "b\nb");  // two names of one file
}

TEST_CASE("a text that changes is found out") {
  const Folder folder;
  const std::vector<std::string> names{folder.write("a", "first\n"), folder.write("b", "second\n")};
  const TextFiles text(names);
  CHECK_NOTHROW(text.check_unchanged());
  const std::string stamp = text.stamp();
  CHECK(TextFiles(names).stamp() == stamp);
  fs::last_write_time(folder.path / "a",
                      fs::last_write_time(folder.path / "a") + std::chrono::nanoseconds(1000));
  CHECK(TextFiles(names).stamp() != stamp);
  const std::string message =
      "text " + printable(folder / "a") + " changed while it was being read";
  CHECK_THROWS_WITH_AS(text.check_unchanged(), message.c_str(), DataError);
  folder.write("a", "longer than before\n");
  CHECK_THROWS_WITH_AS(all_of(text), message.c_str(), DataError);
  fs::remove(folder.path / "a");
  CHECK_THROWS_AS(text.check_unchanged(), Error);
}
