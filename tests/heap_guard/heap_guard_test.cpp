// SPDX-License-Identifier: MIT

#include "heap_guard/heap_guard.hpp"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <Eigen/Core>
#include <doctest/doctest.h>

using octavo_test::heap_guard_active;
using octavo_test::HeapBan;
using octavo_test::HeapGuard;
using octavo_test::HeapPeak;

namespace {

// The compiler may delete an allocation whose address nobody sees.
void* volatile seen = nullptr;

std::uint64_t allocations_during(const std::function<void()>& work) {
  const HeapGuard guard;
  work();
  return guard.allocations();
}

struct alignas(256) WideAligned {
  char bytes[256];
};

}  // namespace

TEST_CASE("heap guard is active unless a sanitizer is") {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  CHECK(!heap_guard_active());
#elif defined(__GLIBC__)
  CHECK(heap_guard_active());
#endif
}

TEST_CASE("heap guard reports nothing for work that allocates nothing") {
  double sum = 0;
  Eigen::Matrix<double, 4, 4> fixed = Eigen::Matrix<double, 4, 4>::Identity();
  const HeapGuard guard;
  for (int i = 0; i < 1000; ++i) sum += fixed.trace();
  const std::uint64_t allocations = guard.allocations();
  CHECK(allocations == 0);
  CHECK(sum == 4000.0);
}

TEST_CASE("heap guard counts each function of the C library once") {
  if (!heap_guard_active()) return;
  CHECK(allocations_during([] {
          void* memory = std::malloc(10);
          seen = memory;
          std::free(memory);
        }) == 1);
  CHECK(allocations_during([] {
          void* memory = std::calloc(3, 10);
          seen = memory;
          std::free(memory);
        }) == 1);
  CHECK(allocations_during([] {
          void* memory = std::realloc(nullptr, 10);
          seen = memory;
          memory = std::realloc(memory, 100000);
          seen = memory;
          std::free(memory);
        }) == 2);
  CHECK(allocations_during([] {
          void* memory = std::aligned_alloc(64, 128);
          seen = memory;
          std::free(memory);
        }) == 1);
  CHECK(allocations_during([] {
          void* memory = nullptr;
          if (posix_memalign(&memory, 64, 100) != 0) return;
          seen = memory;
          std::free(memory);
        }) == 1);
}

TEST_CASE("heap guard hands over to the C library correctly") {
  void* memory = nullptr;
  CHECK(posix_memalign(&memory, 4096, 100) == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % 4096 == 0);
  std::free(memory);
  if (heap_guard_active()) CHECK(posix_memalign(&memory, 24, 100) != 0);

  unsigned char* zeros = static_cast<unsigned char*>(std::calloc(1000, 1));
  int sum = 0;
  for (int i = 0; i < 1000; ++i) sum += zeros[i];
  CHECK(sum == 0);
  std::free(zeros);
}

TEST_CASE("heap guard sees operator new, plain and aligned") {
  if (!heap_guard_active()) return;
  CHECK(allocations_during([] {
          const auto number = std::make_unique<int>(7);
          seen = number.get();
        }) == 1);
  CHECK(allocations_during([] {
          const auto wide = std::make_unique<WideAligned>();
          seen = wide.get();
        }) == 1);
}

TEST_CASE("heap guard sees containers and Eigen") {
  if (!heap_guard_active()) return;
  CHECK(allocations_during([] {
          std::vector<int> numbers(100);
          seen = numbers.data();
        }) == 1);
  CHECK(allocations_during([] {
          std::string text(100, 'x');
          seen = text.data();
        }) == 1);
  CHECK(allocations_during([] {
          Eigen::VectorXd vector(100);
          seen = vector.data();
        }) == 1);
}

TEST_CASE("heap guard sees Eigen pack the operands of a large product") {
  if (!heap_guard_active()) return;
  // 300 x 300 doubles are more than the 128 KiB that Eigen packs on the stack.
  const Eigen::MatrixXd left = Eigen::MatrixXd::Random(300, 300);
  const Eigen::MatrixXd right = Eigen::MatrixXd::Random(300, 300);
  Eigen::MatrixXd product(300, 300);
  CHECK(allocations_during([&] { product.noalias() = left * right; }) > 0);
}

TEST_CASE("heap guard sees other threads") {
  if (!heap_guard_active()) return;
  constexpr int repetitions = 1000;
  const auto counted = allocations_during([] {
    std::thread other([] {
      for (int i = 0; i < repetitions; ++i) {
        void* memory = std::malloc(10);
        seen = memory;
        std::free(memory);
      }
    });
    other.join();
  });
  // Starting the thread takes a few more.
  CHECK(counted >= repetitions);
  CHECK(counted < repetitions + 20);
}

TEST_CASE("heap guard starts from zero and nests") {
  if (!heap_guard_active()) return;
  const HeapGuard outer;
  seen = std::malloc(10);
  std::free(seen);
  const HeapGuard inner;
  seen = std::malloc(10);
  std::free(seen);
  const std::uint64_t inner_count = inner.allocations();
  const std::uint64_t outer_count = outer.allocations();
  CHECK(inner_count == 1);
  CHECK(outer_count == 2);
}

TEST_CASE("a heap peak is the most that was held at once") {
  if (!heap_guard_active()) return;
  const auto peak_of = [](const std::function<void()>& work) {
    const HeapPeak peak;
    work();
    return peak.bytes();
  };
  const auto near = [](std::size_t bytes, std::size_t expected) {
    return bytes >= expected && bytes < expected + expected / 8;
  };
  CHECK(peak_of([] {}) == 0);
  CHECK(near(peak_of([] {
               for (int i = 0; i < 5; ++i) {
                 const std::vector<char> one(100'000);
                 seen = const_cast<char*>(one.data());
                 const std::vector<char> two(200'000);
                 seen = const_cast<char*>(two.data());
               }
             }),
             300'000));
  CHECK(near(peak_of([] {
               void* memory = std::malloc(100'000);
               memory = std::realloc(memory, 400'000);
               seen = memory;
               std::free(memory);
               seen = std::calloc(10, 10'000);
               std::free(seen);
             }),
             400'000));
}

TEST_CASE("a heap ban aborts at the first allocation, and only while it lives") {
  if (!heap_guard_active()) return;
  const auto status_of = [](bool during) {
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);  // not doctest's
      close(STDERR_FILENO);
      void* const before = std::malloc(10);
      {
        const HeapBan ban;
        std::free(before);
        if (during) seen = std::malloc(10);
      }
      seen = std::malloc(10);
      _exit(7);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
  };
  const int allocates = status_of(true);
  CHECK(WIFSIGNALED(allocates));
  CHECK(WTERMSIG(allocates) == SIGABRT);
  const int does_not = status_of(false);
  CHECK(WIFEXITED(does_not));
  CHECK(WEXITSTATUS(does_not) == 7);
}
