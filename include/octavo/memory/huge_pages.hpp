// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Size of a huge page on x86-64, and on 64-bit Arm with pages of 4 KiB.
inline constexpr std::size_t huge_page_bytes = std::size_t{1} << 21;

/// Asks the system to back memory with huge pages: matrices whose rows lie in many pages then need
/// few entries of the processor's TLB. This is advice, and no result depends on it. It uses no
/// additional memory, because only huge pages that lie wholly inside are requested.
inline void prefer_huge_pages([[maybe_unused]] std::span<std::byte> memory) noexcept {
#if defined(MADV_HUGEPAGE)
  if (memory.size() < huge_page_bytes) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t begin = (first + page - 1) / page * page;
  const std::uintptr_t end = (first + memory.size()) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace OCTAVO_NAMESPACE
