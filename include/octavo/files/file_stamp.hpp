// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <system_error>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Identifies the content of a file without reading it: equal stamps are taken to mean equal
/// content. All zero if there is no such file.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t written = 0;  ///< when the content was written, in ticks of the file system
  std::int64_t changed = 0;  ///< when content, name or permissions changed, in seconds
  bool is_folder = false;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// The stamp of the file at a path; follows symbolic links.
OCTAVO_INLINE FileStamp file_stamp(const std::string& path);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE FileStamp file_stamp(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  std::error_code ignored;
  const auto written = std::filesystem::last_write_time(path, ignored).time_since_epoch();
  return {static_cast<std::uint64_t>(status.st_dev),  static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size), static_cast<std::int64_t>(written.count()),
          static_cast<std::int64_t>(status.st_ctime), S_ISDIR(status.st_mode)};
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
