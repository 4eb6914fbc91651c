// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// A file that appears whole or not at all: it is written under another name in the same folder,
/// flushed to the disk, then renamed to the target. Without commit() the target is unchanged and
/// nothing is left over. If the target is a symbolic link, the file that it points to is replaced.
/// A replaced file keeps its permissions; a new file gets the process's default permissions. Only
/// regular files are replaced, not devices, FIFOs or sockets. Errors: cannot_create if the file
/// cannot be created, io after that.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path, FileSystem& files = real_file_system());
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Overwrites bytes that were written before.
  void rewrite(std::size_t offset, std::span<const std::byte> bytes);

  /// Flushes and renames. A failed flush is final: another attempt may report success for data that
  /// the system has dropped. (A flush that a signal interrupted has not failed.)
  void commit();

  /// Whether `name` is the name of a temporary file that a killed process left.
  static bool is_leftover(std::string_view name);

 private:
  static constexpr std::string_view mark = ".tmp.";

  /// The target of symbolic links, which need not exist yet.
  static std::string resolve_links(const std::string& path);

  /// The status of the file to be replaced; nothing if there is none.
  std::optional<mode_t> permissions() const;

  IoError failed(const char* what) const;

  std::string folder() const;

  std::string path_;
  FileSystem& files_;
  std::string temporary_;
  detail::FileDescriptor file_;
  bool committed_ = false;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE AtomicFile::AtomicFile(const std::string& path, FileSystem& files)
    : path_(resolve_links(path)), files_(files) {
  const std::optional<mode_t> before = permissions();
  // A killed process with the same process id may have left a file of the same name.
  for (int attempt = 0; attempt < 100 && !file_; ++attempt) {
    temporary_ = path_;
    temporary_ += mark;
    temporary_ += std::to_string(::getpid());
    if (attempt > 0) temporary_ += detail::concat({'.', attempt});
    file_ =
        detail::open_file(files, temporary_, O_WRONLY | O_CREAT | O_EXCL, before.value_or(0666));
    if (!file_ && errno != EEXIST) break;
  }
  if (!file_) {
    throw IoError(ErrorCode::cannot_create,
                  detail::concat({"cannot create ", printable(temporary_)}), detail::last_error(),
                  "check that the folder exists and can be written");
  }
  // Restores the bits removed by umask. Failure only leaves the file more restrictive, so it is
  // ignored.
  if (before) detail::uninterrupted([&] { return files.fchmod(file_.get(), *before); });
}

OCTAVO_INLINE AtomicFile::~AtomicFile() {
  if (!committed_) detail::uninterrupted([&] { return files_.unlink(temporary_.c_str()); });
}

OCTAVO_INLINE void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), std::size_t{1} << 30);
    const ssize_t done =
        detail::uninterrupted([&] { return files_.write(file_.get(), bytes.data(), wanted); });
    if (done < 0) throw failed("write");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

OCTAVO_INLINE void AtomicFile::rewrite(std::size_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = detail::uninterrupted([&] {
      return files_.pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (done < 0) throw failed("write");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::size_t>(done);
  }
}

OCTAVO_INLINE void AtomicFile::commit() {
  const int flushed = detail::uninterrupted([&] { return files_.fsync(file_.get()); });
  if (flushed != 0) throw failed("flush");
  if (files_.close(file_.release()) != 0 && errno != EINTR) throw failed("close");
  const int renamed =
      detail::uninterrupted([&] { return files_.rename(temporary_.c_str(), path_.c_str()); });
  if (renamed != 0) throw failed("rename");
  committed_ = true;
  if (detail::flush_folder(files_, folder()) != 0) {
    throw IoError(ErrorCode::io, detail::concat({"cannot flush the folder of ", printable(path_)}),
                  detail::last_error());
  }
}

OCTAVO_INLINE bool AtomicFile::is_leftover(std::string_view name) {
  const std::size_t found = name.rfind(mark);
  if (found == name.npos) return false;
  const std::string_view number = name.substr(found + mark.size());
  return !number.empty() && number.find_first_not_of("0123456789.") == number.npos;
}

OCTAVO_INLINE std::string AtomicFile::resolve_links(const std::string& path) {
  std::string target = path;
  struct stat status {};
  for (int links = 0; ::lstat(target.c_str(), &status) == 0 && S_ISLNK(status.st_mode); ++links) {
    std::string next(4096, '\0');  // PATH_MAX, which a link's text cannot exceed
    const ssize_t size = ::readlink(target.c_str(), next.data(), next.size());
    if (size < 0 || links == 40) {
      throw IoError(ErrorCode::cannot_create, detail::concat({"cannot create ", printable(path)}),
                    size < 0 ? detail::last_error()
                             : make_error_code(std::errc::too_many_symbolic_link_levels));
    }
    next.resize(static_cast<std::size_t>(size));
    if (!next.starts_with('/')) next.insert(0, target, 0, target.rfind('/') + 1);
    target = std::move(next);
  }
  return target;
}

OCTAVO_INLINE std::optional<mode_t> AtomicFile::permissions() const {
  struct stat status {};
  if (detail::uninterrupted([&] { return files_.stat(path_.c_str(), &status); }) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw IoError(ErrorCode::cannot_create, detail::concat({"cannot create ", printable(path_)}),
                  detail::last_error(), "check that the folder can be read and written");
  }
  if (S_ISREG(status.st_mode)) return status.st_mode & mode_t{0777};
  if (S_ISDIR(status.st_mode)) return std::nullopt;  // renaming to it fails later
  throw IoError(ErrorCode::cannot_create, detail::concat({"cannot create ", printable(path_)}),
                make_error_code(std::errc::file_exists),
                detail::concat({"it is ", detail::kind_of_file(status.st_mode),
                                ", and is not replaced: name a regular file, or a new one"}));
}

OCTAVO_INLINE IoError AtomicFile::failed(const char* what) const {
  return IoError(ErrorCode::io, detail::concat({"cannot ", what, " ", printable(temporary_)}),
                 detail::last_error(),
                 detail::concat({printable(path_),
                                 " is as it was; free some space or choose another folder"}));
}

OCTAVO_INLINE std::string AtomicFile::folder() const {
  const std::size_t slash = path_.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path_.substr(0, slash);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
