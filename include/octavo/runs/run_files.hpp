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

// The files that a run writes, and checks that it does not replace files that it reads.
namespace OCTAVO_NAMESPACE {

/// The files of a run's folder, other than checkpoints, that are replaced as a whole.
inline constexpr std::array<std::string_view, 6> replaced_run_files{
    "model.safetensors", "best.safetensors", "metrics.csv",
    "samples.tsv",       "answers.tsv",      "report.html"};

/// Whether `name` is the name of a file in a run's folder.
inline bool is_run_file(std::string_view name) {
  return std::find(replaced_run_files.begin(), replaced_run_files.end(), name) !=
             replaced_run_files.end() ||
         name.starts_with("checkpoint-") || name == ".lock";
}

/// Whether two paths name the same existing file or folder.
inline bool are_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code unknown;
  return std::filesystem::equivalent(a, b, unknown) && !unknown;
}

/// The folder of a file; "." if its path has none.
inline std::filesystem::path folder_of_file(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

/// Whether an existing file is in `folder` or in one of its subfolders, under any name.
inline bool lies_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code unknown, none;
  if (!std::filesystem::is_directory(folder, unknown)) return false;
  const auto file = std::filesystem::canonical(path, unknown);
  const auto top = std::filesystem::canonical(folder, none);
  return !unknown && !none &&
         std::mismatch(top.begin(), top.end(), file.begin(), file.end()).first == top.end();
}

/// ConfigError, starting with `setting`, if writing `output` would replace one of `inputs` (or,
/// with `below`, a file in an input folder), under any name. Empty names are ignored.
inline void require_not_input(std::string_view setting, const std::string& output,
                              std::span<const std::string> inputs, bool below = false) {
  for (const std::string& input : inputs) {
    if (input.empty()) continue;
    if (!are_same_file(output, input) && !(below && lies_below(output, input))) continue;
    throw ConfigError(
        detail::concat({setting, ": got ", printable(output), ", which would replace an input",
                        output == input ? "" : " from ", output == input ? "" : printable(input)}),
        "name another file");
  }
}

}  // namespace OCTAVO_NAMESPACE
