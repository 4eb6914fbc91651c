// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <sys/mman.h>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// A regular file mapped into the address space: the system loads pages when they are touched,
/// without read-ahead, and reclaims them when it needs memory. If the file is replaced under its
/// name (AtomicFile), the mapping still shows the old file. If another program truncates the file,
/// or the disk fails, touching a lost page kills the process (SIGBUS). read() bypasses the mapping:
/// it throws instead, and loads no pages.
class MappedFile final : public ByteSource {
 public:
  /// Error of code no_input if the file cannot be opened or mapped, or is not a regular file;
  /// out_of_memory if the address space has no room.
  explicit MappedFile(const std::string& path, FileSystem& files = real_file_system());
  OCTAVO_INLINE ~MappedFile() override;

  std::size_t size() const noexcept override { return opened_.size; }

  OCTAVO_INLINE void read(std::size_t offset, std::span<std::byte> bytes) const override;

  /// Releases the pages touched so far, which otherwise count as the process's memory. Touching a
  /// page again reads it again, mostly from the system's cache.
  void release_pages() const noexcept;

  /// Tells the system that all bytes will be used, again and again: it reads ahead, and may map
  /// huge pages.
  void expect_all() const noexcept;

  std::span<const std::byte> bytes() const noexcept;

 private:
  detail::OpenedFile opened_;
  void* bytes_ = nullptr;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE MappedFile::MappedFile(const std::string& path, FileSystem& files)
    : ByteSource(path), opened_(detail::open_regular_file(path, files)) {
  if (opened_.size == 0) return;
  bytes_ = files.mmap(opened_.file.get(), opened_.size);
  if (bytes_ == MAP_FAILED) {
    const std::error_code reason = detail::last_error();
    throw IoError(reason.value() == ENOMEM ? ErrorCode::out_of_memory : ErrorCode::no_input,
                  detail::concat({"cannot map ", printable(path), ", ", opened_.size, " bytes"}),
                  reason, "put the file on a local disk, and check ulimit -v");
  }
  ::posix_madvise(bytes_, opened_.size, POSIX_MADV_RANDOM);
}

OCTAVO_INLINE MappedFile::~MappedFile() {
  if (opened_.size > 0) opened_.file.files().munmap(bytes_, opened_.size);
}

OCTAVO_INLINE void MappedFile::read(std::size_t offset, std::span<std::byte> bytes) const {
  detail::read_at(opened_, name(), offset, bytes);
}

OCTAVO_INLINE void MappedFile::release_pages() const noexcept {
  if (opened_.size > 0) ::madvise(bytes_, opened_.size, MADV_DONTNEED);
}

OCTAVO_INLINE void MappedFile::expect_all() const noexcept {
  if (opened_.size == 0) return;
  ::posix_madvise(bytes_, opened_.size, POSIX_MADV_NORMAL);
#if defined(MADV_HUGEPAGE)
  ::madvise(bytes_, opened_.size, MADV_HUGEPAGE);  // not every file system has them
#endif
}

OCTAVO_INLINE std::span<const std::byte> MappedFile::bytes() const noexcept {
  return {static_cast<const std::byte*>(bytes_), opened_.size};
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
