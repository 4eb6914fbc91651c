// SPDX-License-Identifier: MIT
// What a host may do to a pool: fork, use it from two threads or from within, change the
// floating-point environment.
#include <atomic>
#include <cfenv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <type_traits>
#include <unistd.h>

#include <doctest/doctest.h>

#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

static_assert(!std::is_move_constructible_v<ThreadPool> && !std::is_move_assignable_v<ThreadPool>,
              "trainers and generators point at their pool");

namespace {

/// What a child process ends with; -1 if a signal ends it, as the alarm after ten seconds does.
template <typename Body>
int status_of_child(Body body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// 1.0 / 3 as the processor rounds it now.
double third() {
  volatile double three = 3.0;
  return 1.0 / three;
}

/// The least number above zero; zero where denormal numbers are flushed, or taken for it.
double least() {
  volatile double tiny = 0x1p-1073, half = 0.5;
  return tiny * half;
}

}  // namespace

TEST_CASE("a child of fork() is refused its parent's pool, may make one, and ends") {
  ThreadPool threads(2);
  threads.run([](const Worker&) {});
  CHECK(status_of_child([&] {
          try {
            threads.run([](const Worker&) {});
          } catch (const ConfigError& error) {
            const std::string expected =
                "thread pool: fork() leaves a pool's threads in the parent process";
            return error.what() == expected ? 7 : 8;
          }
          return 9;
        }) == 7);
  CHECK(status_of_child([] {
          ThreadPool own(2);
          std::atomic<int> ran{0};
          own.run([&](const Worker&) { ++ran; });
          return ran.load();
        }) == 2);
  CHECK(status_of_child([] {
          alignas(ThreadPool) static std::byte place[sizeof(ThreadPool)];
          auto* const pool = new (place) ThreadPool(3);
          pool->run([](const Worker&) {});
          const int inner = status_of_child([&] {
            pool->~ThreadPool();
            return 5;
          });
          pool->~ThreadPool();
          return inner;
        }) == 5);
  std::atomic<int> ran{0};
  threads.run([&](const Worker&) { ++ran; });
  CHECK(ran == 2);
}

TEST_CASE("a pool of one thread goes on in a child: it has no thread to lose") {
  ThreadPool alone(1);
  CHECK(status_of_child([&] {
          int ran = 0;
          alone.run([&](const Worker&) { ++ran; });
          return ran;
        }) == 1);
}

TEST_CASE("a child may destroy its parent's pool beside one of its own") {
  auto threads = std::make_unique<ThreadPool>(4);
  threads->run([](const Worker& worker) { worker.barrier(); });
  CHECK(status_of_child([&] {
          std::atomic<int> ran{0};
          {
            ThreadPool own(4);
            own.run([&](const Worker&) { ++ran; });
            threads.reset();
            own.run([&](const Worker&) { ++ran; });
          }
          return ran.load();
        }) == 8);
}

TEST_CASE("a child of a thread that forks during another's run has the pool of one to itself") {
  ThreadPool alone(1);
  int status = 0;
  alone.run([&](const Worker&) {
    std::thread other([&] {
      status = status_of_child([&] {
        int ran = 0;
        for (int i = 0; i < 3; ++i) alone.run([&](const Worker&) { ++ran; });
        return ran;
      });
    });
    other.join();
  });
  CHECK(status == 3);
}

TEST_CASE("exit() within a task ends the process, whichever worker calls it") {
  for (const Index caller : {0, 1}) {
    CHECK(status_of_child([caller] {
            static ThreadPool threads(2);
            threads.run([caller](const Worker& worker) {
              if (worker.index() == caller) std::exit(6);
              worker.barrier();
            });
            return 0;
          }) == 6);
  }
}

TEST_CASE("a run within a run is refused, on any worker, and the pool goes on") {
  constexpr const char* expected = "thread pool: a run was started during another run";
  for (const Index workers : {1, 3}) {
    ThreadPool threads(workers);
    for (Index inner = 0; inner < workers; ++inner) {
      CHECK_THROWS_WITH_AS(threads.run([&](const Worker& worker) {
        if (worker.index() == inner) threads.run([](const Worker&) {});
        worker.barrier();
      }),
                           expected, ConfigError);
    }
    std::atomic<Index> ran{0};
    threads.run([&](const Worker&) { ++ran; });
    CHECK(ran == workers);
  }
}

TEST_CASE("a second thread is refused while a run is going on, and served afterwards") {
  ThreadPool threads(2);
  std::atomic<int> refused{0};
  const auto from_another_thread = [&] {
    std::thread other([&] {
      try {
        threads.run([](const Worker&) {});
      } catch (const ConfigError&) {
        ++refused;
      }
    });
    other.join();
  };
  threads.run([&](const Worker& worker) {
    if (worker.index() == 1) from_another_thread();
  });
  CHECK(refused == 1);
  from_another_thread();
  CHECK(refused == 1);
}

TEST_CASE("every worker computes in the usual environment, and the host gets its own back") {
  const double usual = third();
  std::fenv_t host;
  std::fegetenv(&host);
  for (const bool before : {true, false}) {  // the host changes it before or after making the pool
    if (before) std::fesetround(FE_UPWARD);
    ThreadPool threads(3);
    if (!before) std::fesetround(FE_UPWARD);
    const double upward = third();
    std::atomic<int> wrong{0};
    threads.run([&](const Worker&) { wrong += third() != usual; });
    const int mode = std::fegetround();
    std::fesetenv(&host);
    CHECK(upward != usual);
    CHECK(wrong == 0);
    CHECK(mode == FE_UPWARD);
  }
}

TEST_CASE("the host's environment comes back after an exception, too") {
  std::fenv_t host;
  std::fegetenv(&host);
  ThreadPool threads(1);
  std::fesetround(FE_TOWARDZERO);
  bool thrown = false;
  try {
    threads.run([](const Worker&) { throw 1; });
  } catch (int) {
    thrown = true;
  }
  const int mode = std::fegetround();
  std::fesetenv(&host);
  CHECK(thrown);
  CHECK(mode == FE_TOWARDZERO);
}

#if defined(__x86_64__)
TEST_CASE("denormal numbers are kept, whatever the host does with its own") {
  const unsigned host = __builtin_ia32_stmxcsr();
  for (const unsigned mode : {0x8000u, 0x0040u, 0x8040u}) {  // flushed to zero, taken for zero
    for (const bool before : {true, false}) {
      if (before) __builtin_ia32_ldmxcsr(host | mode);
      ThreadPool threads(2);
      if (!before) __builtin_ia32_ldmxcsr(host | mode);
      const double flushed = least();
      std::atomic<int> wrong{0};
      threads.run([&](const Worker&) { wrong += least() == 0; });
      const unsigned after = __builtin_ia32_stmxcsr();
      __builtin_ia32_ldmxcsr(host);
      CHECK(flushed == 0);
      CHECK(wrong == 0);
      CHECK((after & 0x8040u) == mode);
    }
  }
}
#endif

TEST_CASE("a run with a tuner takes all threads of a pool that was given a number") {
  ThreadPool threads(3);
  ThreadTuner tuner(ThreadTuner::Start::one);
  for (int i = 0; i < 100; ++i) {
    std::atomic<int> ran{0};
    threads.run(tuner, 1, [&](const Worker&) { ++ran; });
    REQUIRE(ran == 3);
  }
}

TEST_CASE("a pool that may leave threads idle gives each run one number of workers, none twice") {
  ThreadPool threads(3, ThreadPool::Use::as_pays);
  ThreadTuner tuner(ThreadTuner::Start::one);
  std::atomic<Index> wrong{0};
  bool alone = false;
  for (int i = 0; i < 20000; ++i) {
    std::atomic<Index> ran{0}, sum{0}, counted{0};
    threads.run(tuner, 1, [&](const Worker& worker) {
      ++ran;
      sum += worker.index();
      counted = worker.count();
      worker.barrier();
    });
    const Index count = counted;
    wrong += ran != count || sum != count * (count - 1) / 2;
    alone = alone || count == 1;
  }
  CHECK(wrong == 0);
  CHECK(alone);
  CHECK(tuner.compared());
}
