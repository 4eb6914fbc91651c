// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <unistd.h>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// Lets only one process at a time work in a folder, by an exclusive flock on its file ".lock". The
/// file stays. The system releases the lock when the process ends, however it ends.
class FolderLock {
 public:
  /// Error of code cannot_create if another process has the lock, or if the file cannot be created.
  explicit FolderLock(const std::string& folder, FileSystem& files = real_file_system());

  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Checks that the folder is still the one that was locked: it may have been removed, created
  /// again and locked by another process. A folder without a lock is locked again. Call this before
  /// a file of the folder is replaced; `output` is that file, for messages. Error of code
  /// cannot_create if another process has worked in the folder, or if the check fails.
  void check(const std::string& output);

 private:
  static constexpr std::size_t digits = 20;

  void take();

  /// Whether the file's content is that of a lock: empty, or a number and blanks.
  bool is_ours() const;

  std::string what() const { return detail::concat({"cannot lock folder ", printable(folder_)}); }

  Error lost(const std::string& output) const;

  IoError failed() const;

  std::string holder() const;

  std::string folder_;
  std::string path_;
  FileSystem& files_;
  detail::FileDescriptor file_;
  struct stat mine_ {};
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE FolderLock::FolderLock(const std::string& folder, FileSystem& files)
    : folder_(folder),
      path_(detail::concat({folder, "/.lock"})),
      files_(files),
      file_(detail::open_file(files, path_, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0666)) {
  if (!file_) throw failed();
  take();
}

OCTAVO_INLINE void FolderLock::check(const std::string& output) {
  struct stat now {};
  if (detail::uninterrupted([&] { return files_.stat(path_.c_str(), &now); }) == 0) {
    if (now.st_dev == mine_.st_dev && now.st_ino == mine_.st_ino) return;
    throw lost(output);
  }
  if (errno != ENOENT) {
    throw IoError(ErrorCode::cannot_create, detail::concat({"cannot create ", printable(output)}),
                  detail::last_error(), "check that the folder can be read and written");
  }
  auto again = detail::open_file(files_, path_, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0666);
  if (!again && errno == EEXIST) throw lost(output);
  if (!again) return;  // writing the file will fail too and report the reason
  file_ = std::move(again);
  take();
}

OCTAVO_INLINE void FolderLock::take() {
  const int status =
      detail::uninterrupted([&] { return files_.flock(file_.get(), LOCK_EX | LOCK_NB); });
  if (status != 0 && errno == EWOULDBLOCK) {
    const std::string number = holder();
    const bool own = number == std::to_string(::getpid());
    throw Error(
        ErrorCode::cannot_create,
        detail::concat({what(), ": ", own ? "this process" : "process ", own ? "" : number,
                        own ? " has locked it already" : " works in it"}),
        own ? "one object at a time works in a folder: end the other one's life, or share it"
            : "wait for it, or choose another folder");
  }
  if (status != 0) throw failed();
  if (detail::uninterrupted([&] { return files_.fstat(file_.get(), &mine_); }) != 0) {
    throw failed();
  }
  if (!S_ISREG(mine_.st_mode)) {
    throw Error(ErrorCode::cannot_create,
                detail::concat({what(), ": its .lock is ", detail::kind_of_file(mine_.st_mode),
                                ", expected a regular file"}),
                "remove it, or choose another folder");
  }
  if (mine_.st_nlink > 1 || !is_ours()) {
    throw Error(ErrorCode::cannot_create,
                detail::concat({what(), ": its .lock is not a lock file of Octavo"}),
                "move it away, or choose another folder");
  }
  // Only for messages, so a failure is ignored.
  std::string number = std::to_string(::getpid());
  number.resize(digits, ' ');
  [[maybe_unused]] const ssize_t written = files_.write(file_.get(), number.data(), number.size());
}

OCTAVO_INLINE bool FolderLock::is_ours() const {
  std::array<char, digits + 1> text{};
  const auto got =
      detail::uninterrupted([&] { return files_.pread(file_.get(), text.data(), text.size(), 0); });
  if (got < 0) throw failed();
  return got <= static_cast<ssize_t>(digits) &&
         std::all_of(text.begin(), text.end(), [](char symbol) {
           return symbol == ' ' || symbol == '\0' || (symbol >= '0' && symbol <= '9');
         });
}

OCTAVO_INLINE Error FolderLock::lost(const std::string& output) const {
  return Error(ErrorCode::cannot_create,
               detail::concat({"cannot create ", printable(output), ": folder ", printable(folder_),
                               " has been removed and made anew, and another process has "
                               "worked in it"}),
               "nothing there was touched; choose another folder");
}

OCTAVO_INLINE IoError FolderLock::failed() const {
  return IoError(ErrorCode::cannot_create, what(), detail::last_error(),
                 "check that the folder exists and can be written");
}

OCTAVO_INLINE std::string FolderLock::holder() const {
  std::array<char, digits> text{};
  const ssize_t got = files_.pread(file_.get(), text.data(), text.size(), 0);
  std::string number;
  for (const char digit : std::span(text).first(static_cast<std::size_t>(got > 0 ? got : 0))) {
    if (digit >= '0' && digit <= '9') number += digit;
  }
  return number.empty() ? "of unknown number" : number;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
