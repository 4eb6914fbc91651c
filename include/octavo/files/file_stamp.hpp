// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <sys/stat.h>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Identifies the content of a file without reading it: equal stamps are taken to mean equal
/// content. All zero if there is no such file.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t written = 0;  ///< when the content was written, in nanoseconds
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
#if defined(__APPLE__)
  const timespec& written = status.st_mtimespec;
#else
  const timespec& written = status.st_mtim;
#endif
  return {static_cast<std::uint64_t>(status.st_dev),
          static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size),
          std::int64_t{written.tv_sec} * 1000000000 + written.tv_nsec,
          static_cast<std::int64_t>(status.st_ctime),
          S_ISDIR(status.st_mode)};
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
