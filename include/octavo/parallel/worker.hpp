// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/parallel/event_count.hpp>
#include <octavo/parallel/phase_clock.hpp>

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

/// A barrier with a central counter and a generation. (std::barrier allocates, and sleeps after 16
/// polls.)
class Barrier {
 public:
  /// Prepares the next run of `count` workers; no worker may be waiting.
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

  /// The number of waiting workers, for tests that run workers in turn.
  int waiting() const noexcept { return arrived_.load(std::memory_order_acquire); }

  /// Called when a worker gave up: workers that wait or arrive later are released with
  /// BarrierBroken.
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

/// One of the threads inside ThreadPool::run: its index, its share of the work, and a barrier. All
/// workers call all kernels and layers at the same time with the same arguments; each computes only
/// its share. A default-constructed worker works alone.
class Worker {
 public:
  constexpr Worker() noexcept = default;
  /// clock: of this worker; null: none.
  constexpr Worker(Index index, Index count, detail::Barrier* barrier,
                   PhaseClock* clock = nullptr) noexcept
      : index_(index), count_(count), barrier_(barrier), clock_(clock) {}

  constexpr Index index() const noexcept { return index_; }
  constexpr Index count() const noexcept { return count_; }

  /// This worker's part of [0, total), the same at every call. All parts except the last are
  /// multiples of `granule`.
  constexpr Range split(Index total, Index granule = 1) const noexcept {
    const Index granules = (total + granule - 1) / granule;
    return {std::min(total, granules * index_ / count_ * granule),
            std::min(total, granules * (index_ + 1) / count_ * granule)};
  }

  /// This worker's part of a matrix: columns in multiples of `granule`, or rows if the busiest
  /// worker then has less to do.
  constexpr Rectangle split(Index rows, Index columns, Index granule) const noexcept {
    const auto busiest = [this](Index parts) { return (parts + count_ - 1) / count_; };
    const Index granules = (columns + granule - 1) / granule;
    if (granules * busiest(rows) < busiest(granules) * rows) return {split(rows), {0, columns}};
    return {{0, rows}, split(columns, granule)};
  }

  /// Returns when every worker of the run has called it; all earlier writes are then visible to all
  /// workers.
  void barrier() const {
    if (count_ > 1) barrier_->wait();
  }

  /// For the clock of the thread pool, if it has one: what follows is this phase of a step.
  void enter(int phase) const noexcept {
    if (clock_ != nullptr) clock_->enter(phase);
  }
  /// As above until the end of the scope.
  PhaseStretch during(int phase) const noexcept { return {clock_, phase}; }

 private:
  Index index_ = 0;
  Index count_ = 1;
  detail::Barrier* barrier_ = nullptr;
  PhaseClock* clock_ = nullptr;
};

}  // namespace OCTAVO_NAMESPACE
