// SPDX-License-Identifier: MIT
// Texts of many files, read and encoded in pieces.
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/text_files.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

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

/// Pairs of digits are one token, 100 + their number; other bytes are themselves.
struct PairTokenizer {
  Index vocabulary_size() const { return 300; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::size_t encode(std::string_view text, std::span<Token> out) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i + 1 < text.size() && is_digit(text[i]) && is_digit(text[i + 1])) {
        out[count++] = 200 + 10 * (text[i] - '0') + (text[i + 1] - '0');
        ++i;
      } else {
        out[count++] = static_cast<unsigned char>(text[i]);
      }
    }
    return count;
  }
  /// Behind the last byte that is no digit.
  std::size_t last_cut(std::string_view text) const {
    std::size_t cut = text.size() - 1;
    while (cut > 0 && is_digit(text[cut - 1])) --cut;
    return cut;
  }
};
static_assert(CutsText<PairTokenizer>);
static_assert(!CutsText<ByteTokenizer>);
static_assert(CutsText<CharacterTokenizer>);

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

TEST_CASE("tokens do not depend on the pieces in which a text is read") {
  const Folder folder;
  std::string text;
  for (std::int64_t i = 0; text.size() < 3 * text_piece_bytes; ++i)
    text += std::to_string(i * i * 7) + ' ';
  // A cut at the end of the first piece would part a pair.
  const auto parts_a_pair = [&] {
    std::size_t digits = 0;
    while (PairTokenizer::is_digit(text[text_piece_bytes - 1 - digits])) ++digits;
    return digits % 2 == 1 && PairTokenizer::is_digit(text[text_piece_bytes]);
  };
  while (!parts_a_pair()) text.insert(0, "x");
  const PairTokenizer tokenizer;
  std::vector<Token> expected(text.size());
  expected.resize(tokenizer.encode(text, expected));
  const std::vector<std::string> names{folder.write("text", text)};
  const TokenStore store = tokenize(tokenizer, TextFiles(names));
  REQUIRE(store.view().size() == static_cast<Index>(expected.size()));
  bool same = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    same &= store.view()[static_cast<Index>(i)] == expected[i];
  }
  CHECK(same);
  // What cannot be cut is cut all the same, in the same places however it is held.
  const std::string digits(2 * text_piece_bytes + 1, '7');
  CHECK(tokenize(tokenizer, digits).view().size() == static_cast<Index>(text_piece_bytes + 1));
}

TEST_CASE("a text of long characters that comes in pieces has the tokens of the whole") {
  std::string text = "a";  // so that pieces of 64 KiB end within characters
  while (text.size() < 3 * text_piece_bytes) text += "\u20ac\u03bc\U0001f600\xf0\x9f";
  const auto tokenizer = CharacterTokenizer::from_text(text);
  const std::vector<Token> expected = tokenizer.encode(text);
  const TokenStore store = tokenize(tokenizer, text);
  REQUIRE(store.view().size() == std::ssize(expected));
  bool same = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    same &= store.view()[static_cast<Index>(i)] == expected[i];
  }
  CHECK(same);
}

TEST_CASE("an alphabet that comes in pieces is that of the whole") {
  std::string all;
  for (int byte = 255; byte >= 0; byte -= 3) all += static_cast<char>(byte);
  AlphabetFinder finder;
  for (const char symbol : all) finder.add({&symbol, 1});
  CHECK(CharacterTokenizer(finder.alphabet()) == CharacterTokenizer::from_text(all));
  CHECK(finder.alphabet().size() == 86);
  CHECK(AlphabetFinder().alphabet().empty());
}
