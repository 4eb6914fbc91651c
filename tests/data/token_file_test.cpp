// SPDX-License-Identifier: MIT
// Token files: read back, refused where anything is wrong with them.
#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_file.hpp>
#include <octavo/files/read_file.hpp>

#include "data/token_files.hpp"
#include "files/folder.hpp"

using namespace octavo;
using namespace token_files;
namespace fs = std::filesystem;

namespace {

/// The message with which a file of these bytes is refused; empty if it is taken.
std::string refusal(const Folder& folder, const std::string& bytes) {
  const std::string path = folder.write("forged", bytes);
  try {
    TokenFile file(path);
    file.verify();
    check_tokens(file.view().checked(0), file.info().vocabulary);  // itself reads every token
    return "";
  } catch (const FormatError& error) {
    const std::string message = error.what();
    const std::size_t end = message.find("': ");
    return end == message.npos ? message : message.substr(end + 3);
  }
}

/// With a header whose checksum is right.
template <typename Change>
std::string forged(const std::string& bytes, Change change) {
  detail::TokenFileHeader header;
  std::memcpy(header.data(), bytes.data(), header.size());
  detail::TokenFileFields fields = detail::to_fields(header);
  change(fields);
  header = detail::to_header(fields);
  std::string result = bytes;
  std::memcpy(result.data(), header.data(), header.size());
  return result;
}

}  // namespace

TEST_CASE("tokens of 1, 2 and 4 bytes come back from a file, with what it says about them") {
  const Folder folder;
  for (const Index vocabulary : {1, 2, 255, 256, 257, 65536, 65537, 2147483647}) {
    for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 999, 40000, 70000}) {
      INFO(vocabulary, " ", count);
      const std::vector<Token> tokens = random_tokens(count, vocabulary);
      const std::string path = folder / "tokens";
      write_tokens(path, vocabulary, tokens);
      CHECK(fs::file_size(path) == 4096 + count * token_bytes(vocabulary));
      TokenFile file(path);
      CHECK(file.info().vocabulary == vocabulary);
      CHECK(file.info().tokens == static_cast<Index>(count));
      CHECK(file.info().text_bytes == 1234);
      CHECK(file.info().text_hash == info.text_hash);
      CHECK(file.info().tokenizer_hash == info.tokenizer_hash);
      CHECK(file.info().text_stamp.empty());
      CHECK_THROWS_AS(file.view(), ConfigError);
      file.verify();
      const TokenView view = file.view();
      REQUIRE(view.size() == static_cast<Index>(count));
      bool same = true;
      for (std::size_t i = 0; i < count; ++i) same &= view[static_cast<Index>(i)] == tokens[i];
      CHECK(same);
      CHECK(view.checked_vocabulary() == vocabulary);
    }
  }
}

TEST_CASE("the layout is what the header says, read without the library's structures") {
  const Folder folder;
  write_tokens(folder / "tokens", 300, {7, 299, 256});
  const std::string bytes = read_file(folder / "tokens");
  const auto number = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
  };
  REQUIRE(bytes.size() == 4102);
  CHECK(bytes.substr(0, 8) == "OCTAVTOK");
  CHECK(number(8, 4) == 1);
  CHECK(number(12, 4) == 2);
  CHECK(number(16, 8) == 300);
  CHECK(number(24, 8) == 3);
  CHECK(number(32, 8) == 1234);
  CHECK(bytes.substr(40, 64) == info.text_hash);
  CHECK(bytes.substr(104, 10) == std::string("tokenizer\0", 10));
  CHECK(number(4096, 2) == 7);
  CHECK(number(4098, 2) == 299);
  CHECK(number(4100, 2) == 256);
  CHECK(std::all_of(bytes.begin() + 240, bytes.begin() + 4096, [](char c) { return c == 0; }));
}

TEST_CASE("a token file with any byte changed, cut short or added is refused") {
  const Folder folder;
  write_tokens(folder / "tokens", 1000, random_tokens(200, 1000));
  const std::string bytes = read_file(folder / "tokens");
  REQUIRE(refusal(folder, bytes) == "");
  int taken = 0;
  const auto check = [&](const std::string& altered) { taken += refusal(folder, altered).empty(); };
  for (std::size_t at = 0; at < bytes.size(); at += at < 240 || at > 4080 ? 1 : 97) {
    std::string altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ (1 << at % 8));
    check(altered);
  }
  for (std::size_t size = 0; size < bytes.size(); size += size < 256 || size > 4000 ? 1 : 97) {
    check(bytes.substr(0, size));
  }
  for (const std::size_t more : std::initializer_list<std::size_t>{1, 2, 3, 4096})
    check(bytes + std::string(more, '\0'));
  CHECK(taken == 0);
  const std::string name = printable(folder / "forged");
  CHECK(refusal(folder, "To be or not to be") == name + " is not a token file");
  CHECK(refusal(folder, "") == name + " is not a token file");
  CHECK(refusal(folder, bytes.substr(0, 4000)) == "truncated: it ends within its header");
  CHECK(refusal(folder, bytes.substr(0, 4400)) ==
        "got 304 bytes of tokens, expected 200 tokens of 2: it is truncated");
  CHECK(refusal(folder, bytes + "x") == "got 401 bytes of tokens, expected 200 tokens of 2");
}

TEST_CASE("a header that lies, checksum and all, is refused") {
  const Folder folder;
  write_tokens(folder / "tokens", 200, random_tokens(64, 200));
  const std::string bytes = read_file(folder / "tokens");
  using Fields = detail::TokenFileFields;
  const auto says = [&](auto change) { return refusal(folder, forged(bytes, change)); };
  CHECK(says([](Fields&) {}) == "");
  CHECK(says([](Fields& f) { f.version = 2; }) == "got version 2, expected 1");
  CHECK(says([](Fields& f) { f.vocabulary = 0; }) ==
        "got a vocabulary of 0, expected 1 to 2147483648");
  CHECK(says([](Fields& f) { f.vocabulary = ~std::uint64_t{0}; }) ==
        "got a vocabulary of 18446744073709551615, expected 1 to 2147483648");
  CHECK(says([](Fields& f) { f.vocabulary = 257; }) ==
        "got 1 byte per token, expected 2 for a vocabulary of 257");
  CHECK(says([](Fields& f) { f.token_bytes = 2; }) ==
        "got 2 bytes per token, expected 1 for a vocabulary of 200");
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{65},
                                    std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    CHECK(says([&](Fields& f) {
            f.tokens = count;
          }).starts_with("got 64 bytes of tokens, expected " + std::to_string(count)));
  }
  CHECK(says([](Fields& f) { ++f.tokens_sum; }) ==
        "the tokens do not have the checksum that the header states");
  // Tokens outside the vocabulary would be read from outside the model's table.
  std::string outside = bytes;
  outside[4096 + 17] = '\xc8';
  const auto sum_of = [](const std::string& file) {
    return crc32c(std::as_bytes(std::span(file)).subspan(4096));
  };
  CHECK(refusal(folder, forged(outside, [&](Fields& f) { f.tokens_sum = sum_of(outside); })) ==
        "token 17 is 200, expected 0 to 199");
}
