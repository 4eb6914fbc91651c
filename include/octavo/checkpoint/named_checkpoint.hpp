// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/list_directory.hpp>
#include <octavo/formats/folder_hint.hpp>

namespace OCTAVO_NAMESPACE {

/// A checkpoint in a folder, identified only by its name.
struct NamedCheckpoint {
  Index step = 0;
  std::string path;
};

namespace detail {

inline constexpr std::string_view checkpoint_start = "checkpoint-";
inline constexpr std::string_view checkpoint_end = ".safetensors";

/// "checkpoint-00000500.safetensors"; names sort as steps do.
inline std::string checkpoint_name(Index step) {
  std::string digits = std::to_string(step);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  return std::string(checkpoint_start) + digits + std::string(checkpoint_end);
}

inline std::optional<Index> step_of_name(std::string_view name) {
  if (!name.starts_with(checkpoint_start) || !name.ends_with(checkpoint_end)) return std::nullopt;
  name.remove_prefix(checkpoint_start.size());
  name.remove_suffix(std::min(name.size(), checkpoint_end.size()));
  Index step = 0;
  if (!parse_whole(name, step) || step < 0) return std::nullopt;
  return step;
}

inline std::vector<NamedCheckpoint> find_checkpoints(const std::string& folder,
                                                     std::error_code& error) {
  std::vector<NamedCheckpoint> found;
  for (const std::string& name : list_directory(folder, error)) {
    if (const auto step = step_of_name(name))
      found.push_back({*step, detail::concat({folder, "/", name})});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.step > b.step; });
  return found;
}

}  // namespace detail

/// The checkpoints of a folder, newest first. Error of code no_input if it cannot be read.
inline std::vector<NamedCheckpoint> find_checkpoints(const std::string& folder) {
  std::error_code error;
  std::vector<NamedCheckpoint> found = detail::find_checkpoints(folder, error);
  if (error) {
    throw IoError(ErrorCode::no_input, detail::concat({"cannot read folder ", printable(folder)}),
                  error, "name a checkpoint or a folder that holds one");
  }
  return found;
}

/// The newest checkpoint of a folder that is valid and of this kind of model; `skipped` is called
/// with the errors of the others. `files` opens them; the folder itself is listed by the operating
/// system. Error of code no_input if there is none.
inline NamedCheckpoint newest_valid_checkpoint(const std::string& folder,
                                               const std::function<void(const Error&)>& skipped,
                                               const CheckpointKinds& kinds = {},
                                               FileSystem& files = real_file_system()) {
  const std::vector<NamedCheckpoint> found = find_checkpoints(folder);
  for (const NamedCheckpoint& checkpoint : found) {
    try {
      const FileSource source(checkpoint.path, files);
      CheckpointFile(source, kinds).verify();
      return checkpoint;
    } catch (const Error& error) {
      if (skipped) skipped(error);
    }
  }
  throw Error(ErrorCode::no_input,
              detail::concat({"there is no ", found.empty() ? "" : "valid ", "checkpoint in ",
                              printable(folder)}),
              found.empty()
                  ? detail::folder_hint(folder, "name a folder to which a run has been saved")
                  : "name another checkpoint, or the folder of another run");
}

}  // namespace OCTAVO_NAMESPACE
