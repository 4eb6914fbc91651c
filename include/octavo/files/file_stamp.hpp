// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <system_error>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// By what a file is known without being read: while its stamp is equal, its content is taken to
/// be. All zero where there is no such file.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t written = 0;  ///< when its content was, in the file system's ticks
  std::int64_t changed = 0;  ///< when content, name or permissions were, in seconds
  bool is_folder = false;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Of the file that a path leads to, through symbolic links.
inline FileStamp file_stamp(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  std::error_code ignored;
  const auto written = std::filesystem::last_write_time(path, ignored).time_since_epoch();
  return {static_cast<std::uint64_t>(status.st_dev),  static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size), static_cast<std::int64_t>(written.count()),
          static_cast<std::int64_t>(status.st_ctime), S_ISDIR(status.st_mode)};
}

}  // namespace OCTAVO_NAMESPACE
