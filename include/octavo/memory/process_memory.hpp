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
#include <fcntl.h>
#include <unistd.h>
#endif

#include <octavo/files/file_descriptor.hpp>

namespace octavo {

/// Memory of this process as the operating system counts it; 0 where it does not tell.
struct ProcessMemory {
  std::size_t resident_bytes = 0;  ///< now (Linux: VmRSS)
  std::size_t peak_bytes = 0;      ///< the most so far (Linux: VmHWM)
};

/// Resident bytes of this process under one name.
struct ResidentPart {
  std::string name;
  std::size_t bytes = 0;
};

namespace detail {

/// Calls body(line) for every line of a file below /proc; lines longer than 4 KiB come in pieces.
/// Without stdio, which would be the larger part of what it measures.
template <typename Body>
void for_each_line(const char* path, Body body) {
#if defined(__linux__)
  const FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer;
  std::size_t filled = 0;
  while (file) {
    const ssize_t got = ::read(file.get(), buffer.data() + filled, buffer.size() - filled);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
    std::string_view rest(buffer.data(), filled);
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      body(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == buffer.size()) rest = {};
    std::copy(rest.begin(), rest.end(), buffer.begin());
    filled = rest.size();
  }
#else
  static_cast<void>(path);
  static_cast<void>(body);
#endif
}

/// The bytes that a line such as "VmHWM:     1234 kB" tells, if it begins with `name`; else 0.
inline std::size_t bytes_in_line(std::string_view line, std::string_view name) noexcept {
  if (!line.starts_with(name)) return 0;
  const std::size_t digit = line.find_first_of("0123456789");
  std::size_t kibibytes = 0;
  if (digit != line.npos) {
    std::from_chars(line.data() + digit, line.data() + line.size(), kibibytes);
  }
  return kibibytes * 1024;
}

/// What a line such as "7f31-7f35 r-xp 00000000 fe:00 123   /usr/lib/libc.so.6" maps, for people.
inline std::string_view mapping_name(std::string_view line) {
  const std::size_t slash = line.find('/');
  const std::size_t bracket = line.find('[');
  if (slash != line.npos) return line.substr(line.rfind('/') + 1);
  if (bracket == line.npos) return "anonymous: arena, thread stacks";
  const std::string_view kind = line.substr(bracket + 1, line.find(']') - bracket - 1);
  return kind == "heap" || kind == "stack" ? kind : "system";
}

}  // namespace detail

/// Reads /proc/self/status; zeros on systems that have none. No heap call.
inline ProcessMemory process_memory() {
  ProcessMemory memory;
  detail::for_each_line("/proc/self/status", [&](std::string_view line) {
    memory.peak_bytes += detail::bytes_in_line(line, "VmHWM:");
    memory.resident_bytes += detail::bytes_in_line(line, "VmRSS:");
  });
  return memory;
}

/// Where the resident bytes lie: files (program, libraries) by name, heap, stack, anonymous memory.
/// Reads /proc/self/smaps; empty on systems that have none.
inline std::vector<ResidentPart> resident_parts() {
  std::vector<ResidentPart> parts;
  std::string name;
  detail::for_each_line("/proc/self/smaps", [&](std::string_view line) {
    const std::size_t bytes = detail::bytes_in_line(line, "Rss:");
    if (line.substr(0, line.find(' ')).find('-') != line.npos) name = detail::mapping_name(line);
    if (bytes == 0) return;
    const auto same = [&](const ResidentPart& part) { return part.name == name; };
    const auto known = std::find_if(parts.begin(), parts.end(), same);
    if (known == parts.end()) {
      parts.push_back({name, bytes});
    } else {
      known->bytes += bytes;
    }
  });
  return parts;
}

}  // namespace octavo
