// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <sys/mman.h>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>

namespace OCTAVO_NAMESPACE {

/// Zeroed memory directly from the system: physical pages are used only when first touched, and the
/// destructor returns all of them. take() hands out parts in order. Move-only.
class PageBlock {
 public:
  /// Error of code out_of_memory if the system refuses the memory.
  explicit PageBlock(std::size_t bytes);
  ~PageBlock();
  PageBlock(PageBlock&& other) noexcept;
  PageBlock& operator=(PageBlock&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(taken_, other.taken_);
    return *this;
  }

  std::size_t size() const noexcept { return size_; }

  /// The bytes that take(count) uses, a multiple of 64.
  template <typename T>
  static constexpr std::size_t bytes_for(std::size_t count) noexcept {
    return (count * sizeof(T) + 63) / 64 * 64;
  }

  /// The next `count` numbers, all zero. ConfigError if too little memory is left.
  template <typename T>
  std::span<T> take(std::size_t count) {
    require(bytes_for<T>(count) <= size_ - taken_, "page block: too little memory is left");
    T* const first = reinterpret_cast<T*>(memory_ + taken_);
    taken_ += bytes_for<T>(count);
    return {first, count};
  }

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE PageBlock::PageBlock(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(ErrorCode::out_of_memory,
                detail::concat({"the machine refused ", counted(bytes, "byte"), " of memory"}),
                "free some memory, and check ulimit -v");
  }
  memory_ = static_cast<std::byte*>(memory);
#if defined(MADV_NOHUGEPAGE)
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);  // a huge page would use memory that was not touched
#endif
}

OCTAVO_INLINE PageBlock::~PageBlock() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

OCTAVO_INLINE PageBlock::PageBlock(PageBlock&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      taken_(std::exchange(other.taken_, 0)) {}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
