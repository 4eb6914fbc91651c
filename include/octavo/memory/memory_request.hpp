// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The purpose of a buffer.
enum class MemoryKind { parameters, gradients, optimizer_state, saved, scratch, cache, data };

constexpr std::string_view name_of(MemoryKind kind) noexcept {
  switch (kind) {
    case MemoryKind::parameters:
      return "parameters";
    case MemoryKind::gradients:
      return "gradients";
    case MemoryKind::optimizer_state:
      return "optimizer state";
    case MemoryKind::saved:
      return "saved";
    case MemoryKind::scratch:
      return "scratch";
    case MemoryKind::cache:
      return "cache";
    case MemoryKind::data:
      return "data";
  }
  return "unknown";
}

/// Every kind once, in the order of reports.
inline constexpr std::array memory_kinds{
    MemoryKind::parameters, MemoryKind::gradients, MemoryKind::optimizer_state,
    MemoryKind::saved,      MemoryKind::scratch,   MemoryKind::cache,
    MemoryKind::data};

/// First and last phase in which a buffer is in use, both inclusive. Each run numbers its phases in
/// order of time.
struct Lifetime {
  int first = 0;
  int last = 0;

  constexpr bool overlaps(Lifetime other) const noexcept {
    return first <= other.last && other.first <= last;
  }
  friend constexpr bool operator==(Lifetime, Lifetime) = default;
};

/// Memory for copies of a buffer inside another buffer, the host, which is unused while the copies
/// live: the slot for copy 1 begins `first` bytes into the host, the slot for copy 2 `stride` bytes
/// later, and so on. A slot has `stride` bytes.
struct Overlay {
  int host = -1;  ///< the request of the host; -1: none
  std::size_t first = 0;
  std::size_t stride = 0;
  std::size_t used = 0;  ///< bytes at the front of each slot that other buffers use
};

/// One named need for memory. `copies` equal buffers, one per repeated block, are planned as one.
struct MemoryRequest {
  std::string_view part;  ///< the layer or part of the run, for reports; must outlive the plan
  std::string_view name;  ///< the buffer within that part; must outlive the plan
  MemoryKind kind = MemoryKind::scratch;
  std::size_t bytes = 0;  ///< of one copy
  Index copies = 1;
  Lifetime lifetime;
  Overlay overlay;  ///< of every copy but the first

  constexpr bool overlays() const noexcept { return overlay.host >= 0; }
  /// The number of copies that have their own memory.
  constexpr Index own_copies() const noexcept { return overlays() ? 1 : copies; }
};

/// A typed handle of a request: `count` numbers of type T, `copies` times. Arena::get() gives the
/// memory. A default-constructed booking means no memory.
template <typename T>
struct Booking {
  int request = -1;
  Index count = 0;

  constexpr bool booked() const noexcept { return request >= 0; }
};

}  // namespace OCTAVO_NAMESPACE
