// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/parallel/worker.hpp>

// Makes every missing barrier visible in every run. Not part of octavo.hpp: include it in tests.
namespace OCTAVO_NAMESPACE::testing {

/// The order of the workers.
enum class Turns { first_to_last, last_to_first };

/// Runs task(worker) on `count` workers, one at a time: the first up to its next barrier, then the
/// second up to its next, and so on, round after round. Between two barriers each worker finishes
/// its work before the next worker starts. If a barrier is missing, a worker then reads numbers
/// before another has written them, or overwrites numbers before another has read them, in every
/// run; both orders together show each missing barrier between any two workers. Returns the number
/// of barriers that each worker waited at; if these differ, real workers would wait for ever.
/// Rethrows the first exception of a worker, after all have ended.
template <typename Task>
std::vector<Index> run_in_turn(Index count, Turns turns, const Task& task) {
  require(count > 0, "workers in turn: expected at least 1");
  /// Only the worker and the scheduler use `gate`: each waits there until the other opens it.
  struct Seat {
    octavo::detail::Barrier gate;
    std::exception_ptr error;
    bool ended = false;
    Index barriers = 0;
    std::thread thread;
  };
  const auto seats = std::make_unique<Seat[]>(static_cast<std::size_t>(count));
  const auto wait_for = [](Seat& seat) {
    while (seat.gate.waiting() == 0) std::this_thread::yield();
  };
  std::vector<Seat*> order;
  for (Index i = 0; i < count; ++i) {
    Seat& seat = seats[static_cast<std::size_t>(i)];
    order.push_back(&seat);
    seat.gate.set_up(2, false);
    seat.thread = std::thread([&task, &seat, i, count] {
      seat.gate.wait();
      try {
        task(Worker(i, count, &seat.gate));
      } catch (...) {
        seat.error = std::current_exception();
      }
      seat.ended = true;
      seat.gate.wait();
    });
  }
  for (Seat* const seat : order) wait_for(*seat);
  if (turns == Turns::last_to_first) std::reverse(order.begin(), order.end());
  const auto all_ended = [&] {
    return std::all_of(order.begin(), order.end(), [](const Seat* seat) { return seat->ended; });
  };
  while (!all_ended()) {
    for (Seat* const seat : order) {
      if (seat->ended) continue;
      seat->gate.wait();
      wait_for(*seat);
      seat->barriers += seat->ended ? 0 : 1;
    }
  }
  std::vector<Index> barriers;
  std::exception_ptr error;
  for (Index i = 0; i < count; ++i) {
    Seat& seat = seats[static_cast<std::size_t>(i)];
    seat.gate.wait();
    seat.thread.join();
    barriers.push_back(seat.barriers);
    if (!error) error = seat.error;
  }
  if (error) std::rethrow_exception(error);
  return barriers;
}

/// A message if the workers waited at different numbers of barriers; empty if all are equal.
inline std::string unequal_barriers(const std::vector<Index>& barriers) {
  for (std::size_t i = 1; i < barriers.size(); ++i) {
    if (barriers[i] == barriers[0]) continue;
    return octavo::detail::concat({"worker 0 waits at ", barriers[0], " barriers, worker ", i,
                                   " at ", barriers[i], ": they would wait for ever\n"});
  }
  return {};
}

}  // namespace OCTAVO_NAMESPACE::testing
