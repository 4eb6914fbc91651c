// SPDX-License-Identifier: MIT
// A program at a pseudo-terminal, and somebody who types.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "examples/sandbox.hpp"

/// Runs words[0], one of the programs, in the sandbox, with a terminal of 80 columns of its own.
class Typist {
 public:
  Typist(const Sandbox& sandbox, std::vector<std::string> words, const char* term = "xterm")
      : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    const std::string name = ::ptsname(master_);
    const std::string program = std::string(OCTAVO_EXAMPLES_FOLDER "/") + words[0];
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    ::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR);
    const winsize size{40, 80, 0, 0};
    if (terminal < 0 || ::ioctl(terminal, TIOCSWINSZ, &size) != 0) ::_exit(126);
    for (int i = 0; i < 3; ++i) ::dup2(terminal, i);
    ::setenv("TERM", term, 1);
    ::setenv("EDITRC", "/dev/null", 1);
    ::alarm(60);
    if (::chdir(sandbox.path.c_str()) != 0) ::_exit(126);
    ::execv(program.c_str(), pointers.data());
    ::_exit(127);
  }
  Typist(const Typist&) = delete;
  Typist& operator=(const Typist&) = delete;
  ~Typist() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(master_);
  }

  void type(const std::string& keys) {
    REQUIRE(::write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  /// Waits until `text` has come since the last call that found what it waited for; returns what
  /// has come up to there.
  std::string until(const std::string& text) {
    std::size_t at = std::string::npos;
    while ((at = screen_.find(text, seen_)) == std::string::npos && read()) {
    }
    INFO("waiting for '", text, "', got: ", screen_.substr(seen_));
    REQUIRE(at != std::string::npos);
    const std::string got = screen_.substr(seen_, at + text.size() - seen_);
    seen_ = at + text.size();
    return got;
  }

  /// Waits for the program's end; a signal counts as 128 and its number.
  int status() {
    while (read()) {
    }
    int status = 0;
    REQUIRE(::waitpid(child_, &status, 0) == child_);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  /// All that the program has written.
  const std::string& screen() const { return screen_; }

 private:
  /// What has come, waiting for some; false when the program is gone or nothing comes.
  bool read() {
    pollfd wait{master_, POLLIN, 0};
    if (::poll(&wait, 1, 30'000) <= 0) return false;
    std::array<char, 4096> piece;
    const ssize_t n = ::read(master_, piece.data(), piece.size());
    if (n > 0) screen_.append(piece.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  int master_;
  pid_t child_ = -1;
  std::string screen_;
  std::size_t seen_ = 0;
};
