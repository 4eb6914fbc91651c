// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/memory/memory_plan.hpp>

namespace OCTAVO_NAMESPACE {

/// One aligned block of exactly the planned size, together with its plan. The arena owns the block,
/// or borrows one from the caller (such as a static array). Never grows. Move-only; a moved-from
/// arena has no memory. The block is zeroed on construction.
class Arena {
 public:
  /// Allocates plan.total_bytes() on the heap, once; see AlignedBuffer.
  OCTAVO_SETUP explicit Arena(const MemoryPlan& plan)
      : plan_(plan), owned_(plan.total_bytes()), base_(owned_.data()), bytes_(owned_.size()) {}

  /// Uses memory of the caller, which must outlive the arena: at least plan.total_bytes(), aligned
  /// to 64 bytes. ConfigError otherwise.
  OCTAVO_SETUP Arena(const MemoryPlan& plan, std::span<std::byte> memory)
      : plan_(plan), base_(memory.data()), bytes_(plan.total_bytes()) {
    if (memory.size() < bytes_) {
      throw ConfigError(detail::concat({"arena: got ", counted(memory.size(), "byte"),
                                        ", expected at least ", bytes_}),
                        "training_bytes and generation_bytes count one worker unless they get the "
                        "number of threads");
    }
    require(reinterpret_cast<std::uintptr_t>(base_) % alignment_bytes == 0,
            "arena: the memory handed in is not aligned to 64 bytes");
    std::fill_n(base_, bytes_, std::byte{0});
  }

  Arena(Arena&& other) noexcept
      : plan_(std::move(other.plan_)),
        owned_(std::move(other.owned_)),
        base_(std::exchange(other.base_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Arena& operator=(Arena&& other) noexcept {
    plan_ = std::move(other.plan_);
    owned_ = std::move(other.owned_);
    base_ = std::exchange(other.base_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }

  const MemoryPlan& plan() const noexcept { return plan_; }
  std::size_t size() const noexcept { return bytes_; }
  std::span<std::byte> bytes() const noexcept { return {base_, bytes_}; }

  /// The memory of a booking; empty for a booking of nothing. `copy`: which copy of a repeated
  /// buffer. ConfigError if the arena has been moved from.
  template <typename T>
  OCTAVO_ONE_COPY std::span<T> get(Booking<T> booking, Index copy = 0) const {
    if (!booking.booked()) return {};
    require(base_ != nullptr,
            "an object was used after it had been moved from: its memory is the other's now");
    OCTAVO_ASSERT(copy >= 0 && copy < plan_.request(booking.request).copies);
    std::byte* const place = base_ + plan_.offset(booking.request, copy);
    return {reinterpret_cast<T*>(place), static_cast<std::size_t>(booking.count)};
  }

 private:
  MemoryPlan plan_;
  AlignedBuffer<std::byte> owned_;
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
