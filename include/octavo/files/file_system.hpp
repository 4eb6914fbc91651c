// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// The operating system's calls for files, one to one: a negative result (or MAP_FAILED) means
/// failure, and errno is the reason. A class, so that tests can replace it by one whose calls fail,
/// stop midway or lose unflushed data.
class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  OCTAVO_INLINE virtual int open(const char* path, int flags, mode_t mode = 0);
  virtual int close(int file) { return ::close(file); }
  virtual ssize_t read(int file, void* bytes, std::size_t count) {
    return ::read(file, bytes, count);
  }
  virtual ssize_t pread(int file, void* bytes, std::size_t count, off_t offset) {
    return ::pread(file, bytes, count, offset);
  }
  virtual ssize_t write(int file, const void* bytes, std::size_t count) {
    return ::write(file, bytes, count);
  }
  virtual ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) {
    return ::pwrite(file, bytes, count, offset);
  }
  virtual void* mmap(int file, std::size_t count) {
    return ::mmap(nullptr, count, PROT_READ, MAP_SHARED, file, 0);
  }
  virtual int munmap(void* bytes, std::size_t count) { return ::munmap(bytes, count); }
  virtual int fstat(int file, struct stat* status) { return ::fstat(file, status); }
  virtual int stat(const char* path, struct stat* status) { return ::stat(path, status); }
  virtual int fchmod(int file, mode_t mode) { return ::fchmod(file, mode); }
  virtual int fsync(int file) { return ::fsync(file); }
  virtual int flock(int file, int operation) { return ::flock(file, operation); }
  virtual int rename(const char* from, const char* to) { return ::rename(from, to); }
  virtual int unlink(const char* path) { return ::unlink(path); }
  virtual int mkdir(const char* path, mode_t mode) { return ::mkdir(path, mode); }
  virtual int rmdir(const char* path) { return ::rmdir(path); }
};

/// The operating system's file system. It has no state.
OCTAVO_INLINE FileSystem& real_file_system();

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE int FileSystem::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}

OCTAVO_INLINE FileSystem& real_file_system() {
  static FileSystem real;
  return real;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
