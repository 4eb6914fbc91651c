// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>

#include <doctest/doctest.h>

#include <octavo/memory/process_memory.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#endif

using namespace octavo;

TEST_CASE("a mapping is called by what it is") {
  const auto name = [](std::string_view path) { return detail::resident_name(path, "/bin/run"); };
  CHECK(name("/bin/run") == "program");
  CHECK(name("/usr/lib/libc.so.6") == "libc.so.6");
  CHECK(name("/data/a text.bin") == "a text.bin");
  CHECK(name("[heap]") == "heap");
  CHECK(name("[stack]") == "stack");
  CHECK(name("[vvar]") == "kernel (vdso)");
  CHECK(name("") == "arena, thread stacks, large blocks");
  CHECK(name("[anon:arena]") == "arena, thread stacks, large blocks");
  CHECK(detail::resident_name("", "") == "arena, thread stacks, large blocks");
}

#if defined(__linux__)
namespace {

std::size_t sum_of(const std::vector<ResidentPart>& parts) {
  std::size_t sum = 0;
  for (const ResidentPart& part : parts) sum += part.bytes;
  return sum;
}

std::size_t bytes_of(const std::vector<ResidentPart>& parts, std::string_view name) {
  std::size_t bytes = 0;
  for (const ResidentPart& part : parts) bytes += part.name == name ? part.bytes : 0;
  return bytes;
}

}  // namespace

TEST_CASE("the resident parts add up to what the process holds") {
  const auto parts = resident_parts();
  REQUIRE(!parts.empty());
  const double whole = static_cast<double>(process_memory().resident_bytes);
  CHECK(static_cast<double>(sum_of(parts)) > 0.8 * whole);
  CHECK(static_cast<double>(sum_of(parts)) < 1.2 * whole);
  CHECK(process_memory().anonymous_bytes > 0);
  CHECK(static_cast<double>(process_memory().anonymous_bytes) < whole);
  CHECK(bytes_of(parts, "program") > 0);
  CHECK(bytes_of(parts, "stack") > 0);
  for (const ResidentPart& part : parts) {
    CHECK(part.bytes > 0);
    CHECK(!part.name.empty());
  }
  for (std::size_t i = 1; i < parts.size(); ++i) CHECK(parts[i - 1].bytes >= parts[i].bytes);
}

TEST_CASE("a block counts once it is touched") {
  constexpr std::size_t size = 8 << 20;
  // Straight from the system: malloc might hand out pages that are already resident.
  void* const block =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(block != MAP_FAILED);
  const auto before = resident_parts();
  std::fill_n(static_cast<volatile char*>(block), size, char{1});
  const auto after = resident_parts();
  munmap(block, size);
  CHECK(sum_of(after) >= sum_of(before) + size);
  const char* const name = "arena, thread stacks, large blocks";
  CHECK(bytes_of(after, name) >= bytes_of(before, name) + size);
  CHECK(sum_of(after) < sum_of(before) + 2 * size);
}
#endif
