// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_system.hpp>

namespace OCTAVO_NAMESPACE::detail {

inline std::error_code last_error() noexcept { return {errno, std::system_category()}; }

/// Calls again whenever a signal interrupts, and returns the result. Not for close, which closes
/// the file even when interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// An open file, closed by the destructor. Move-only.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor, FileSystem& files = real_file_system()) noexcept
      : files_(&files), descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : files_(other.files_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      files_ = other.files_;
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const noexcept { return descriptor_; }
  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  FileSystem& files() const noexcept { return *files_; }

  /// Gives up the descriptor without closing it.
  int release() noexcept { return std::exchange(descriptor_, -1); }

  void reset() noexcept;

 private:
  FileSystem* files_ = &real_file_system();
  int descriptor_ = -1;
};

OCTAVO_INLINE FileDescriptor open_file(FileSystem& files, const std::string& path, int flags,
                                       mode_t mode = 0);

/// Flushes a folder, so that its names survive a power cut. Negative, with errno, on failure;
/// EINVAL, from file systems that cannot flush folders, does not count as a failure.
OCTAVO_INLINE int flush_folder(FileSystem& files, const std::string& folder);

/// The kind of something that is not a regular file, for messages.
OCTAVO_INLINE const char* kind_of_file(mode_t mode) noexcept;

/// A regular file opened for reading, and its size.
struct OpenedFile {
  FileDescriptor file;
  std::size_t size = 0;
};

/// Opens a regular file without blocking, even on a FIFO. Error of code no_input, which names what
/// is there, if it is not a regular file.
OCTAVO_INLINE OpenedFile open_regular_file(const std::string& path,
                                           FileSystem& files = real_file_system());

}  // namespace OCTAVO_NAMESPACE::detail

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void FileDescriptor::reset() noexcept {
  if (descriptor_ >= 0) files_->close(descriptor_);
  descriptor_ = -1;
}

OCTAVO_INLINE FileDescriptor open_file(FileSystem& files, const std::string& path, int flags,
                                       mode_t mode) {
  return FileDescriptor(
      uninterrupted([&] { return files.open(path.c_str(), flags | O_CLOEXEC, mode); }), files);
}

OCTAVO_INLINE int flush_folder(FileSystem& files, const std::string& folder) {
  const FileDescriptor opened = open_file(files, folder, O_RDONLY | O_DIRECTORY);
  if (!opened) return -1;
  const int result = uninterrupted([&] { return files.fsync(opened.get()); });
  return result < 0 && errno == EINVAL ? 0 : result;
}

OCTAVO_INLINE const char* kind_of_file(mode_t mode) noexcept {
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a FIFO"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device";
}

OCTAVO_INLINE OpenedFile open_regular_file(const std::string& path, FileSystem& files) {
  const std::string what = detail::concat({"cannot open ", printable(path)});
  OpenedFile opened{open_file(files, path, O_RDONLY | O_NONBLOCK), 0};
  if (!opened.file) {
    throw IoError(ErrorCode::no_input, what, last_error(), "check the path and its permissions");
  }
  struct stat status {};
  if (uninterrupted([&] { return files.fstat(opened.file.get(), &status); }) != 0) {
    throw IoError(ErrorCode::no_input, what, last_error());
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::no_input,
                detail::concat(
                    {what, ": it is ", kind_of_file(status.st_mode), ", expected a regular file"}),
                "name a file");
  }
  opened.size = static_cast<std::size_t>(status.st_size);
  return opened;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
