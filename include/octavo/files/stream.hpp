// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <unistd.h>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/file_descriptor.hpp>

// Streams can be read only once, from start to end: FIFOs (such as a shell's <(command)), standard
// input, terminals.
namespace OCTAVO_NAMESPACE {

/// Whether a path is a FIFO or a terminal. Other devices may be endless and are not read.
OCTAVO_INLINE bool is_stream(const std::string& path, FileSystem& files = real_file_system());

namespace detail {

/// Opens a stream; waits until another program opens it for writing. Error of code no_input on
/// failure.
OCTAVO_INLINE FileDescriptor open_stream(const std::string& path, FileSystem& files);

/// Duplicates the descriptor.
OCTAVO_INLINE FileDescriptor standard_input(FileSystem& files);

/// Calls take(std::span<const std::byte>) with the bytes of a stream until it ends. Error of code
/// no_input if there are more than `limit` bytes, io if reading fails.
template <typename Take>
void read_stream(const FileDescriptor& opened, const std::string& name, std::size_t limit,
                 Take take) {
  std::array<std::byte, 65536> piece;
  for (std::size_t all = 0;;) {
    const ssize_t got = uninterrupted(
        [&] { return opened.files().read(opened.get(), piece.data(), piece.size()); });
    if (got == 0) return;
    if (got < 0) {
      throw IoError(ErrorCode::io, concat({"cannot read ", printable(name)}), last_error());
    }
    all += static_cast<std::size_t>(got);
    if (all > limit) {
      throw Error(ErrorCode::no_input,
                  concat({"cannot read ", printable(name), ": it has more than ", limit, " bytes"}),
                  "take a part of it");
    }
    take(std::span<const std::byte>(piece).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace detail

/// A stream as a file: the constructor reads it to its end. Up to `most_memory` bytes stay in
/// memory; a longer stream goes to an unnamed file in `folder`, which exists as long as this
/// object.
class SpooledSource final : public ByteSource {
 public:
  static constexpr std::size_t most_bytes = std::size_t{1} << 40;

  /// Error of code no_input if the stream cannot be opened or has more than `limit` bytes, io or
  /// cannot_create if reading it or writing the file fails.
  SpooledSource(const std::string& path, std::size_t most_memory, const std::string& folder,
                std::size_t limit = most_bytes, FileSystem& files = real_file_system());

  /// As above, from an open stream; `name` is for messages.
  SpooledSource(std::string name, const detail::FileDescriptor& stream, std::size_t most_memory,
                const std::string& folder, std::size_t limit = most_bytes);

  std::size_t size() const noexcept override { return size_; }

  OCTAVO_INLINE void read(std::size_t offset, std::span<std::byte> bytes) const override;

  /// The bytes kept in memory.
  std::size_t memory_bytes() const noexcept { return memory_.capacity(); }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const;

  void open_file_in(const std::string& folder, FileSystem& files);

  void write(std::span<const std::byte> bytes, std::size_t offset);

  std::string memory_;
  detail::OpenedFile file_;  ///< not open: all bytes are in memory
  std::size_t size_ = 0;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE bool is_stream(const std::string& path, FileSystem& files) {
  struct stat status {};
  if (detail::uninterrupted([&] { return files.stat(path.c_str(), &status); }) != 0) return false;
  if (S_ISFIFO(status.st_mode)) return true;
  if (!S_ISCHR(status.st_mode)) return false;
  const detail::FileDescriptor opened =
      detail::open_file(files, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  return opened && ::isatty(opened.get()) == 1;
}

}  // namespace OCTAVO_NAMESPACE

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE FileDescriptor open_stream(const std::string& path, FileSystem& files) {
  FileDescriptor opened = open_file(files, path, O_RDONLY | O_NOCTTY);
  if (!opened) {
    throw IoError(ErrorCode::no_input, concat({"cannot open ", printable(path)}), last_error(),
                  "check the path and its permissions");
  }
  return opened;
}

OCTAVO_INLINE FileDescriptor standard_input(FileSystem& files) {
  return FileDescriptor(::dup(STDIN_FILENO), files);
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE SpooledSource::SpooledSource(const std::string& path, std::size_t most_memory,
                                           const std::string& folder, std::size_t limit,
                                           FileSystem& files)
    : SpooledSource(path, detail::open_stream(path, files), most_memory, folder, limit) {}

OCTAVO_INLINE SpooledSource::SpooledSource(std::string name, const detail::FileDescriptor& stream,
                                           std::size_t most_memory, const std::string& folder,
                                           std::size_t limit)
    : ByteSource(std::move(name)) {
  detail::read_stream(stream, this->name(), limit, [&](std::span<const std::byte> piece) {
    size_ += piece.size();
    if (!file_.file && size_ <= most_memory) {
      memory_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      return;
    }
    if (!file_.file) {
      open_file_in(folder, stream.files());
      write(std::as_bytes(std::span(memory_)), 0);
      std::string().swap(memory_);
    }
    write(piece, size_ - piece.size());
  });
  file_.size = size_;
}

OCTAVO_INLINE void SpooledSource::read(std::size_t offset, std::span<std::byte> bytes) const {
  if (file_.file) return detail::read_at(file_, name(), offset, bytes);
  const auto all = std::as_bytes(std::span(memory_));
  std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
}

[[noreturn]] OCTAVO_INLINE void SpooledSource::fail(ErrorCode code, const std::string& what) const {
  throw IoError(code, what, detail::last_error(),
                "free space, or set TMPDIR to a folder that has some");
}

OCTAVO_INLINE void SpooledSource::open_file_in(const std::string& folder, FileSystem& files) {
  for (int i = 0; i < 100 && !file_.file; ++i) {
    const std::string path = detail::concat({folder, "/octavo-", ::getpid(), "-", i, ".spool"});
    file_.file = detail::open_file(files, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file_.file) {
      files.unlink(path.c_str());
    } else if (errno != EEXIST) {
      break;
    }
  }
  if (!file_.file) {
    fail(ErrorCode::cannot_create, detail::concat({"cannot create a file in ", printable(folder)}));
  }
}

OCTAVO_INLINE void SpooledSource::write(std::span<const std::byte> bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t got = detail::uninterrupted([&] {
      return file_.file.files().pwrite(file_.file.get(), bytes.data(), bytes.size(),
                                       static_cast<off_t>(offset));
    });
    if (got < 0) {
      fail(ErrorCode::io, detail::concat({"cannot keep ", printable(name()), " in a file"}));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::size_t>(got);
  }
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
