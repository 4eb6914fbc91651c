// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/huge_pages.hpp>

namespace OCTAVO_NAMESPACE {

/// `size` numbers on the heap, aligned for fast matrix products: to 64 bytes, so that no vector
/// crosses a cache line, and from 4 MiB on to a huge page, which is requested from the system.
/// Zeroed on construction. Never grows; move-only; converts to std::span.
template <typename T>
requires std::is_trivially_copyable_v<T>
class AlignedBuffer {
 public:
  AlignedBuffer() noexcept = default;

  /// Allocates once. Error of code out_of_memory, with the number of bytes, if the machine refuses.
  explicit AlignedBuffer(std::size_t size) : size_(size) {
    const std::size_t bytes = checked_multiply(size, sizeof(T));
    const std::size_t alignment = bytes >= 2 * huge_page_bytes ? huge_page_bytes : alignment_bytes;
    memory_ = Memory(nullptr, Release{std::align_val_t{alignment}});
    memory_.reset(static_cast<T*>(::operator new (std::max(bytes, alignment_bytes),
                                                  std::align_val_t{alignment}, std::nothrow)));
    if (!memory_) {
      throw Error(ErrorCode::out_of_memory,
                  detail::concat({"the machine refused ", readable_bytes(bytes), " of memory (",
                                  bytes, " bytes)"}),
                  "choose a smaller model or batch");
    }
    prefer_huge_pages(
        std::as_writable_bytes(std::span(data(), size)));  // before the pages are touched
    std::memset(static_cast<void*>(data()), 0, bytes);
  }

  AlignedBuffer(AlignedBuffer&& other) noexcept
      : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T* data() noexcept { return memory_.get(); }
  const T* data() const noexcept { return memory_.get(); }
  T* begin() noexcept { return data(); }
  const T* begin() const noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* end() const noexcept { return data() + size_; }
  T& operator[](std::size_t i) noexcept { return data()[i]; }
  const T& operator[](std::size_t i) const noexcept { return data()[i]; }

 private:
  struct Release {
    std::align_val_t alignment{alignment_bytes};
    void operator()(T* memory) const noexcept { ::operator delete(memory, alignment); }
  };
  using Memory = std::unique_ptr<T[], Release>;

  Memory memory_;
  std::size_t size_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
