// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/parallel/thread_tuner.hpp>

using namespace octavo;

namespace {

/// Seconds of one run on some number of threads: by the clock, and of the calling thread's
/// processor.
struct Cost {
  double wall = 0;
  double processor = 0;
};

/// A machine on which a run on `count` threads costs cost(count); its time passes only here.
struct Machine {
  ThreadTuner tuner;
  Index most = 2;
  double wall = 0;
  double processor = 0;
  std::function<Cost(Index)> cost;

  Index run(double work = 1) {
    const Index count = tuner.next(most);
    if (tuner.is_between_samples()) tuner.begin(processor);
    const Cost taken = cost(count);
    wall += work * taken.wall;
    processor += work * taken.processor;
    if (tuner.add(work, work * taken.wall)) tuner.finish(processor);
    return count;
  }
  void run_for(double seconds) {
    for (const double end = wall + seconds; wall < end;) run();
  }
};

/// On a machine with idle cores a thread that waits spins, so that all of its time is used.
std::function<Cost(Index)> quiet(double alone, double share_that_scales) {
  return [=](Index count) {
    const double wall =
        alone * (1 - share_that_scales + share_that_scales / static_cast<double>(count));
    return Cost{wall, wall};
  };
}

/// Others want the cores: one thread gets them for a part of the time; several wait for the one
/// that comes last, `loss` times as long.
std::function<Cost(Index)> crowded(double alone, double loss) {
  return [=](Index count) {
    const double work = alone / static_cast<double>(count);
    return count == 1 ? Cost{2 * work, work} : Cost{2 * loss * work, work * 1.1};
  };
}

}  // namespace

TEST_CASE("long runs on idle cores use all threads from the first on, and try less in one of 200") {
  Machine machine{
      .tuner = ThreadTuner(ThreadTuner::Start::all), .most = 2, .cost = quiet(0.1, 0.95)};
  int fewer = 0;
  for (int i = 0; i < 1000; ++i) fewer += machine.run() < 2;
  CHECK(machine.tuner.count() == 2);
  CHECK(fewer <= 5);
}

TEST_CASE("short runs begin with one thread and take more within milliseconds if they pay") {
  for (const Index most : {2, 3, 4, 16}) {
    Machine machine{
        .tuner = ThreadTuner(ThreadTuner::Start::one), .most = most, .cost = quiet(5e-4, 0.95)};
    CHECK(machine.run() == 1);
    machine.run_for(30e-3);
    CHECK(machine.tuner.count() == most);
    const double before = machine.wall;
    for (int i = 0; i < 10000; ++i) machine.run();
    const double ideal = 10000 * quiet(5e-4, 0.95)(most).wall;
    CHECK(machine.wall - before < 1.01 * ideal);
  }
}

TEST_CASE("where a second thread takes longer than one alone, one is used, and little is tried") {
  const auto cost = [](Index count) { return count == 1 ? Cost{5e-5, 5e-5} : Cost{7e-5, 7e-5}; };
  for (const auto start : {ThreadTuner::Start::one, ThreadTuner::Start::all}) {
    Machine machine{.tuner = ThreadTuner(start), .most = 2, .cost = cost};
    machine.run_for(20e-3);
    CHECK(machine.tuner.compared());
    CHECK(machine.tuner.count() == 1);
    const double before = machine.wall;
    for (int i = 0; i < 40000; ++i) machine.run();
    CHECK(machine.wall - before < 40000 * 5e-5 * 1.01);
  }
}

TEST_CASE("of sixteen threads those are used that pay") {
  // Beyond four threads every one more costs as much as it gains.
  const auto cost = [](Index count) {
    const double wall = 1e-3 / static_cast<double>(std::min<Index>(count, 4)) +
                        2e-5 * static_cast<double>(std::max<Index>(0, count - 4));
    return Cost{wall, wall};
  };
  for (const auto start : {ThreadTuner::Start::one, ThreadTuner::Start::all}) {
    Machine machine{.tuner = ThreadTuner(start), .most = 16, .cost = cost};
    machine.run_for(3);
    CHECK(machine.tuner.count() == 4);
  }
}

