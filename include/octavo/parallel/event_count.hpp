// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_ALWAYS_INLINE void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A counter that threads wait on until another thread advances it. A waiter spins for at most
/// `spinning`, longer than most gaps inside a step, and then sleeps: if another program occupies
/// the core of the thread that it waits for, sleeping costs nothing, and the wake-up is immediate.
/// It never yields (sched_yield): on a busy machine that would give way to all other programs. The
/// count is unsigned because a long run passes 2^32 barriers and the count must wrap.
class EventCount {
 public:
  static constexpr std::chrono::microseconds spinning{20};

  std::uint32_t now() const noexcept { return count_.load(std::memory_order_acquire); }

  /// Returns when the count differs from `seen`. Writes made before the count was advanced are then
  /// visible.
  void wait(std::uint32_t seen, bool may_spin) noexcept {
    if (may_spin ? spin(seen) : now() != seen) return;
    // Sequentially consistent, as in advance(): either advance() sees the sleeper, or this thread
    // sees the new count.
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    while (count_.load(std::memory_order_seq_cst) == seen) sleep(seen);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Releases every thread that waits on an earlier count.
  void advance() noexcept {
    count_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) wake();
  }

 private:
  /// Spins; returns whether the count has changed.
  bool spin(std::uint32_t seen) const noexcept {
    using Clock = std::chrono::steady_clock;
    constexpr int looks = 64;  // between two looks at the clock
    Clock::time_point end{};
    while (true) {
      for (int i = 0; i < looks; ++i) {
        if (now() != seen) return true;
        relax();
      }
      const Clock::time_point time = Clock::now();
      if (end == Clock::time_point{}) {
        end = time + spinning;
      } else if (time > end) {
        return false;
      }
    }
  }

#if defined(__linux__)
  void sleep(std::uint32_t seen) noexcept {
    ::syscall(SYS_futex, &count_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
  }
  void wake() noexcept {
    ::syscall(SYS_futex, &count_, FUTEX_WAKE_PRIVATE, 0x7fffffff, nullptr, nullptr, 0);
  }
  static_assert(sizeof(std::atomic<std::uint32_t>) == 4, "the kernel compares 32 bits");
#else
  void sleep(std::uint32_t seen) noexcept { count_.wait(seen, std::memory_order_seq_cst); }
  void wake() noexcept { count_.notify_all(); }
#endif

  alignas(alignment_bytes) std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace OCTAVO_NAMESPACE::detail
