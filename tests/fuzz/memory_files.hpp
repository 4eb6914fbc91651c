// SPDX-License-Identifier: MIT
// Files that never reach the disk.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <octavo/files/file_system.hpp>

namespace fuzz {

/// A disk in memory, by whole paths. Folders are there if they are opened as such.
class MemoryFiles final : public octavo::FileSystem {
 public:
  std::map<std::string, std::string> files;

  int open(const char* path, int flags, mode_t) override {
    const bool folder = (flags & O_DIRECTORY) != 0;
    if (!folder && (flags & O_CREAT) != 0) files[path].clear();
    if (!folder && !files.contains(path)) {
      errno = ENOENT;
      return -1;
    }
    opened_.push_back(path);
    return first_ + static_cast<int>(opened_.size()) - 1;
  }
  int close(int) override { return 0; }
  ssize_t pread(int file, void* bytes, std::size_t count, off_t offset) override {
    const std::string& content = files.at(path_of(file));
    const std::size_t first = std::min(static_cast<std::size_t>(offset), content.size());
    return static_cast<ssize_t>(content.copy(static_cast<char*>(bytes), count, first));
  }
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    files.at(path_of(file)).append(static_cast<const char*>(bytes), count);
    return static_cast<ssize_t>(count);
  }
  ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override {
    std::string& content = files.at(path_of(file));
    const auto first = static_cast<std::size_t>(offset);
    content.resize(std::max(content.size(), first + count));
    std::copy_n(static_cast<const char*>(bytes), count, content.begin() + offset);
    return static_cast<ssize_t>(count);
  }
  int fstat(int file, struct stat* status) override {
    status->st_mode = S_IFREG;
    status->st_size = static_cast<off_t>(files.at(path_of(file)).size());
    return 0;
  }
  int fsync(int) override { return 0; }
  int mkdir(const char*, mode_t) override { return 0; }
  int rename(const char* from, const char* to) override {
    files[to] = std::move(files.at(from));
    files.erase(from);
    return 0;
  }
  int unlink(const char* path) override {
    files.erase(path);
    return 0;
  }

 private:
  static constexpr int first_ = 1 << 20;  // no number that the system gives

  const std::string& path_of(int file) const {
    return opened_.at(static_cast<std::size_t>(file - first_));
  }

  std::vector<std::string> opened_;
};

}  // namespace fuzz
