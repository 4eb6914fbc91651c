// SPDX-License-Identifier: MIT
#include "train_full/download.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <octavo/base/error.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/runs/sha256.hpp>

#include "support/program.hpp"

extern char** environ;

namespace support {
namespace {

/// The output of a program on the PATH, at most `limit` bytes, and its status.
struct Fetched {
  std::string output;
  std::optional<int> status;  ///< nothing: it could not be started, or was killed
};

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string read_all(std::FILE* file, std::size_t limit) {
  std::string text(limit, '\0');
  text.resize(std::fread(text.data(), 1, limit, file));
  return text;
}

/// Runs a program with its standard output in a pipe, so that an interrupted download leaves no
/// partial file.
Fetched run(std::vector<std::string> arguments, std::size_t limit) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return {};
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);  // macOS has no pipe2
  File reading(::fdopen(ends[0], "rb"), std::fclose), writing(::fdopen(ends[1], "wb"), std::fclose);
  if (reading == nullptr || writing == nullptr) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);

  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {};

  writing.reset();
  Fetched fetched{read_all(reading.get(), limit), {}};
  reading.reset();  // a program that is still writing ends with SIGPIPE
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fetched;
  }
  if (WIFEXITED(status)) fetched.status = WEXITSTATUS(status);
  return fetched;
}

std::vector<std::string> arguments_of(std::string_view program, const std::string& url) {
  std::vector<std::string> arguments{std::string(program)};
  if (program == "wget") {
    for (const char* option : {"--quiet", "--tries=2", "--timeout=20", "--output-document=-"}) {
      arguments.emplace_back(option);
    }
  } else {
    for (const char* option :
         {"--fail", "--silent", "--show-error", "--location", "--connect-timeout", "20",
          "--speed-limit", "1", "--speed-time", "30"}) {
      arguments.emplace_back(option);
    }
  }
  arguments.push_back(url);
  return arguments;
}

[[noreturn]] void fail(const RemoteFile& file, const std::string& path, const std::string& why) {
  throw octavo::Error(octavo::ErrorCode::no_input, "cannot download " + file.url + ": " + why,
                      "run: " + download_command(file, path));
}

void check(const RemoteFile& file, const std::string& path, const std::string& content) {
  if (content.size() != file.size) {
    fail(file, path,
         "got " + octavo::counted(content.size(), "byte") + ", expected " +
             std::to_string(file.size));
  }
  if (octavo::sha256(content) != file.sha256)
    fail(file, path, "its SHA-256 is not the expected one");
}

void write(const std::string& path, const std::string& content) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  octavo::AtomicFile target(path);
  target.write(content);
  target.commit();
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
  std::string tried;
  for (const std::string_view program : programs) {
    const Fetched fetched = run(arguments_of(program, file.url), file.size + 1);
    if (fetched.output.size() > file.size) {
      fail(file, path, "got more than the expected " + std::to_string(file.size) + " bytes");
    }
    if (fetched.status == 0) {
      check(file, path, fetched.output);
      write(path, fetched.output);
      return;
    }
    tried += (tried.empty() ? "" : ", ") + std::string(program) +
             (fetched.status ? " ended with status " + std::to_string(*fetched.status)
                             : " could not be run");
  }
  fail(file, path, tried);
}

std::optional<std::string> find_shakespeare(bool plan_only) {
  const std::string path = "data/shakespeare.txt";
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown)) return path;
  if (plan_only) {
    warn(path + ", which a run would download, is missing: this is the plan for the built-in text");
    return std::nullopt;
  }
  print("downloading tiny Shakespeare to " + path + "\n");
  std::fflush(stdout);
  try {
    download(tiny_shakespeare, path);
    return path;
  } catch (const octavo::Error& error) {
    warn(error.what(), "hint: " + error.hint() + "\n  hint: training on the built-in text instead");
    return std::nullopt;
  }
}

void download(const RemoteFile& file, const std::string& path) {
  constexpr std::array<std::string_view, 2> programs{"curl", "wget"};
  download(file, path, programs);
}

}  // namespace support
