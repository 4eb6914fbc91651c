// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#if defined(__linux__)
#include <unistd.h>
#endif

#include <octavo/base/read_lines.hpp>

namespace OCTAVO_NAMESPACE {

/// Memory of this process as the operating system counts it; 0 if it does not report it.
struct ProcessMemory {
  std::size_t resident_bytes = 0;  ///< now (Linux: VmRSS)
  std::size_t peak_bytes = 0;      ///< the most so far (Linux: VmHWM)
  /// Resident bytes that do not belong to a file: heap, stacks, arenas (Linux: RssAnon). The system
  /// reclaims a file's pages when it needs memory, but not these.
  std::size_t anonymous_bytes = 0;
};

/// Resident bytes of this process under one name in a report.
struct ResidentPart {
  std::string name;
  std::size_t bytes = 0;
};

namespace detail {

/// The bytes in a line such as "VmHWM:     1234 kB" if it begins with `name`, else 0.
OCTAVO_INLINE std::size_t bytes_in_line(std::string_view line, std::string_view name) noexcept;

/// The name in a report of a mapping of /proc/self/smaps; `path` is its last column.
OCTAVO_INLINE std::string resident_name(std::string_view path, std::string_view program);

/// The last column of a line such as "7f31-7f35 r-xp 00000000 fe:00 123   /usr/lib/libc.so.6".
OCTAVO_INLINE std::string_view mapped_path(std::string_view line);

/// The path of this program's file; empty if the system does not report it.
OCTAVO_INLINE std::string program_path();

}  // namespace detail

/// Reads /proc/self/status; zeros on systems without it. Makes no heap call.
OCTAVO_INLINE ProcessMemory process_memory();

/// The resident memory of this process by name, largest first: "program" (its code, constants and
/// initialised globals), each shared library or other mapped file by its base name, "heap",
/// "stack", "kernel (vdso)", and "arena, thread stacks, large blocks": all unnamed memory, that is
/// arenas, large allocations, stacks and heaps of other threads, and zero-initialised globals,
/// which the kernel does not distinguish. A page shared with other processes counts in full. Reads
/// /proc/self/smaps, which walks every page; empty on systems without it.
OCTAVO_INLINE std::vector<ResidentPart> resident_parts();

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE std::size_t bytes_in_line(std::string_view line, std::string_view name) noexcept {
  if (!line.starts_with(name)) return 0;
  const std::size_t digit = line.find_first_of("0123456789");
  std::size_t kibibytes = 0;
  if (digit != line.npos) {
    std::from_chars(line.data() + digit, line.data() + line.size(), kibibytes);
  }
  return kibibytes * 1024;
}

OCTAVO_INLINE std::string resident_name(std::string_view path, std::string_view program) {
  if (path.empty() || path.starts_with("[anon") || path.starts_with("[stack:")) {
    return "arena, thread stacks, large blocks";
  }
  if (path == program) return "program";
  if (path == "[heap]") return "heap";
  if (path == "[stack]") return "stack";
  if (path.starts_with('[')) return "kernel (vdso)";
  return std::string(path.substr(path.rfind('/') + 1));
}

OCTAVO_INLINE std::string_view mapped_path(std::string_view line) {
  for (int column = 0; column < 5; ++column) {
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  }
  return line;
}

OCTAVO_INLINE std::string program_path() {
#if defined(__linux__)
  std::array<char, 4096> path;
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  return std::string(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
#else
  return {};
#endif
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE ProcessMemory process_memory() {
  ProcessMemory memory;
  detail::read_lines("/proc/self/status", [&](std::string_view line) {
    memory.peak_bytes += detail::bytes_in_line(line, "VmHWM:");
    memory.resident_bytes += detail::bytes_in_line(line, "VmRSS:");
    memory.anonymous_bytes += detail::bytes_in_line(line, "RssAnon:");
  });
  return memory;
}

OCTAVO_INLINE std::vector<ResidentPart> resident_parts() {
  std::vector<ResidentPart> parts;
  const std::string program = detail::program_path();
  std::string name;
  detail::read_lines("/proc/self/smaps", [&](std::string_view line) {
    if (line.substr(0, line.find(' ')).find('-') != line.npos) {
      name = detail::resident_name(detail::mapped_path(line), program);
    }
    const std::size_t bytes = detail::bytes_in_line(line, "Rss:");
    if (bytes == 0) return;
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const ResidentPart& other) { return other.name == name; });
    if (part == parts.end()) part = parts.insert(part, {name, 0});
    part->bytes += bytes;
  });
  std::sort(parts.begin(), parts.end(), [](const ResidentPart& left, const ResidentPart& right) {
    return left.bytes != right.bytes ? left.bytes > right.bytes : left.name < right.name;
  });
  return parts;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
