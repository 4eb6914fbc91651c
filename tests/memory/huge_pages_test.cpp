// SPDX-License-Identifier: MIT
// That buffers and arenas ask for huge pages is seen by their own tests.
#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/memory/huge_pages.hpp>

using namespace octavo;

TEST_CASE(
    "memory that may be backed by huge pages holds what it held, wherever it begins and ends") {
  std::vector<std::byte> memory(3 * huge_page_bytes, std::byte{7});
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{4095}}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, huge_page_bytes - 1,
                                   huge_page_bytes, 2 * huge_page_bytes + 1}) {
      prefer_huge_pages(std::span(memory).subspan(first, size));
    }
  }
  prefer_huge_pages({});
  CHECK(std::all_of(memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{7}; }));
}
