// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <unistd.h>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace octavo {

/// A folder that one process at a time works in: an exclusive flock on its file ".lock", which
/// stays. The system gives it up when the process ends, however it ends.
class FolderLock {
 public:
  /// Error of code cannot_create if another process has it, or if it cannot be made.
  explicit FolderLock(const std::string& folder, FileSystem& files = real_file_system())
      : file_(
            detail::open_file(files, detail::concat({folder, "/.lock"}), O_RDWR | O_CREAT, 0666)) {
    const std::string what = detail::concat({"cannot lock folder ", printable(folder)});
    if (!file_) throw failed(what);
    const int status =
        detail::uninterrupted([&] { return files.flock(file_.get(), LOCK_EX | LOCK_NB); });
    if (status != 0 && errno == EWOULDBLOCK) {
      throw Error(ErrorCode::cannot_create,
                  detail::concat({what, ": process ", holder(), " works in it"}),
                  "wait for it, or choose another folder");
    }
    if (status != 0) throw failed(what);
    // For messages alone, so that it does not matter if it fails.
    std::string number = std::to_string(::getpid());
    number.resize(digits, ' ');
    [[maybe_unused]] const ssize_t written = files.write(file_.get(), number.data(), number.size());
  }

 private:
  static constexpr std::size_t digits = 20;

  static IoError failed(const std::string& what) {
    return IoError(ErrorCode::cannot_create, what, detail::last_error(),
                   "check that the folder exists and can be written");
  }

  std::string holder() const {
    std::array<char, digits> text{};
    const ssize_t got = file_.files().pread(file_.get(), text.data(), text.size(), 0);
    std::string number;
    for (const char digit : std::span(text).first(static_cast<std::size_t>(got > 0 ? got : 0))) {
      if (digit >= '0' && digit <= '9') number += digit;
    }
    return number.empty() ? "of unknown number" : number;
  }

  detail::FileDescriptor file_;
};

}  // namespace octavo
