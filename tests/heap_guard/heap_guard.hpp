// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace octavo_test {

/// Whether this program counts heap allocations. Not under a sanitizer (which brings its own
/// malloc) nor with a C library other than glibc: there HeapGuard and HeapPeak report 0 whatever
/// happens, so a test that proves an allocation must ask first.
bool heap_guard_active() noexcept;

/// Heap allocations of all threads since the program started.
std::uint64_t heap_allocations() noexcept;

/// Counts the heap allocations of every thread (malloc, calloc, realloc, aligned_alloc,
/// posix_memalign, memalign, and operator new through them) from its construction on:
///
///     const HeapGuard guard;
///     step();
///     CHECK(guard.allocations() == 0);
///
/// doctest allocates inside its macros, so read allocations() once, into a variable, before the
/// first CHECK that follows the guarded work.
class HeapGuard {
 public:
  HeapGuard() noexcept : start_(heap_allocations()) {}
  HeapGuard(const HeapGuard&) = delete;
  HeapGuard& operator=(const HeapGuard&) = delete;

  std::uint64_t allocations() const noexcept { return heap_allocations() - start_; }

 private:
  std::uint64_t start_;
};

/// The most bytes that the heap has held at once since its construction, beyond those it held then:
///
///     const HeapPeak peak;
///     load();
///     const std::size_t bytes = peak.bytes();
///
/// One at a time. Counts what the C library sets aside, a little more than was asked for.
class HeapPeak {
 public:
  HeapPeak() noexcept;
  HeapPeak(const HeapPeak&) = delete;
  HeapPeak& operator=(const HeapPeak&) = delete;

  std::size_t bytes() const noexcept;

 private:
  std::int64_t start_;
};

/// As long as one lives, the first heap allocation of any thread says so and aborts the program:
///
///     const HeapBan ban;
///     train();
///
/// No doctest macro inside. Does nothing where heap_guard_active() is false.
class HeapBan {
 public:
  HeapBan() noexcept;
  HeapBan(const HeapBan&) = delete;
  HeapBan& operator=(const HeapBan&) = delete;
  ~HeapBan();
};

}  // namespace octavo_test
