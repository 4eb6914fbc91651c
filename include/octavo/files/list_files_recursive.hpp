// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>
#include <octavo/files/list_directory.hpp>

namespace OCTAVO_NAMESPACE {

/// The regular files of a folder and of all folders below it.
struct FileListing {
  std::vector<std::string> paths;  ///< sorted by bytes, as by LC_ALL=C sort
  std::size_t hidden = 0;          ///< files and folders left out: their names begin with a dot
  std::size_t others = 0;          ///< left out: symbolic links, FIFOs, sockets, devices
  std::size_t runs = 0;            ///< folders left out: runs are saved there (they have a ".lock")
};

/// Lists the regular files of a folder and its subfolders. Subfolders to which runs are saved
/// (FolderLock) are left out: otherwise the next run would train on this run's output. Hidden names
/// are left out, with everything below them, and so are all other kinds of files. Symbolic links
/// are not followed, so that no file is listed twice and no walk is endless. Error of code no_input
/// if a folder cannot be read.
OCTAVO_INLINE FileListing list_files_recursive(const std::string& folder);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE FileListing list_files_recursive(const std::string& folder) {
  FileListing found;
  std::vector<std::string> open = {folder};
  while (!open.empty()) {
    std::string path = std::move(open.back());
    open.pop_back();
    std::error_code error;
    const std::vector<std::string> names = list_directory(path, error);
    if (error) {
      throw IoError(ErrorCode::no_input, detail::concat({"cannot read folder ", printable(path)}),
                    error, "check its permissions");
    }
    if (path != folder && std::find(names.begin(), names.end(), ".lock") != names.end()) {
      ++found.runs;
      continue;
    }
    if (!path.ends_with('/')) path += '/';
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      if (name.front() == '.') {
        ++found.hidden;
        continue;
      }
      struct stat status {};
      if (::lstat((path + name).c_str(), &status) != 0) {
        if (errno == ENOENT) continue;  // removed meanwhile
        throw IoError(ErrorCode::no_input, detail::concat({"cannot open ", printable(path + name)}),
                      detail::last_error(), "check the path and its permissions");
      }
      if (S_ISDIR(status.st_mode)) {
        open.push_back(path + name);
      } else if (S_ISREG(status.st_mode)) {
        found.paths.push_back(path + name);
      } else {
        ++found.others;
      }
    }
  }
  std::sort(found.paths.begin(), found.paths.end());
  return found;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
