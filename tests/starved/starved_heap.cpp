// SPDX-License-Identifier: MIT
// A heap that refuses: linked into a program, it fails the allocation whose number the environment
// variable OCTAVO_REFUSE names, counted from 1, and with a "+" behind the number all later ones. It
// says so once on standard error.
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <unistd.h>

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

unsigned long count = 0;
unsigned long refused_number = 0;
bool refuses_later = false;
bool ready = false;

/// Reads the variable without allocating; programs allocate before main.
void get_ready() {
  ready = true;
  const char* text = std::getenv("OCTAVO_REFUSE");
  if (text == nullptr) return;
  for (; *text >= '0' && *text <= '9'; ++text) {
    refused_number = 10 * refused_number + static_cast<unsigned long>(*text - '0');
  }
  refuses_later = *text == '+';
}

bool refuses() {
  if (!ready) get_ready();
  ++count;
  const bool refused =
      count == refused_number || (refuses_later && refused_number > 0 && count > refused_number);
  if (count == refused_number) {
    constexpr char message[] = "heap: refused\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, sizeof(message) - 1);
  }
  if (refused) errno = ENOMEM;
  return refused;
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) noexcept { return refuses() ? nullptr : __libc_malloc(bytes); }
void* calloc(std::size_t number, std::size_t bytes) noexcept {
  return refuses() ? nullptr : __libc_calloc(number, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  return refuses() ? nullptr : __libc_realloc(memory, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return refuses() ? nullptr : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
