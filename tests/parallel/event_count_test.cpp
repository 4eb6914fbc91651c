// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <pthread.h>
#include <thread>

#include <doctest/doctest.h>

#include <octavo/parallel/event_count.hpp>

using octavo::detail::EventCount;
using namespace std::chrono_literals;

TEST_CASE("a thread that waits long sleeps, whether or not it spins first") {
  for (const bool may_spin : {true, false}) {
    EventCount event;
    std::timespec used{1, 0};
    std::thread waiter([&] {
      event.wait(0, may_spin);
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    });
    std::this_thread::sleep_for(200ms);
    event.advance();
    waiter.join();
    CHECK(event.now() == 1);
    CHECK(used.tv_sec == 0);
    CHECK(used.tv_nsec < 20'000'000);
  }
}

TEST_CASE("a signal that reaches a thread while it sleeps does not end its wait") {
  struct sigaction before {
  }, mine{};
  mine.sa_handler = [](int) {};  // without SA_RESTART
  ::sigaction(SIGUSR1, &mine, &before);
  EventCount event;
  std::atomic<bool> ended{false};
  std::thread waiter([&] {
    event.wait(0, false);
    ended = true;
  });
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(2ms);
    if (!ended) ::pthread_kill(waiter.native_handle(), SIGUSR1);
  }
  std::this_thread::sleep_for(2ms);
  CHECK_FALSE(ended);
  event.advance();
  waiter.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}
