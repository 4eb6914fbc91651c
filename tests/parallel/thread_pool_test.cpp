// SPDX-License-Identifier: MIT
#include <atomic>
#include <heap_guard/heap_guard.hpp>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

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

TEST_CASE("a pool refuses a negative size") {
  CHECK_THROWS_WITH_AS(ThreadPool(-1), "threads: got -1, expected 0 or more", ConfigError);
}

TEST_CASE("ten thousand runs one after another each reach every worker once") {
  for (const Index workers : {2, 4}) {  // within and beyond a machine of two processors
    ThreadPool threads(workers);
    std::vector<int> ran(static_cast<std::size_t>(workers));  // plain: run() itself must order them
    for (int run = 1; run <= 10'000; ++run) {
      threads.run([&](const Worker& worker) { ++ran[static_cast<std::size_t>(worker.index())]; });
      REQUIRE(ran == std::vector<int>(static_cast<std::size_t>(workers), run));
    }
  }
}

TEST_CASE("the task is called where it stands, not copied") {
  ThreadPool threads(3);
  struct Task {
    std::atomic<int> calls{0};  // makes it uncopyable
    void operator()(const Worker&) { ++calls; }
  };
  Task task;
  threads.run(task);
  threads.run(task);
  CHECK(task.calls == 6);
  const auto constant = [&task](const Worker&) { ++task.calls; };
  threads.run(constant);
  CHECK(task.calls == 9);
}

TEST_CASE("all workers may throw at once; one exception arrives, and the pool keeps none") {
  ThreadPool threads(4);
  for (int round = 0; round < 200; ++round) {
    const auto witness = std::make_shared<Index>(0);
    Index thrower = -1;
    try {
      threads.run([&](const Worker& worker) {
        worker.barrier();
        throw std::pair(worker.index(), witness);
      });
    } catch (const std::pair<Index, std::shared_ptr<Index>>& caught) {
      thrower = caught.first;
    }
    CHECK(thrower >= 0);
    CHECK(thrower < 4);
    CHECK(witness.use_count() == 1);
  }
}

TEST_CASE("more threads than the machine can start are an error with the number") {
  constexpr Index most = std::numeric_limits<Index>::max();
  constexpr std::string_view message = "cannot start 9223372036854775807 threads";
  try {
    const ThreadPool threads(most);
    FAIL("they cannot have been started");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::out_of_memory);
    CHECK(std::string_view(error.what()).starts_with(message));
    CHECK(error.hint() == "ask for fewer threads");
  }
}
