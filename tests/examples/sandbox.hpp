// SPDX-License-Identifier: MIT
// Running the programs as a user does.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace fs = std::filesystem;

struct Result {
  int status;
  std::string output;  ///< standard output and error together
};

/// A folder of its own to run in.
struct Sandbox {
  Sandbox() : path(fs::temp_directory_path() / ("octavo_programs_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directory(path);
  }
  ~Sandbox() { fs::remove_all(path); }

  Result run(const std::string& command, const std::string& environment = "") const {
    const std::string line = "cd '" + path.string() + "' && " + environment +
                             " " OCTAVO_EXAMPLES_FOLDER "/" + command + " 2>&1 </dev/null";
    std::FILE* pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Result result{0, ""};
    char piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof(piece), pipe)) > 0;) {
      result.output.append(piece, n);
    }
    const int status = ::pclose(pipe);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
  }

  std::string operator/(const std::string& name) const { return (path / name).string(); }

  fs::path path;
};

inline void expect(const Result& result, int status, const std::string& part) {
  INFO(result.output);
  CHECK(result.status == status);
  CHECK(result.output.find(part) != std::string::npos);
}
