// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/files/file_descriptor.hpp>
#include <octavo/files/list_directory.hpp>

namespace OCTAVO_NAMESPACE {

/// The earlier runs of a folder, in its subfolders "earlier-1", "earlier-2" and so on, which are
/// never written to again. (A folder "earlier" without a number is from version 1 and stays
/// unchanged.) Files that belong together are moved to "earlier.part", which is renamed to the next
/// number when all files are safely on the disk. If the process is killed, each file is either in
/// its old or in its new place, and recover() undoes an unfinished move.
class EarlierRuns {
 public:
  explicit EarlierRuns(std::string folder, FileSystem& files = real_file_system())
      : folder_(std::move(folder)), files_(files) {}

  /// Whether a killed process left an unfinished move.
  bool is_unfinished() const { return exists(part()); }

  /// Undoes an unfinished move of a killed process. The caller must hold the folder's lock.
  void recover() const {
    if (!is_unfinished()) return;
    std::error_code error;
    bool empty = true;
    for (const std::string& name : list_directory(part(), error)) {
      if (name == "." || name == "..") continue;
      const std::string place = in(folder_, name);
      empty = !exists(place) && rename(in(part(), name), place) && empty;
    }
    if (error) return;
    if (empty) {
      detail::uninterrupted([&] { return files_.rmdir(part().c_str()); });
    } else {
      rename(part(), next());  // a new file has this name
    }
  }

  /// Moves the files with these names, in this order; missing files are skipped. Returns the folder
  /// that they are moved to. IoError of code cannot_create if a file cannot be moved; then all are
  /// in their old places.
  std::string move(std::span<const std::string> names) const {
    recover();
    const std::string to = next();
    const auto moved = [&](const std::string& name) {
      return rename(in(folder_, name), in(part(), name)) || errno == ENOENT;
    };
    const bool done = files_.mkdir(part().c_str(), 0777) == 0 &&
                      std::all_of(names.begin(), names.end(), moved) &&
                      detail::flush_folder(files_, part()) == 0 &&
                      detail::flush_folder(files_, folder_) == 0 && rename(part(), to);
    if (!done) {
      const std::error_code reason = detail::last_error();
      recover();
      throw IoError(ErrorCode::cannot_create,
                    detail::concat({"cannot move the files of an earlier run to ", printable(to)}),
                    reason, "choose another folder");
    }
    detail::flush_folder(files_, folder_);
    return to;
  }

 private:
  static std::string in(const std::string& folder, std::string_view name) {
    return detail::concat({folder, "/", name});
  }
  std::string part() const { return in(folder_, "earlier.part"); }

  /// The path with the first number after all existing ones.
  std::string next() const {
    constexpr std::string_view start = "earlier-";
    constexpr Index most = 1'000'000'000;  // larger numbers do not count
    Index last = 0;
    std::error_code ignored;
    for (const std::string& name : list_directory(folder_, ignored)) {
      if (!name.starts_with(start)) continue;
      Index number = 0;
      const std::string_view digits = std::string_view(name).substr(start.size());
      if (parse_whole(digits, number) && number < most) last = std::max(last, number);
    }
    const auto numbered = [&](Index number) {
      return in(folder_, detail::concat({start, number}));
    };
    do {
      ++last;
    } while (exists(numbered(last)));
    return numbered(last);
  }

  bool exists(const std::string& path) const {
    struct stat status {};
    return detail::uninterrupted([&] { return files_.stat(path.c_str(), &status); }) == 0;
  }
  bool rename(const std::string& from, const std::string& to) const {
    return detail::uninterrupted([&] { return files_.rename(from.c_str(), to.c_str()); }) == 0;
  }

  std::string folder_;
  FileSystem& files_;
};

}  // namespace OCTAVO_NAMESPACE
