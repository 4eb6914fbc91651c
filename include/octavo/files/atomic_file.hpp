// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>

#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace octavo {

/// A file that appears whole or not at all: written under another name in the same folder, flushed
/// to the disk, then renamed over the target. Without commit() the target stays as it was and
/// nothing is left behind. Errors: cannot_create where the file cannot be begun, io after that.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path)
      : path_(std::move(path)), temporary_(path_ + ".tmp." + std::to_string(::getpid())) {
    file_ = detail::FileDescriptor(
        ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_) {
      throw IoError(ErrorCode::cannot_create, "cannot create " + printable(temporary_),
                    detail::last_error(), "check that the folder exists and can be written");
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!committed_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t wanted = std::min(bytes.size(), std::size_t{1} << 30);
      const ssize_t done = ::write(file_.get(), bytes.data(), wanted);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw failed("write");
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Flushes and renames. A failed flush is final: trying again may report success for data that
  /// the system has dropped.
  void commit() {
    if (::fsync(file_.get()) != 0) throw failed("flush");
    if (::close(file_.release()) != 0) throw failed("close");
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw failed("rename");
    committed_ = true;
    flush_folder();
  }

 private:
  IoError failed(const char* what) const {
    return IoError(ErrorCode::io, "cannot " + std::string(what) + " " + printable(temporary_),
                   detail::last_error(),
                   printable(path_) + " is as it was; free some space or choose another folder");
  }

  /// So that the new name survives a power cut. Some file systems cannot (EINVAL).
  void flush_folder() const {
    const std::size_t slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "."
                               : slash == 0               ? "/"
                                                          : path_.substr(0, slash);
    const detail::FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || (::fsync(opened.get()) != 0 && errno != EINVAL)) {
      throw IoError(ErrorCode::io, "cannot flush the folder of " + printable(path_),
                    detail::last_error());
    }
  }

  std::string path_;
  std::string temporary_;
  detail::FileDescriptor file_;
  bool committed_ = false;
};

}  // namespace octavo
