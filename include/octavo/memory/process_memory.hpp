// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>

namespace octavo {

/// Memory of this process as the operating system counts it; 0 where it does not tell.
struct ProcessMemory {
  std::size_t resident_bytes = 0;  ///< now (Linux: VmRSS)
  std::size_t peak_bytes = 0;      ///< the most so far (Linux: VmHWM)
};

/// Reads /proc/self/status; zeros on systems that have none.
inline ProcessMemory process_memory() noexcept {
  ProcessMemory memory;
#if defined(__linux__)
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return memory;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    unsigned long long kibibytes = 0;
    if (std::sscanf(line, "VmHWM: %llu kB", &kibibytes) == 1) memory.peak_bytes = kibibytes * 1024;
    if (std::sscanf(line, "VmRSS: %llu kB", &kibibytes) == 1) {
      memory.resident_bytes = kibibytes * 1024;
    }
  }
  std::fclose(file);
#endif
  return memory;
}

}  // namespace octavo
