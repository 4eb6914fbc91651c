// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// Bytes with random access: a file, or memory in its place.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// The name in messages, such as a path.
  const std::string& name() const noexcept { return name_; }
  virtual std::size_t size() const noexcept = 0;
  /// Fills `bytes` from byte `offset` on; offset + bytes.size() must be at most size(). Error of
  /// code io on failure.
  virtual void read(std::size_t offset, std::span<std::byte> bytes) const = 0;

 private:
  std::string name_;
};

namespace detail {

/// Fills `bytes` from byte `offset` on of an opened file.
OCTAVO_INLINE void read_at(const OpenedFile& opened, const std::string& name, std::size_t offset,
                           std::span<std::byte> bytes);

}  // namespace detail

/// A regular file. It is read by system calls, not mapped: truncating a mapped file kills the
/// process that reads it.
class FileSource final : public ByteSource {
 public:
  /// Error of code no_input if it cannot be opened or is not a regular file.
  explicit FileSource(const std::string& path, FileSystem& files = real_file_system())
      : ByteSource(path), opened_(detail::open_regular_file(path, files)) {}

  std::size_t size() const noexcept override { return opened_.size; }

  OCTAVO_INLINE void read(std::size_t offset, std::span<std::byte> bytes) const override;

 private:
  detail::OpenedFile opened_;
};

/// Bytes of the caller, which must outlive this object.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::span<const std::byte> bytes)
      : ByteSource(std::move(name)), bytes_(bytes) {}

  std::size_t size() const noexcept override { return bytes_.size(); }

  OCTAVO_INLINE void read(std::size_t offset, std::span<std::byte> bytes) const override;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void read_at(const OpenedFile& opened, const std::string& name, std::size_t offset,
                           std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t wanted = std::min(bytes.size() - done, std::size_t{1} << 30);
    const ssize_t got = uninterrupted([&] {
      return opened.file.files().pread(opened.file.get(), bytes.data() + done, wanted,
                                       static_cast<off_t>(offset + done));
    });
    if (got < 0) {
      throw IoError(ErrorCode::io,
                    detail::concat({"cannot read ", printable(name), " at byte ", offset + done}),
                    last_error());
    }
    if (got == 0) {
      throw Error(ErrorCode::io,
                  detail::concat({"cannot read ", printable(name), ": it shrank to ", offset + done,
                                  " of ", opened.size, " bytes while being read"}));
    }
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void FileSource::read(std::size_t offset, std::span<std::byte> bytes) const {
  detail::read_at(opened_, name(), offset, bytes);
}

OCTAVO_INLINE void MemorySource::read(std::size_t offset, std::span<std::byte> bytes) const {
  OCTAVO_ASSERT(offset <= bytes_.size() && bytes.size() <= bytes_.size() - offset);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
