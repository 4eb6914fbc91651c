// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <unistd.h>

#include <octavo/base/error.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace octavo {

namespace detail {

/// Fills `bytes` from byte `offset` on. Throws an Error of code io if reading fails or the file
/// ends before.
inline void read_at(const OpenedFile& opened, const std::string& path, std::size_t offset,
                    std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t wanted = std::min(bytes.size() - done, std::size_t{1} << 30);
    const ssize_t got =
        ::pread(opened.file.get(), bytes.data() + done, wanted, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw IoError(ErrorCode::io,
                    "cannot read " + printable(path) + " at byte " + std::to_string(offset + done),
                    last_error());
    }
    if (got == 0) {
      throw Error(ErrorCode::io, "cannot read " + printable(path) + ": it shrank to " +
                                     std::to_string(offset + done) + " of " +
                                     std::to_string(opened.size) + " bytes while being read");
    }
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace detail

/// The bytes of a regular file. Throws an Error of code no_input if it cannot be opened, is no
/// regular file or has more than `limit` bytes; io if reading fails or the file shrinks meanwhile.
inline std::string read_file(const std::string& path, std::size_t limit = std::size_t{1} << 36) {
  const detail::OpenedFile opened = detail::open_regular_file(path);
  if (opened.size > limit) {
    throw Error(ErrorCode::no_input, "cannot read " + printable(path) + ": it has " +
                                         std::to_string(opened.size) + " bytes, expected at most " +
                                         std::to_string(limit));
  }
  std::string bytes(opened.size, '\0');
  detail::read_at(opened, path, 0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace octavo
