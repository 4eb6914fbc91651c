// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// A vector that stores up to `Inline` elements without the heap: small models need no allocation,
/// large models meet no limit. Usable in constant expressions.
/// (LLVM's C++ library has no std::vector for these before version 15.)
template <typename T, std::size_t Inline>
class SmallVector {
 public:
  constexpr SmallVector() = default;
  /// `size` elements, each T{}.
  constexpr explicit SmallVector(std::size_t size) : size_(size) {
    if (size > Inline) heap_ = new T[capacity_ = size]{};
  }
  constexpr SmallVector(const SmallVector& other) : SmallVector(other.size_) {
    std::copy(other.begin(), other.end(), data());
  }
  constexpr SmallVector(SmallVector&& other) noexcept { swap(other); }
  constexpr SmallVector& operator=(SmallVector other) noexcept {
    swap(other);
    return *this;
  }
  constexpr ~SmallVector() { delete[] heap_; }

  constexpr void push_back(const T& value) {
    const T copy = value;  // which may be one of the elements
    if (size_ == std::max(Inline, capacity_)) grow();
    ++size_;
    data()[size_ - 1] = copy;
  }

  constexpr std::size_t size() const noexcept { return size_; }
  constexpr T* data() noexcept { return heap_ == nullptr ? inline_.data() : heap_; }
  constexpr const T* data() const noexcept { return heap_ == nullptr ? inline_.data() : heap_; }
  constexpr T& operator[](std::size_t i) { return data()[i]; }
  constexpr const T& operator[](std::size_t i) const { return data()[i]; }
  constexpr const T* begin() const noexcept { return data(); }
  constexpr const T* end() const noexcept { return data() + size_; }
  constexpr std::span<T> span() noexcept { return {data(), size_}; }
  constexpr std::span<const T> span() const noexcept { return {data(), size_}; }

 private:
  constexpr void swap(SmallVector& other) noexcept {
    std::swap(inline_, other.inline_);
    std::swap(heap_, other.heap_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
  }
  constexpr void grow() {
    static_assert(std::is_nothrow_move_assignable_v<T>);
    const std::size_t capacity = 2 * std::max<std::size_t>(size_, 1);
    T* const larger = new T[capacity]{};
    std::move(data(), data() + size_, larger);
    delete[] heap_;
    heap_ = larger;
    capacity_ = capacity;
  }

  std::array<T, Inline> inline_{};
  T* heap_ = nullptr;  ///< all elements, if there are more than `Inline`
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
