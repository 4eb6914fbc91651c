// SPDX-License-Identifier: MIT
// Starting the programs without a shell: any bytes as arguments, output and error apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>

#include "examples/sandbox.hpp"

/// How a program ended; a signal counts as 128 and its number, as in a shell.
struct Outcome {
  int status = -1;
  std::string out, err;
};

struct Start {
  std::string input{};
  const char* output = nullptr;  ///< a file to write to, "" for none; else it is collected
  bool nobody = false;           ///< as a user who may do nothing, where the tests run as root
};

namespace detail {

inline std::string content(std::FILE* file) {
  std::string text;
  std::array<char, 4096> piece;
  std::rewind(file);
  for (std::size_t n; (n = std::fread(piece.data(), 1, piece.size(), file)) > 0;) {
    text.append(piece.data(), n);
  }
  return text;
}

/// In the child: never returns.
[[noreturn]] inline void become(char* const* words, const std::string& folder, const Start& start,
                                const std::array<std::FILE*, 3>& files) {
  const std::string program = std::string(OCTAVO_EXAMPLES_FOLDER "/") + words[0];
  const int executable = ::open(program.c_str(), O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < 3; ++i) ::dup2(fileno(files[static_cast<std::size_t>(i)]), i);
  if (start.output != nullptr) {
    ::close(STDOUT_FILENO);
    if (*start.output != '\0' && ::open(start.output, O_WRONLY) != STDOUT_FILENO) ::_exit(126);
  }
  ::alarm(30);  // a program that hangs fails its test
  if (::chdir(folder.c_str()) != 0) ::_exit(126);
  if (start.nobody && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(126);
  ::fexecve(executable, words, environ);
  ::_exit(127);
}

}  // namespace detail

/// Runs words[0], one of the programs, in the sandbox.
inline Outcome start(const Sandbox& sandbox, std::vector<std::string> words,
                     const Start& how = {}) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::array<std::FILE*, 3> files{};
  for (std::FILE*& file : files) {
    file = std::tmpfile();
    REQUIRE(file != nullptr);
  }
  std::fwrite(how.input.data(), 1, how.input.size(), files[0]);
  std::rewind(files[0]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) detail::become(pointers.data(), sandbox.path.string(), how, files);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  detail::content(files[1]), detail::content(files[2])};
  for (std::FILE* file : files) std::fclose(file);
  return outcome;
}

/// The words of a line without quotes.
inline std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  for (std::size_t at = 0, end; at < line.size(); at = end + 1) {
    end = std::min(line.find(' ', at), line.size());
    if (end > at) words.push_back(line.substr(at, end - at));
  }
  return words;
}

inline std::vector<std::string> operator+(std::vector<std::string> a,
                                          const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A command line as it is told where a check fails.
inline std::string told(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += octavo::printable(word) + " ";
  return line;
}

/// `got` in full, and no byte that a terminal would obey.
inline void check_error(const Outcome& got, int status, const std::string& error) {
  INFO(got.out);
  CHECK(got.status == status);
  CHECK(got.err == error);
  for (const char symbol : got.err) {
    const bool harmless = symbol == '\n' || (symbol >= ' ' && symbol < 0x7f);
    CHECK(harmless);
    if (!harmless) break;
  }
}
