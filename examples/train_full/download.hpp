// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace support {

/// A file of the network, and how to know it.
struct RemoteFile {
  std::string url;
  std::size_t size = 0;
  std::string sha256;
};

/// Andrej Karpathy's "tiny Shakespeare".
extern const RemoteFile tiny_shakespeare;

/// The file of tiny Shakespeare, downloaded if it is not there; none, with a warning, if that
/// fails, or if it would have to be downloaded for a plan alone.
std::optional<std::string> find_shakespeare(bool plan_only);

/// The shell command that fetches `file` to `path`, for people.
std::string download_command(const RemoteFile& file, const std::string& path);

/// Fetches `file` with curl or, failing that, wget, started without a shell; checks size and
/// SHA-256; then writes it to a temporary file beside `path` and renames that. Throws octavo::Error
/// (no_input), leaving nothing behind, if neither program works or the content is not what was
/// expected. `programs` names the ones to try: "curl", "wget".
void download(const RemoteFile& file, const std::string& path,
              std::span<const std::string_view> programs);
void download(const RemoteFile& file, const std::string& path);

}  // namespace support
