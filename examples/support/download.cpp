// SPDX-License-Identifier: MIT
#include "support/download.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <octavo/base/error.hpp>
#include <octavo/files/read_file.hpp>

#include "support/sha256.hpp"

extern char** environ;

namespace support {
namespace {

/// Exit status of a program found on the PATH; none if it could not be started or was killed.
std::optional<int> run(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0) return {};
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return {};
  }
  if (!WIFEXITED(status)) return {};
  return WEXITSTATUS(status);
}

std::vector<std::string> arguments_of(std::string_view program, const std::string& url,
                                      const std::string& target) {
  if (program == "curl") {
    return {
        "curl",     "--fail", "--silent", "--show-error", "--location", "--connect-timeout", "20",
        "--output", target,   url};
  }
  return {"wget", "--quiet", "--tries=2", "--timeout=20", "--output-document=" + target, url};
}

/// Removes the temporary file unless told to keep it.
struct TemporaryFile {
  std::string path;
  bool keep = false;
  ~TemporaryFile() {
    if (!keep) std::remove(path.c_str());
  }
};

[[noreturn]] void fail(const RemoteFile& file, const std::string& path, const std::string& why) {
  throw octavo::Error(octavo::ErrorCode::no_input, "cannot download " + file.url + ": " + why,
                      "run: " + download_command(file, path));
}

}  // namespace

const RemoteFile tiny_shakespeare{
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    1'115'394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"};

std::string download_command(const RemoteFile& file, const std::string& path) {
  return "curl --create-dirs -Lo " + path + " " + file.url;
}

void download(const RemoteFile& file, const std::string& path,
              std::span<const std::string_view> programs) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  TemporaryFile temporary{path + ".tmp." + std::to_string(::getpid())};
  std::string tried;
  for (const std::string_view program : programs) {
    const auto status = run(arguments_of(program, file.url, temporary.path));
    if (status == 0) {
      const std::string content = octavo::read_file(temporary.path);
      if (content.size() != file.size) {
        fail(file, path,
             "got " + std::to_string(content.size()) + " bytes, expected " +
                 std::to_string(file.size));
      }
      if (sha256(content) != file.sha256) fail(file, path, "its SHA-256 is not the expected one");
      if (std::rename(temporary.path.c_str(), path.c_str()) != 0) {
        fail(file, path, "cannot rename " + octavo::printable(temporary.path));
      }
      temporary.keep = true;
      return;
    }
    tried += (tried.empty() ? "" : ", ") + std::string(program) +
             (status ? " ended with status " + std::to_string(*status) : " could not be run");
  }
  fail(file, path, tried);
}

void download(const RemoteFile& file, const std::string& path) {
  constexpr std::array<std::string_view, 2> programs{"curl", "wget"};
  download(file, path, programs);
}

}  // namespace support
