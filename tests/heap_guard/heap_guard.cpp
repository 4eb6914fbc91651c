// SPDX-License-Identifier: MIT
// Defines the C library's allocation functions in the program itself, where the dynamic linker
// finds them first: they count, abort if the heap is banned, and hand over to glibc.

#include "heap_guard/heap_guard.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define OCTAVO_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OCTAVO_TEST_SANITIZED
#endif
#if defined(__GLIBC__) && !defined(OCTAVO_TEST_SANITIZED)
#define OCTAVO_TEST_COUNTS_ALLOCATIONS
#endif

namespace {

// Constant-initialised: the first malloc comes before any constructor of this program runs.
constinit std::atomic<std::uint64_t> allocations = 0;
constinit std::atomic<int> bans = 0;
constinit std::atomic<std::int64_t> bytes_held = 0;
constinit std::atomic<std::int64_t> most_bytes_held = 0;

#if defined(OCTAVO_TEST_COUNTS_ALLOCATIONS)
void count_allocation() noexcept {
  ++allocations;
  if (bans.exchange(0) == 0) return;  // lifted, so that whoever reports the abort may allocate
  constexpr char message[] = "heap guard: an allocation while the heap is banned\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, sizeof(message) - 1);
  std::abort();
}

std::int64_t size_of(void* memory) noexcept {
  return static_cast<std::int64_t>(malloc_usable_size(memory));
}

void* taken(void* memory) noexcept {
  const std::int64_t held = bytes_held += size_of(memory);
  std::int64_t most = most_bytes_held.load();
  while (held > most && !most_bytes_held.compare_exchange_weak(most, held)) {
  }
  return memory;
}
#endif

}  // namespace

namespace octavo_test {

bool heap_guard_active() noexcept {
#if defined(OCTAVO_TEST_COUNTS_ALLOCATIONS)
  return true;
#else
  return false;
#endif
}

std::uint64_t heap_allocations() noexcept { return allocations.load(); }

HeapBan::HeapBan() noexcept { ++bans; }
HeapBan::~HeapBan() { --bans; }

HeapPeak::HeapPeak() noexcept : start_(bytes_held.load()) { most_bytes_held = start_; }

std::size_t HeapPeak::bytes() const noexcept {
  return static_cast<std::size_t>(most_bytes_held.load() - start_);
}

}  // namespace octavo_test

#if defined(OCTAVO_TEST_COUNTS_ALLOCATIONS)

extern "C" {

void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* memory);

void* malloc(std::size_t bytes) noexcept {
  count_allocation();
  return taken(__libc_malloc(bytes));
}

void* calloc(std::size_t count, std::size_t bytes) noexcept {
  count_allocation();
  return taken(__libc_calloc(count, bytes));
}

void* realloc(void* memory, std::size_t bytes) noexcept {
  count_allocation();
  const std::int64_t before = size_of(memory);
  void* const result = __libc_realloc(memory, bytes);
  if (result == nullptr && bytes != 0) return nullptr;  // the old memory is still there
  bytes_held -= before;
  return taken(result);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  count_allocation();
  return taken(__libc_memalign(alignment, bytes));
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign(alignment, bytes);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (!power_of_two || alignment % sizeof(void*) != 0) return EINVAL;
  void* const result = memalign(alignment, bytes);
  if (result == nullptr) return ENOMEM;
  *memory = result;
  return 0;
}

void free(void* memory) noexcept {
  bytes_held -= size_of(memory);
  __libc_free(memory);
}

}  // extern "C"

#endif
