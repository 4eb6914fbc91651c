// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <dirent.h>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// The names in a folder, unsorted. If the folder cannot be read, `error` is the reason, and the
/// names read so far are returned. (A directory_iterator ends the process if memory runs out.)
OCTAVO_INLINE std::vector<std::string> list_directory(const std::string& folder,
                                                      std::error_code& error);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::vector<std::string> list_directory(const std::string& folder,
                                                      std::error_code& error) {
  struct Close {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> open(::opendir(folder.c_str()));
  errno = open == nullptr ? errno : 0;
  while (open != nullptr) {
    const dirent* const entry = ::readdir(open.get());
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno == ENOMEM) throw std::bad_alloc();
  error = errno == 0 ? std::error_code() : detail::last_error();
  return names;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
