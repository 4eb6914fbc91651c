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

/// A regular file whose bytes lie in the address space without being loaded: the system reads pages
/// as they are touched, in no order that it should guess, and takes them back when it needs the
/// memory. A file that is replaced under its name (AtomicFile) stays as it was for those who have
/// mapped it; one that another program truncates kills the process (SIGBUS) where its lost pages
/// are touched, and so does a disk that fails. read() goes past the mapping: it throws instead, and
/// leaves no pages behind.
class MappedFile final : public ByteSource {
 public:
  /// Error of code no_input if it cannot be opened, is not a regular file or cannot be mapped;
  /// out_of_memory if there is no room.
  explicit MappedFile(const std::string& path, FileSystem& files = real_file_system())
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
  ~MappedFile() override {
    if (opened_.size > 0) opened_.file.files().munmap(bytes_, opened_.size);
  }

  std::size_t size() const noexcept override { return opened_.size; }

  void read(std::size_t offset, std::span<std::byte> bytes) const override {
    detail::read_at(opened_, name(), offset, bytes);
  }

  /// Lets go of the pages that have been touched; those that are touched again are read again,
  /// mostly from the system's own memory. They count as the process's until then.
  void release_pages() const noexcept {
    if (opened_.size > 0) ::madvise(bytes_, opened_.size, MADV_DONTNEED);
  }

  std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(bytes_), opened_.size};
  }

 private:
  detail::OpenedFile opened_;
  void* bytes_ = nullptr;
};

}  // namespace OCTAVO_NAMESPACE
