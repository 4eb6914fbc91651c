// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/parallel/ranks.hpp>

namespace OCTAVO_NAMESPACE {

/// Which processes take part in the end of a round of a DiLoCo run. The first process calls the
/// roll; one that is late is left out, and joins the others at the end of a later round. Messages
/// go from and to the first process only.
class WorkerRoll {
 public:
  enum class Part : std::uint8_t {
    absent,   ///< late
    present,  ///< has the round's steps
    joining,  ///< was late at an earlier round; gets the new weights
  };

  /// wait_seconds: how long the first process waits for others; negative: until all are there.
  WorkerRoll(Ranks& ranks, double wait_seconds)
      : ranks_(ranks),
        wait_(wait_seconds),
        parts_(static_cast<std::size_t>(ranks.count()), Part::present) {
    present_.reserve(parts_.size());
  }

  /// All processes call it when they have done `steps_done` steps; a late one takes over the steps
  /// of the others. `asked`: whether this process is asked to end the run. wait_for_all: on the
  /// first process, whether it waits for all.
  void call(Index& steps_done, bool asked, bool wait_for_all) {
    asked_ = asked;
    const Arrival own{steps_done, asked ? Index{1} : Index{0}};
    if (ranks_.rank() > 0) {
      ranks_.send(0, bytes_of(own));
      Index done = 0;
      ranks_.receive(0, writable(done));
      ranks_.receive(0, std::as_writable_bytes(std::span(parts_)));
      ranks_.wait();
      steps_done = done;
    } else {
      gather(steps_done, wait_for_all || wait_ < 0);
      steps_done_ = steps_done;
      for_each_other(true, [&](Index other) { answer(other); });
      ranks_.wait();
    }
    present_.clear();
    for (Index rank = 0; rank < ranks_.count(); ++rank) {
      if (part(rank) == Part::present) present_.push_back(rank);
    }
  }

  /// The processes that have the round's steps, in order.
  std::span<const Index> present() const noexcept { return present_; }
  Part part(Index rank) const { return parts_[static_cast<std::size_t>(rank)]; }
  /// This process's part.
  Part part() const { return part(ranks_.rank()); }
  bool all_are_there() const {
    return std::find(parts_.begin(), parts_.end(), Part::absent) == parts_.end();
  }
  /// On the first process: whether any that has called is asked to end the run.
  bool asked() const noexcept { return asked_; }

  /// On the first process: calls visit(process) for the others that are there, or that are joining.
  template <typename Visit>
  void for_each_other(bool present_too, Visit visit) const {
    for (Index other = 1; other < ranks_.count(); ++other) {
      if (part(other) == Part::joining || (present_too && part(other) == Part::present)) {
        visit(other);
      }
    }
  }

  /// On the first process: waits for those that are late, and calls visit(process) for each, which
  /// is then joining.
  template <typename Visit>
  void wait_for_absent(Visit visit) {
    for (Index other = 1; other < ranks_.count(); ++other) {
      if (part(other) != Part::absent) continue;
      Arrival arrival;
      ranks_.receive(other, writable(arrival));
      ranks_.wait();
      parts_[static_cast<std::size_t>(other)] = Part::joining;
      answer(other);
      ranks_.wait();
      visit(other);
    }
  }

  /// What the first process says to those that are there.
  template <typename Answer>
  Answer agree(Answer of_first) {
    if (ranks_.rank() > 0) {
      ranks_.receive(0, writable(of_first));
    } else {
      for_each_other(true, [&](Index other) { ranks_.send(other, bytes_of(of_first)); });
    }
    ranks_.wait();
    return of_first;
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Arrival {
    Index steps_done = 0;
    Index asked = 0;
  };

  template <typename Value>
  static std::span<const std::byte> bytes_of(const Value& value) {
    return std::as_bytes(std::span(&value, 1));
  }
  template <typename Value>
  static std::span<std::byte> writable(Value& value) {
    return std::as_writable_bytes(std::span(&value, 1));
  }

  /// Begins to tell another process the steps and all parts.
  void answer(Index other) {
    ranks_.send(other, bytes_of(steps_done_));
    ranks_.send(other, std::as_bytes(std::span(parts_)));
  }

  void gather(Index steps_done, bool wait_for_all) {
    std::fill(parts_.begin(), parts_.end(), Part::absent);
    parts_[0] = Part::present;
    const Clock::time_point begin = Clock::now();
    const auto in_time = [&] {
      return std::chrono::duration<double>(Clock::now() - begin).count() < wait_;
    };
    for (bool first = true; !all_are_there(); first = false) {
      if (!first && !wait_for_all && !in_time()) return;
      if (!first) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      for (Index other = 1; other < ranks_.count(); ++other) {
        if (part(other) != Part::absent || !ranks_.has_message(other)) continue;
        Arrival arrival;
        ranks_.receive(other, writable(arrival));
        ranks_.wait();
        asked_ = asked_ || arrival.asked != 0;
        parts_[static_cast<std::size_t>(other)] =
            arrival.steps_done == steps_done ? Part::present : Part::joining;
      }
    }
  }

  Ranks& ranks_;
  double wait_;
  std::vector<Part> parts_;
  std::vector<Index> present_;
  Index steps_done_ = 0;
  bool asked_ = false;
};

}  // namespace OCTAVO_NAMESPACE
