// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/small_vector.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_request.hpp>

namespace OCTAVO_NAMESPACE {

/// Takes requests and computes their offsets and one exact total. Everything is constexpr, so the
/// bytes of a run can be asserted at compile time. Buffers whose lifetimes do not overlap share
/// memory.
///
/// Use: book() every request, then place() once, then read offset() and total_bytes().
class MemoryPlan {
 public:
  /// Books `copies` times `count` numbers of type T; each copy starts at a multiple of 64 bytes.
  /// For zero numbers it books nothing. ConfigError for a negative count, which is an overflowed
  /// product.
  template <typename T>
  OCTAVO_SETUP constexpr Booking<T> book(std::string_view part, std::string_view name,
                                         MemoryKind kind, Index count, Lifetime lifetime,
                                         Index copies = 1) {
    if (count < 0 || copies < 0) throw ConfigError("a memory plan: a count of numbers is negative");
    if (lifetime.last < lifetime.first) {
      throw ConfigError("a memory plan: a buffer's last phase is before its first");
    }
    if (count == 0 || copies == 0) return {};
    return {add({part, name, kind, bytes_of<T>(count), copies, lifetime, {}}), count};
  }

  /// As above, but every copy after the first lies inside another buffer, the host, if the copies
  /// fit into its slots. Advances `overlay.used`. Precondition: the host is unused while these
  /// copies live.
  template <typename T>
  OCTAVO_SETUP constexpr Booking<T> book(std::string_view part, std::string_view name,
                                         MemoryKind kind, Index count, Lifetime lifetime,
                                         Index copies, Overlay& overlay) {
    const Booking<T> booking = book<T>(part, name, kind, count, lifetime, copies);
    if (booking.booked() && copies > 1) try_overlay(booking.request, overlay);
    return booking;
  }

  /// Finds every request's offset: longest-lived first, then largest, each in the lowest gap
  /// between the buffers that live at the same time (greedy by size, as in TensorFlow Lite Micro's
  /// memory planner). Placing the longest-lived first keeps the buffers that live for the whole run
  /// contiguous.
  OCTAVO_SETUP constexpr void place() {
    SmallVector<int, inline_requests> order;
    for (int i = 0; i < size(); ++i) order.push_back(i);
    for (int i = 1; i < size(); ++i) {  // stable insertion sort: std::stable_sort is not constexpr
      for (int j = i; j > 0 && before(order[index(j)], order[index(j - 1)]); --j) {
        std::swap(order[index(j)], order[index(j - 1)]);
      }
    }
    total_ = 0;
    for (int i = 0; i < size(); ++i) {
      Entry& entry = entries_[index(order[index(i)])];
      entry.offset = lowest_gap(entry, std::as_const(order).span().first(index(i)));
      total_ = std::max(total_, checked_add(entry.offset, footprint(entry.request)));
    }
    placed_ = true;
  }

  /// The exact size of the one block that serves every request.
  constexpr std::size_t total_bytes() const { return require_placed(), total_; }

  constexpr int size() const noexcept { return static_cast<int>(entries_.size()); }
  constexpr const MemoryRequest& request(int id) const { return entries_[index(id)].request; }
  constexpr std::size_t offset(int id) const {
    return require_placed(), entries_[index(id)].offset;
  }

  /// Bytes from one copy of a repeated buffer to the next, for copies with their own memory.
  constexpr std::size_t stride(int id) const { return align_up(request(id).bytes); }

  /// The offset of a copy.
  constexpr std::size_t offset(int id, Index copy) const {
    const Overlay& overlay = request(id).overlay;
    if (copy == 0 || overlay.host < 0) {
      return offset(id) + static_cast<std::size_t>(copy) * stride(id);
    }
    return offset(overlay.host) + overlay.used +
           align_up(overlay.first + static_cast<std::size_t>(copy - 1) * overlay.stride);
  }

  /// Bytes of all copies that have their own memory, each rounded up to the alignment.
  static constexpr std::size_t footprint(const MemoryRequest& request) {
    return checked_multiply(align_up(request.bytes), checked_count(request.own_copies()));
  }

  /// Bytes of all buffers that are alive in a phase.
  constexpr std::size_t live_bytes(int phase) const {
    std::size_t live = 0;
    for (int id = 0; id < size(); ++id) {
      if (request(id).lifetime.overlaps({phase, phase})) {
        live = checked_add(live, footprint(request(id)));
      }
    }
    return live;
  }

  /// The lower bound that no placement can beat: the most bytes alive in any one phase.
  constexpr std::size_t peak_live_bytes() const {
    std::size_t peak = 0;
    for (int id = 0; id < size(); ++id) {
      peak = std::max(peak, live_bytes(request(id).lifetime.first));
    }
    return peak;
  }

 private:
  struct Entry {
    MemoryRequest request;
    std::size_t offset = 0;
  };

  OCTAVO_SETUP constexpr int add(const MemoryRequest& request) {
    if (placed_) throw ConfigError("a memory plan takes no request after place()");
    entries_.push_back({request, 0});
    return size() - 1;
  }

  OCTAVO_SETUP constexpr void try_overlay(int id, Overlay& overlay) {
    if (overlay.host < 0) return;
    const std::size_t used = checked_add(overlay.used, stride(id));
    // A copy is aligned to 64 bytes, so it may begin up to 63 bytes after the start of its slot.
    if (checked_add(used, alignment_bytes - 1) > overlay.stride) return;
    entries_[index(id)].request.overlay = overlay;
    overlay.used = used;
  }

  /// More than any model of this library needs, so that its plans do not allocate.
  static constexpr std::size_t inline_requests = 64;

  static constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }

  constexpr void require_placed() const {
    if (!placed_) throw ConfigError("a memory plan has offsets only after place()");
  }

  constexpr bool before(int a, int b) const {
    const MemoryRequest& x = request(a);
    const MemoryRequest& y = request(b);
    const int x_length = x.lifetime.last - x.lifetime.first;
    const int y_length = y.lifetime.last - y.lifetime.first;
    if (x_length != y_length) return x_length > y_length;
    return footprint(x) > footprint(y) && x.lifetime.first != y.lifetime.first;
  }

  OCTAVO_SETUP constexpr std::size_t lowest_gap(const Entry& entry,
                                                std::span<const int> placed) const {
    const std::size_t bytes = footprint(entry.request);
    std::size_t candidate = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (const int id : placed) {
        const Entry& other = entries_[index(id)];
        if (!other.request.lifetime.overlaps(entry.request.lifetime)) continue;
        const std::size_t end = other.offset + footprint(other.request);
        if (candidate < end && other.offset < candidate + bytes) {
          candidate = end;
          moved = true;
        }
      }
    }
    return candidate;
  }

  SmallVector<Entry, inline_requests> entries_;
  std::size_t total_ = 0;
  bool placed_ = false;
};

}  // namespace OCTAVO_NAMESPACE
