// SPDX-License-Identifier: MIT
// Walks over folders, and files that are mapped.
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <octavo/files/atomic_file.hpp>
#include <octavo/files/list_files_recursive.hpp>
#include <octavo/files/mapped_file.hpp>

#include "checkpoint/fault_files.hpp"
#include "files/folder.hpp"

using namespace octavo;
namespace fs = std::filesystem;

namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// What find and sort say are the regular files below a folder, but for hidden ones.
std::string found_by_find(const std::string& folder) {
  const std::string command = "cd / && find '" + folder +
                              "' -mindepth 1 -name '.*' -prune -o -type f -print | LC_ALL=C sort";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  REQUIRE(::pclose(pipe) == 0);
  return text;
}

}  // namespace

TEST_CASE("the files below a folder, sorted, without hidden ones and links") {
  const Folder folder;
  for (const char* name :
       {"src/b.txt", "src/a/z", "src/a.txt", "src/a-b/c", "src/B", "src/a/y/x", "src/\xc3\xa9",
        "src/a b", "src/.git/config", "src/a/.hidden", "aside"}) {
    folder.write(name, name);
  }
  fs::create_directory(folder.path / "src/empty");
  fs::create_symlink("..", folder.path / "src/up");
  fs::create_symlink("a.txt", folder.path / "src/link");
  REQUIRE(::mkfifo((folder / "src/fifo").c_str(), 0600) == 0);
  const FileListing found = list_files_recursive(folder / "src");
  std::string lines;
  for (const std::string& path : found.paths) lines += path + "\n";
  CHECK(lines == found_by_find(folder / "src"));
  CHECK(found.paths.size() == 8);
  CHECK(found.paths.front() == folder / "src/B");
  CHECK(found.hidden == 2);
  CHECK(found.others == 3);
  CHECK(list_files_recursive(folder / "src/").paths == found.paths);
  CHECK(list_files_recursive(folder / "src/empty").paths.empty());
  CHECK_THROWS_AS(list_files_recursive(folder / "missing"), IoError);
}

TEST_CASE("a folder that may not be read is named") {
  const Folder folder;
  folder.write("src/closed/text", "text");
  fs::permissions(folder.path / "src/closed", fs::perms::none);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
    try {
      list_files_recursive(folder / "src");
    } catch (const IoError& error) {
      const std::string expected =
          "cannot read folder " + printable(folder / "src/closed") + ": Permission denied";
      ::_exit(error.code() == ErrorCode::no_input && error.what() == expected ? 0 : 2);
    }
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  fs::permissions(folder.path / "src/closed", fs::perms::owner_all);
}

TEST_CASE("a mapped file shows what it held when it was mapped, whatever takes its name") {
  const Folder folder;
  const std::string path = folder.write("text", "as it was");
  const MappedFile file(path);
  CHECK(text_of(file) == "as it was");
  std::string part(2, '\0');
  file.read(3, std::as_writable_bytes(std::span(part)));
  CHECK(part == "it");
  AtomicFile other(path);
  other.write("something else");
  other.commit();
  CHECK(text_of(file) == "as it was");
  CHECK(text_of(MappedFile(path)) == "something else");
  CHECK(MappedFile(folder.write("empty", "")).bytes().empty());
}

TEST_CASE("what cannot be mapped is refused, and nothing stays open") {
  const Folder folder;
  const std::string path = folder.write("text", "text");
  CHECK_THROWS_WITH_AS(MappedFile(folder.path.string()),
                       ("cannot open " + printable(folder.path.string()) +
                        ": it is a directory, expected a regular "
                        "file")
                           .c_str(),
                       Error);
  octavo_test::FaultFiles files;
  for (const auto& [error, code] :
       {std::pair(ENOMEM, ErrorCode::out_of_memory), std::pair(ENODEV, ErrorCode::no_input)}) {
    files.inject({.error = error, .only = octavo_test::Call::mmap});
    try {
      const MappedFile file(path, files);
      FAIL("mapped");
    } catch (const IoError& refused) {
      CHECK(refused.code() == code);
      CHECK(refused.reason().value() == error);
    }
    CHECK(files.open_files() == 0);
  }
}

TEST_CASE("reading a mapped file that has been cut short is an error, not the end") {
  const Folder folder;
  const std::string path = folder.write("text", std::string(10000, 'x'));
  const MappedFile file(path);
  fs::resize_file(path, 3);
  std::string part(10, '\0');
  CHECK_THROWS_AS(file.read(0, std::as_writable_bytes(std::span(part))), Error);
}

TEST_CASE("folders that a run is saved to are left out, but for the one that is named") {
  const Folder folder;
  folder.write("a.txt", "a");
  folder.write(".lock", "");
  folder.write("out/.lock", "4711");
  folder.write("out/report.html", "page");
  folder.write("out/earlier-1/metrics.csv", "numbers");
  folder.write("texts/b.txt", "b");
  const FileListing found = list_files_recursive(folder.path.string());
  CHECK(found.paths == std::vector<std::string>{folder / "a.txt", folder / "texts/b.txt"});
  CHECK(found.runs == 1);
}
