// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/parallel/event_count.hpp>

namespace OCTAVO_NAMESPACE {

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

/// Central counter with a generation; std::barrier allocates, and sleeps after 16 looks.
class Barrier {
 public:
  /// For the next run of `count` workers, none of whom is here.
  void set_up(Index count, bool may_spin) noexcept {
    count_ = static_cast<int>(count);
    may_spin_ = may_spin;
    arrived_.store(0, std::memory_order_relaxed);
    broken_.store(false, std::memory_order_relaxed);
  }

  void wait() {
    const std::uint32_t generation = generation_.now();
    if (broken_.load(std::memory_order_acquire)) throw BarrierBroken{};
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.advance();
    } else {
      generation_.wait(generation, may_spin_);
    }
    if (broken_.load(std::memory_order_acquire)) throw BarrierBroken{};
  }

  /// How many have come, for tests that let workers take turns.
  int waiting() const noexcept { return arrived_.load(std::memory_order_acquire); }

  /// A worker gave up: everyone who waits, or arrives later, is released with BarrierBroken.
  void break_up() noexcept {
    broken_.store(true, std::memory_order_release);
    generation_.advance();
  }

 private:
  int count_ = 1;
  bool may_spin_ = true;
  alignas(alignment_bytes) std::atomic<int> arrived_{0};
  EventCount generation_;
  std::atomic<bool> broken_{false};
};

}  // namespace detail

/// One of the threads inside ThreadPool::run: its number, its share of the work, and a place to
/// wait for the others. All workers call all kernels and layers at the same time with the same
/// arguments; each computes only its share. A default-made worker is the only one.
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

  /// Returns when every worker of the run has called it; what each wrote before is then visible to
  /// all.
  void barrier() const {
    if (count_ > 1) barrier_->wait();
  }

 private:
  Index index_ = 0;
  Index count_ = 1;
  detail::Barrier* barrier_ = nullptr;
};

}  // namespace OCTAVO_NAMESPACE
