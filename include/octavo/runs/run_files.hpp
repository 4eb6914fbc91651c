// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>

// Which files a run writes, and whether one that is read would be replaced.
namespace OCTAVO_NAMESPACE {

/// The files of a run's folder, but for its checkpoints, that are not added to but replaced.
inline constexpr std::array<std::string_view, 5> replaced_run_files{
    "model.safetensors", "best.safetensors", "metrics.csv", "samples.tsv", "report.html"};

/// Whether a run has a file of that name in its folder.
inline bool is_run_file(std::string_view name) {
  return std::find(replaced_run_files.begin(), replaced_run_files.end(), name) !=
             replaced_run_files.end() ||
         name.starts_with("checkpoint-") || name == ".lock";
}

/// Whether two names lead to the same file or folder, which is there.
inline bool are_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code unknown;
  return std::filesystem::equivalent(a, b, unknown) && !unknown;
}

/// The folder of a file; "." where its name says none.
inline std::filesystem::path folder_of_file(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

/// Whether a file that is there lies in `folder`, or in one of the folders in it, by whatever name.
inline bool lies_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code unknown, none;
  if (!std::filesystem::is_directory(folder, unknown)) return false;
  const auto file = std::filesystem::canonical(path, unknown);
  const auto top = std::filesystem::canonical(folder, none);
  return !unknown && !none &&
         std::mismatch(top.begin(), top.end(), file.begin(), file.end()).first == top.end();
}

/// ConfigError, which begins with `setting`, if writing `output` would replace one of `inputs` (or,
/// with `below`, a file in one of them that is a folder), by whatever name. Empty names are none.
inline void require_not_input(std::string_view setting, const std::string& output,
                              std::span<const std::string> inputs, bool below = false) {
  for (const std::string& input : inputs) {
    if (input.empty()) continue;
    if (!are_same_file(output, input) && !(below && lies_below(output, input))) continue;
    throw ConfigError(
        detail::concat({setting, ": got ", printable(output), ", which would replace what is read",
                        output == input ? "" : " from ", output == input ? "" : printable(input)}),
        "name another file");
  }
}

}  // namespace OCTAVO_NAMESPACE
