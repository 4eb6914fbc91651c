// SPDX-License-Identifier: MIT
// Token files are written whole or not at all.
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/token_file.hpp>
#include <octavo/data/token_file_writer.hpp>
#include <octavo/files/read_file.hpp>

#include "checkpoint/fault_files.hpp"
#include "data/token_files.hpp"
#include "files/folder.hpp"

using namespace octavo;
using namespace token_files;
using octavo_test::Call;
using octavo_test::FaultFiles;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a token file that could not be written leaves the old one, and nothing else") {
  const Folder folder;
  const std::string path = folder / "tokens";
  write_tokens(path, 256, random_tokens(100, 256));
  const std::string before = read_file(path);
  const std::vector<Token> others = random_tokens(5000, 256);
  FaultFiles counting;
  write_tokens(folder / "other", 256, others, counting);
  fs::remove(folder / "other");
  int failed = 0;
  for (const int error : {ENOSPC, EIO, EDQUOT}) {
    for (int number = 0; number < counting.calls(); ++number) {
      INFO("call ", number, ", errno ", error);
      FaultFiles files;
      files.inject({.number = number, .error = error});
      try {
        write_tokens(path, 256, others, files);
      } catch (const IoError& refused) {
        ++failed;
        CHECK(refused.reason().value() == error);
        const bool known =
            refused.code() == ErrorCode::io || refused.code() == ErrorCode::cannot_create;
        CHECK(known);
      }
      const std::string now = read_file(path);
      CHECK((now == before || now.size() == 4096 + 5000));
      CHECK(files_in(folder.path) == 1);
      CHECK(files.open_files() == 0);
      write_tokens(path, 256, random_tokens(100, 256));
    }
  }
  CHECK(failed > 3 * 8);
  for (const Call call : {Call::write, Call::pwrite}) {  // writes that do less than they were asked
    FaultFiles files;
    files.inject({.half = true, .forever = true, .only = call});
    write_tokens(path, 256, others, files);
    TokenFile file(path);
    CHECK_NOTHROW(file.verify());
    CHECK(files.fired());
  }
  {
    TokenFileWriter given_up(path, 256);  // interrupted
    given_up.add(others);
  }
  CHECK(files_in(folder.path) == 1);
  CHECK_NOTHROW(TokenFile(path).verify());
}

TEST_CASE("a file does not depend on the parts in which its tokens came") {
  const Folder folder;
  const std::vector<Token> tokens = random_tokens(40'000, 1000);  // more than the writer's buffer
  write_tokens(folder / "parts", 1000, tokens);
  TokenFileWriter writer(folder / "whole", 1000);
  writer.add(tokens);
  writer.add({});
  writer.commit(info);
  CHECK(read_file(folder / "whole") == read_file(folder / "parts"));
}

TEST_CASE("what a token file cannot say is refused, and there is no file") {
  const Folder folder;
  CHECK_THROWS_AS(TokenFileWriter(folder / "tokens", 0), ConfigError);
  {
    TokenFileWriter writer(folder / "tokens", 300);
    CHECK_THROWS_AS(writer.add(std::vector<Token>{5, 300}), DataError);
    CHECK_THROWS_AS(writer.add(std::vector<Token>{-1}), DataError);
    TokenFileInfo bad = info;
    bad.text_hash = std::string(65, 'a');
    CHECK_THROWS_AS(writer.commit(bad), ConfigError);
    bad = info;
    bad.text_stamp = std::string("a\0b", 3);
    CHECK_THROWS_AS(writer.commit(bad), ConfigError);
  }
  CHECK(files_in(folder.path) == 0);
}
