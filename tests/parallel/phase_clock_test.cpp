// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include <octavo/parallel/phase_clock.hpp>
#include <octavo/parallel/thread_pool.hpp>

namespace {

using octavo::PhaseClock;
using octavo::PhaseStretch;

/// Waits until a phase of a clock would have at least a millisecond.
void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

TEST_CASE("time belongs to the phase that was entered last") {
  PhaseClock clock(3);
  wait();
  CHECK(clock.enter(0) == 3);
  CHECK(clock.seconds(3) >= 0.002);
  CHECK(clock.seconds(0) == 0);
  wait();
  {
    const PhaseStretch stretch(&clock, 1);
    wait();
  }
  CHECK(clock.seconds(1) >= 0.002);
  CHECK(clock.enter(2) == 0);  // as before the stretch
  CHECK(clock.seconds(0) >= 0.002);
  clock.leave();
  CHECK(clock.enter(0) == 3);
}

TEST_CASE("all phases together are the clock's whole time") {
  using Clock = std::chrono::steady_clock;
  const auto before = Clock::now();
  PhaseClock clock(0);
  const auto after = Clock::now();
  for (int phase : {1, 2, 1, 4}) clock.enter(phase);
  wait();
  const auto first_end = Clock::now();
  clock.leave();
  const auto last_end = Clock::now();
  double all = 0;
  for (int phase = 0; phase < 5; ++phase) all += clock.seconds(phase);
  CHECK(all >= std::chrono::duration<double>(first_end - after).count());
  CHECK(all <= std::chrono::duration<double>(last_end - before).count() * (1 + 1e-9));
}

TEST_CASE("the first worker of a pool tells its clock") {
  octavo::ThreadPool threads(2);
  PhaseClock clock(0);
  threads.set_clock(&clock);
  CHECK(threads.clock() == &clock);
  threads.run([](const octavo::Worker& worker) {
    worker.enter(1);
    if (worker.index() == 1) worker.enter(5);  // is not timed
    worker.barrier();
    const PhaseStretch stretch = worker.during(2);
    wait();
  });
  CHECK(clock.seconds(1) > 0);
  CHECK(clock.seconds(2) >= 0.002);
  CHECK(clock.seconds(5) == 0);
  CHECK(clock.enter(1) == 0);  // the run is over
  CHECK_THROWS_AS(threads.run([](const octavo::Worker& worker) {
    worker.enter(1);
    if (worker.index() == 0) throw std::runtime_error("ends early");
  }),
                  std::runtime_error);
  CHECK(clock.enter(0) == 0);
  threads.set_clock(nullptr);
  const double seconds = clock.seconds(1);
  threads.run([](const octavo::Worker& worker) { worker.enter(1); });
  CHECK(clock.seconds(1) == seconds);
}

}  // namespace
