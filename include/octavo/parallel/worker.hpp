// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include <octavo/base/config.hpp>

namespace octavo {

/// Half-open range [begin, end) of rows, columns or tiles.
struct Range {
  Index begin = 0;
  Index end = 0;

  constexpr Index size() const noexcept { return end - begin; }
  constexpr bool empty() const noexcept { return begin >= end; }
  friend constexpr bool operator==(Range, Range) = default;
};

/// A rectangle of a matrix.
struct Rectangle {
  Range rows;
  Range columns;
  friend constexpr bool operator==(const Rectangle&, const Rectangle&) = default;
};

namespace detail {

struct BarrierBroken {};

OCTAVO_ALWAYS_INLINE void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until `waiting(value)` is false: spins for some tens of microseconds (longer than any gap
/// inside a step), then offers the processor to others, then sleeps. Where there are more workers
/// than processors it never spins.
template <typename Value, typename Waiting>
void wait_while(const std::atomic<Value>& value, bool may_spin, Waiting waiting) noexcept {
  constexpr int spins = 2048;
  constexpr int yields = 64;
  Value now = value.load(std::memory_order_acquire);
  for (int i = 0; may_spin && i < spins && waiting(now); ++i) {
    relax();
    now = value.load(std::memory_order_acquire);
  }
  for (int i = 0; i < yields && waiting(now); ++i) {
    std::this_thread::yield();
    now = value.load(std::memory_order_acquire);
  }
  while (waiting(now)) {
    value.wait(now, std::memory_order_acquire);
    now = value.load(std::memory_order_acquire);
  }
}

/// Changes what others may be asleep over, and wakes them. Sequentially consistent: libstdc++'s
/// notify_all() first looks whether anybody waits; after a mere release that look may come first,
/// and who goes to sleep between would stay there.
inline void advance(std::atomic<std::uint32_t>& value) noexcept {
  value.fetch_add(1, std::memory_order_seq_cst);
  value.notify_all();
}

/// Central counter with a generation; std::barrier allocates, and sleeps after 16 looks. The
/// generation is unsigned: a long run passes 2^32 barriers, and it must wrap.
class Barrier {
 public:
  void set_up(Index count, bool may_spin) noexcept {
    count_ = static_cast<int>(count);
    may_spin_ = may_spin;
  }

  void reset() noexcept {
    arrived_.store(0, std::memory_order_relaxed);
    broken_.store(false, std::memory_order_relaxed);
  }

  void wait() {
    const std::uint32_t generation = generation_.load(std::memory_order_acquire);
    if (broken_.load(std::memory_order_acquire)) throw BarrierBroken{};
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
      arrived_.store(0, std::memory_order_relaxed);
      advance(generation_);
    } else {
      wait_while(generation_, may_spin_,
                 [generation](std::uint32_t now) { return now == generation; });
    }
    if (broken_.load(std::memory_order_acquire)) throw BarrierBroken{};
  }

  /// A worker gave up: everyone who waits, or arrives later, is released with BarrierBroken.
  void break_up() noexcept {
    broken_.store(true, std::memory_order_release);
    advance(generation_);
  }

 private:
  int count_ = 1;
  bool may_spin_ = true;
  alignas(alignment_bytes) std::atomic<int> arrived_{0};
  alignas(alignment_bytes) std::atomic<std::uint32_t> generation_{0};
  std::atomic<bool> broken_{false};
};

}  // namespace detail

/// One of the crew inside ThreadPool::run: who it is, what share of the work is its own, and a
/// place to wait for the others. All kernels and layers are called by all workers at the same time
/// with the same arguments; each computes only its share. A default-made worker is a crew of one.
class Worker {
 public:
  constexpr Worker() noexcept = default;
  constexpr Worker(Index index, Index count, detail::Barrier* barrier) noexcept
      : index_(index), count_(count), barrier_(barrier) {}

  constexpr Index index() const noexcept { return index_; }
  constexpr Index count() const noexcept { return count_; }

  /// This worker's part of [0, total), the same at every call. Parts are whole multiples of
  /// `granule` but for the last.
  constexpr Range split(Index total, Index granule = 1) const noexcept {
    const Index granules = (total + granule - 1) / granule;
    return {std::min(total, granules * index_ / count_ * granule),
            std::min(total, granules * (index_ + 1) / count_ * granule)};
  }

  /// This worker's part of a matrix: columns in whole multiples of `granule`, or rows where that
  /// leaves the busiest worker less to do.
  constexpr Rectangle split(Index rows, Index columns, Index granule) const noexcept {
    const auto busiest = [this](Index parts) { return (parts + count_ - 1) / count_; };
    const Index granules = (columns + granule - 1) / granule;
    if (granules * busiest(rows) < busiest(granules) * rows) return {split(rows), {0, columns}};
    return {{0, rows}, split(columns, granule)};
  }

  /// Returns when every worker of the crew has called it; what each wrote before is then visible
  /// to all.
  void barrier() const {
    if (count_ > 1) barrier_->wait();
  }

 private:
  Index index_ = 0;
  Index count_ = 1;
  detail::Barrier* barrier_ = nullptr;
};

}  // namespace octavo
