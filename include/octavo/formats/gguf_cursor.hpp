// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Reads a source sequentially, a piece at a time, and knows how much is left.
class GgufCursor {
 public:
  explicit GgufCursor(const ByteSource& source) : source_(source) {}

  std::size_t position() const noexcept { return position_; }
  std::size_t remaining() const noexcept { return source_.size() - position_; }

  /// The next number; nothing if too few bytes are left.
  template <typename Number>
  std::optional<Number> number() {
    Number value;
    if (remaining() < sizeof(value)) return std::nullopt;
    copy(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  std::optional<std::string> text(std::size_t most) {
    const auto length = number<std::uint64_t>();
    if (!length || *length > most || *length > remaining()) return std::nullopt;
    std::string value(static_cast<std::size_t>(*length), '\0');
    copy(std::as_writable_bytes(std::span(value)));
    return value;
  }
  bool skip(std::uint64_t bytes) {
    if (bytes > remaining()) return false;
    position_ += static_cast<std::size_t>(bytes);
    return true;
  }

 private:
  void copy(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      if (position_ < first_ || position_ >= first_ + held_) {
        first_ = position_;
        held_ = std::min(piece_.size(), remaining());
        source_.read(first_, std::span(piece_).first(held_));
      }
      const std::size_t count = std::min(bytes.size(), first_ + held_ - position_);
      std::memcpy(bytes.data(), piece_.data() + (position_ - first_), count);
      bytes = bytes.subspan(count);
      position_ += count;
    }
  }

  const ByteSource& source_;
  std::array<std::byte, 4096> piece_;
  std::size_t first_ = 0;
  std::size_t held_ = 0;
  std::size_t position_ = 0;
};

}  // namespace OCTAVO_NAMESPACE::detail
