// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace support {

/// A file to download, and how to verify it.
struct RemoteFile {
  std::string url;
  std::size_t size = 0;
  std::string sha256;
};

/// Andrej Karpathy's "tiny Shakespeare".
extern const RemoteFile tiny_shakespeare;

/// The path of tiny Shakespeare, downloaded if it is missing; nothing, with a warning, if that
/// fails, or if it would be downloaded only for a plan.
std::optional<std::string> find_shakespeare(bool plan_only);

/// The shell command that downloads `file` to `path`, for the user.
std::string download_command(const RemoteFile& file, const std::string& path);

/// Downloads `file` with curl, or else wget, started without a shell; checks size and SHA-256; then
/// writes a temporary file beside `path` and renames it. Throws octavo::Error (no_input), and
/// leaves no file, if neither program works or the content differs. `programs`: the programs to
/// try, "curl", "wget".
void download(const RemoteFile& file, const std::string& path,
              std::span<const std::string_view> programs);
void download(const RemoteFile& file, const std::string& path);

}  // namespace support
