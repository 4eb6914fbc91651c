// SPDX-License-Identifier: MIT
#include <atomic>
#include <heap_guard/heap_guard.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

TEST_CASE("split covers everything once, in whole granules") {
  for (Index total = 0; total < 60; ++total) {
    for (const Index granule : {1, 3, 16}) {
      for (const Index count : {1, 2, 3, 7}) {
        Index next = 0;
        for (Index index = 0; index < count; ++index) {
          const Range range = Worker(index, count, nullptr).split(total, granule);
          CHECK(range.begin == next);
          if (range.end != total) CHECK(range.end % granule == 0);
          next = range.end;
        }
        CHECK(next == total);
      }
    }
  }
}

TEST_CASE("a barrier makes what others wrote before it visible") {
  for (const Index workers : {1, 2, 3, 8}) {
    ThreadPool threads(workers);
    std::vector<Index> written(static_cast<std::size_t>(workers));
    std::atomic<Index> wrong{0};
    for (int run = 0; run < 200; ++run) {
      threads.run([&](const Worker& worker) {
        for (Index round = 1; round <= 20; ++round) {
          written[static_cast<std::size_t>(worker.index())] = round;
          worker.barrier();
          if (std::accumulate(written.begin(), written.end(), Index{0}) != round * workers) ++wrong;
          worker.barrier();
        }
      });
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("an exception of any worker reaches the caller and releases the others") {
  for (const Index workers : {1, 2, 5}) {
    ThreadPool threads(workers);
    for (Index thrower = 0; thrower < workers; ++thrower) {
      CHECK_THROWS_AS(threads.run([&](const Worker& worker) {
        worker.barrier();
        if (worker.index() == thrower) throw std::runtime_error("on purpose");
        worker.barrier();
        worker.barrier();
      }),
                      std::runtime_error);
      std::atomic<Index> ran{0};
      threads.run([&](const Worker& worker) {
        worker.barrier();
        ++ran;
      });
      CHECK(ran == workers);
    }
  }
}

TEST_CASE("a run makes no heap call") {
  ThreadPool threads(3);
  const octavo_test::HeapGuard guard;
  for (int i = 0; i < 100; ++i) threads.run([](const Worker& worker) { worker.barrier(); });
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
}

TEST_CASE("a pool can be moved, and refuses a negative size") {
  ThreadPool first(2);
  ThreadPool second = std::move(first);
  first = ThreadPool(3);
  std::atomic<int> ran{0};
  second.run([&](const Worker&) { ++ran; });
  first.run([&](const Worker&) { ++ran; });
  CHECK(ran == 5);
  CHECK_THROWS_WITH_AS(ThreadPool(-1), "threads: got -1, expected 0 or more", ConfigError);
}
