// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// A vector that stores up to `Inline` elements without the heap: small models need no allocation,
/// large models meet no limit. Usable in constant expressions.
template <typename T, std::size_t Inline>
class SmallVector {
 public:
  constexpr SmallVector() = default;
  /// `size` elements, each T{}.
  constexpr explicit SmallVector(std::size_t size) : size_(size) {
    if (size > Inline) heap_.resize(size);
  }

  constexpr void push_back(const T& value) {
    if (size_ < Inline) {
      inline_[size_++] = value;
      return;
    }
    if (size_ == Inline) {
      heap_.reserve(2 * Inline);
      for (const T& element : inline_) heap_.push_back(element);
    }
    heap_.push_back(value);
    ++size_;
  }

  constexpr std::size_t size() const noexcept { return size_; }
  constexpr T* data() noexcept { return size_ <= Inline ? inline_.data() : heap_.data(); }
  constexpr const T* data() const noexcept {
    return size_ <= Inline ? inline_.data() : heap_.data();
  }
  constexpr T& operator[](std::size_t i) { return data()[i]; }
  constexpr const T& operator[](std::size_t i) const { return data()[i]; }
  constexpr const T* begin() const noexcept { return data(); }
  constexpr const T* end() const noexcept { return data() + size_; }
  constexpr std::span<T> span() noexcept { return {data(), size_}; }
  constexpr std::span<const T> span() const noexcept { return {data(), size_}; }

 private:
  std::array<T, Inline> inline_{};
  std::vector<T> heap_;  ///< all elements, if there are more than `Inline`
  std::size_t size_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
