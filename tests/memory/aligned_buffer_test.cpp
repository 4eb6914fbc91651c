// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <heap_guard/heap_guard.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/memory/aligned_buffer.hpp>

using namespace octavo;

static_assert(!std::is_copy_constructible_v<AlignedBuffer<float>>);
static_assert(std::is_nothrow_move_constructible_v<AlignedBuffer<float>>);
static_assert(std::is_convertible_v<AlignedBuffer<float>&, std::span<float>>);
static_assert(std::is_convertible_v<const AlignedBuffer<float>&, std::span<const float>>);
static_assert(!std::is_convertible_v<const AlignedBuffer<float>&, std::span<float>>);

namespace {

std::uintptr_t address(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }

/// The flags of the mapping that a place lies in (proc(5), smaps); empty where nobody tells.
std::string flags_of_mapping(const void* place) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= address(place) && address(place) < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE("a buffer begins with a cache line, is zero, and goes where a span goes", T,
                   std::byte, float, double) {
  for (const std::size_t size : {1u, 3u, 16u, 17u, 1000u, 100'000u}) {
    AlignedBuffer<T> buffer(size);
    CHECK(address(buffer.data()) % 64 == 0);
    CHECK(buffer.size() == size);
    CHECK(std::ranges::all_of(buffer, [](T x) { return x == T{}; }));
    const std::span<T> numbers = buffer;
    CHECK(numbers.data() == buffer.data());
    CHECK(numbers.size() == size);
    buffer[size - 1] = T{1};
    CHECK(std::as_const(buffer).end()[-1] == T{1});
  }
}

TEST_CASE("a large buffer begins with a huge page, and the system is asked for them") {
  const AlignedBuffer<float> buffer(2 * huge_page_bytes / sizeof(float) + 5);
  CHECK(address(buffer.data()) % huge_page_bytes == 0);
  CHECK(std::ranges::all_of(buffer, [](float x) { return x == 0; }));
  const std::string flags = flags_of_mapping(buffer.data() + buffer.size() / 2);
#if defined(MADV_HUGEPAGE)
  // Kernels without huge pages refuse the advice.
  const bool can = std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").good();
  if (can && !flags.empty()) CHECK(flags.find(" hg ") != std::string::npos);
#endif
}

TEST_CASE("moving a buffer hands its memory over and leaves nothing behind") {
  AlignedBuffer<float> first(2 * huge_page_bytes), second(5);
  const float* const place = first.data();
  second = std::move(first);
  CHECK(second.data() == place);
  CHECK(second.size() == 2 * huge_page_bytes);
  CHECK(first.empty());
  CHECK(first.begin() == first.end());
  const AlignedBuffer<float> third(std::move(second));
  CHECK(third.data() == place);
  CHECK(second.empty());
  CHECK(AlignedBuffer<float>().empty());
  CHECK(AlignedBuffer<float>(0).empty());
}

TEST_CASE("memory that the machine does not have is an error with the number") {
  if (!octavo_test::heap_guard_active())
    return;  // a sanitizer's allocator ends the program instead
  CHECK_THROWS_WITH_AS(AlignedBuffer<float>(std::size_t{1} << 58),
                       "the machine refused 1.15 EB of memory (1152921504606846976 bytes)", Error);
  CHECK_THROWS_AS(AlignedBuffer<double>(std::size_t{1} << 61), ConfigError);
}