TEST_CASE("the first run, which meets untouched memory, is not taken for a long one") {
  bool cold = true;
  const auto cost = [&](Index count) {
    const double wall = std::exchange(cold, false) ? 50e-3 : count == 1 ? 5e-5 : 7e-5;
    return Cost{wall, wall};
  };
  Machine machine{.tuner = ThreadTuner(ThreadTuner::Start::all), .most = 2, .cost = cost};
  machine.run_for(100e-3);
  CHECK(machine.tuner.count() == 1);
}

TEST_CASE("trials that never succeed become rare") {
  Machine machine{
      .tuner = ThreadTuner(ThreadTuner::Start::all), .most = 2, .cost = quiet(1e-3, 0.95)};
  machine.run_for(20);
  int trials = 0;
  Index last = 2;
  for (const double end = machine.wall + 40; machine.wall < end;) {
    const Index count = machine.run();
    trials += count < last;
    last = count;
  }
  CHECK(trials <= 10);  // one in four seconds
  CHECK(trials >= 5);
}

TEST_CASE("between one and all, trials in vain go up and down in turn") {
  Index best = 4;
  const auto cost = [&](Index count) {
    const double wall = 1e-3 / static_cast<double>(std::min(count, best)) +
                        2e-5 * static_cast<double>(std::max<Index>(0, count - best));
    return Cost{wall, wall};
  };
  Machine machine{.tuner = ThreadTuner(ThreadTuner::Start::one), .most = 16, .cost = cost};
  machine.run_for(3);
  CHECK(machine.tuner.count() == 4);
  for (const Index next : {2, 8}) {
    best = next;
    machine.run_for(20);
    CHECK(machine.tuner.count() == next);
  }
}

TEST_CASE("on crowded cores one thread is used, whatever the start, and others are tried seldom") {
  for (const double alone : {1e-4, 1e-3, 0.2}) {
    for (const auto start : {ThreadTuner::Start::one, ThreadTuner::Start::all}) {
      Machine machine{.tuner = ThreadTuner(start), .most = 2, .cost = crowded(alone, 6)};
      machine.run_for(std::max(0.3, 30 * alone));
      CHECK(machine.tuner.count() == 1);
      const double before = machine.wall;
      const int runs = static_cast<int>(std::max(100.0, 5 / alone));
      for (int i = 0; i < runs; ++i) machine.run();
      CHECK(machine.wall - before < 1.2 * runs * crowded(alone, 6)(1).wall);
    }
  }
}

TEST_CASE("a crowd that comes is noticed, and so is that it has gone") {
  Machine machine{
      .tuner = ThreadTuner(ThreadTuner::Start::all), .most = 2, .cost = quiet(5e-4, 0.95)};
  machine.run_for(1);
  CHECK(machine.tuner.count() == 2);
  machine.cost = crowded(5e-4, 10);
  machine.run_for(0.6);
  CHECK(machine.tuner.count() == 1);
  machine.run_for(2);
  CHECK(machine.tuner.count() == 1);
  machine.cost = quiet(5e-4, 0.95);
  machine.run_for(5);
  CHECK(machine.tuner.count() == 2);
}

TEST_CASE("one core that another program has leaves all others in use") {
  // Sixteen wait for the one whose core is shared; fifteen have each a core.
  const auto cost = [](Index count) {
    const double work = 1e-3 / static_cast<double>(count);
    return count == 16 ? Cost{2 * work, 1.2 * work} : Cost{work, work};
  };
  Machine machine{.tuner = ThreadTuner(ThreadTuner::Start::all), .most = 16, .cost = cost};
  machine.run_for(1);
  CHECK(machine.tuner.count() == 15);
}

TEST_CASE("runs of different sizes are compared by their work") {
  Machine machine{
      .tuner = ThreadTuner(ThreadTuner::Start::one), .most = 2, .cost = quiet(1e-4, 0.95)};
  for (int i = 0; i < 2000; ++i) machine.run(1 + i % 7);
  CHECK(machine.tuner.count() == 2);
}

TEST_CASE("a single thread is never compared with anything") {
  Machine machine{.tuner = ThreadTuner(ThreadTuner::Start::all), .most = 1, .cost = quiet(1e-3, 1)};
  for (int i = 0; i < 10000; ++i) CHECK(machine.run() == 1);
  CHECK_FALSE(machine.tuner.compared());
}
