// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#endif

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Calls body(line) for every line of a small file that the kernel generates, such as a file in
/// /proc; lines longer than 4 KiB come in pieces. Does nothing if there is no such file, or on
/// systems other than Linux. Makes no heap call and does not use stdio, whose memory would dominate
/// what memory reports measure.
template <typename Body>
void read_lines([[maybe_unused]] const char* path, [[maybe_unused]] Body body) {
#if defined(__linux__)
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  std::array<char, 4096> buffer;
  std::size_t filled = 0;
  while (true) {
    const ssize_t got = ::read(file, buffer.data() + filled, buffer.size() - filled);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
    std::string_view rest(buffer.data(), filled);
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      body(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == buffer.size()) {
      body(rest);
      rest = {};
    }
    std::copy(rest.begin(), rest.end(), buffer.begin());
    filled = rest.size();
  }
  if (filled > 0) body(std::string_view(buffer.data(), filled));
  ::close(file);
#endif
}

}  // namespace OCTAVO_NAMESPACE::detail
