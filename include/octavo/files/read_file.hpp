// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/stream.hpp>

namespace OCTAVO_NAMESPACE {

/// The bytes of a regular file, or of a stream (see is_stream) up to its end. Error of code
/// no_input if it cannot be opened, is neither of the two or has more than `limit` bytes; io if
/// reading fails or the file shrinks meanwhile.
OCTAVO_INLINE std::string read_file(const std::string& path,
                                    std::size_t limit = std::size_t{1} << 36,
                                    FileSystem& files = real_file_system());

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::string read_file(const std::string& path, std::size_t limit, FileSystem& files) {
  if (is_stream(path, files)) {
    std::string bytes;
    detail::read_stream(detail::open_stream(path, files), path, limit,
                        [&](std::span<const std::byte> piece) {
                          bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                        });
    return bytes;
  }
  const FileSource source(path, files);
  if (source.size() > limit) {
    throw Error(ErrorCode::no_input,
                detail::concat({"cannot read ", printable(path), ": it has ", source.size(),
                                " bytes, expected at most ", limit}),
                "take a part of it");
  }
  std::string bytes(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
