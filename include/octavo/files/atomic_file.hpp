// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>

#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace octavo {

/// A file that appears whole or not at all: written under another name in the same folder, flushed
/// to the disk, then renamed over the target. Without commit() the target stays as it was and
/// nothing is left behind. A target that is a symbolic link stays one. Errors: cannot_create where
/// the file cannot be begun, io after that.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path, FileSystem& files = real_file_system())
      : path_(behind_links(std::move(path))), files_(files) {
    // A process that was killed may have left a file of the same name, and had the same number.
    for (int attempt = 0; attempt < 100 && !file_; ++attempt) {
      temporary_ = path_;
      temporary_ += mark;
      temporary_ += std::to_string(::getpid());
      if (attempt > 0) temporary_ += '.' + std::to_string(attempt);
      file_ = detail::open_file(files, temporary_, O_WRONLY | O_CREAT | O_EXCL, 0666);
      if (!file_ && errno != EEXIST) break;
    }
    if (!file_) {
      throw IoError(ErrorCode::cannot_create, "cannot create " + printable(temporary_),
                    detail::last_error(), "check that the folder exists and can be written");
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!committed_) files_.unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t wanted = std::min(bytes.size(), std::size_t{1} << 30);
      const ssize_t done = files_.write(file_.get(), bytes.data(), wanted);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw failed("write");
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Flushes and renames. A failed flush is final: trying again may report success for data that
  /// the system has dropped.
  void commit() {
    if (files_.fsync(file_.get()) != 0) throw failed("flush");
    if (files_.close(file_.release()) != 0) throw failed("close");
    if (files_.rename(temporary_.c_str(), path_.c_str()) != 0) throw failed("rename");
    committed_ = true;
    flush_folder();
  }

  /// Whether a file of that name is what a process that was killed has left of one.
  static bool is_leftover(std::string_view name) { return name.find(mark) != name.npos; }

 private:
  static constexpr std::string_view mark = ".tmp.";

  static std::string behind_links(std::string path) {
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error)) return path;
    const auto target = std::filesystem::weakly_canonical(path, error);
    return error ? path : target.string();
  }

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
    const auto opened = detail::open_file(files_, folder, O_RDONLY | O_DIRECTORY);
    if (!opened || (files_.fsync(opened.get()) != 0 && errno != EINVAL)) {
      throw IoError(ErrorCode::io, "cannot flush the folder of " + printable(path_),
                    detail::last_error());
    }
  }

  std::string path_;
  FileSystem& files_;
  std::string temporary_;
  detail::FileDescriptor file_;
  bool committed_ = false;
};

}  // namespace octavo
