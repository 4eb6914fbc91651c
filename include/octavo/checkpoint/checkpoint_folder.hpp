// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/folder_lock.hpp>
#include <octavo/files/folder_names.hpp>

namespace octavo {

/// A checkpoint in a folder, by its name alone.
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
  for (const std::string& name : folder_names(folder, error)) {
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

/// The newest checkpoint of a folder that is whole; `skipped` hears about those that are not. Error
/// of code no_input if there is none.
inline NamedCheckpoint newest_valid_checkpoint(const std::string& folder,
                                               const std::function<void(const Error&)>& skipped,
                                               FileSystem& files = real_file_system()) {
  const std::vector<NamedCheckpoint> found = find_checkpoints(folder);
  for (const NamedCheckpoint& checkpoint : found) {
    try {
      const FileSource source(checkpoint.path, files);
      CheckpointFile(source).verify();
      return checkpoint;
    } catch (const Error& error) {
      if (skipped) skipped(error);
    }
  }
  throw Error(ErrorCode::no_input,
              detail::concat({"there is no ", found.empty() ? "" : "valid ", "checkpoint in ",
                              printable(folder)}),
              found.empty() ? "name a folder that train_v2 or train_full has saved a run to"
                            : "name another checkpoint, or the folder of another run");
}

/// The folder that a run saves to, locked for this process. Keeps the newest checkpoints and,
/// apart, the best: "best.safetensors".
class CheckpointFolder {
 public:
  /// Error of code cannot_create if another process works there. Removes what a killed one has left
  /// half-written.
  CheckpointFolder(std::string path, Index keep, FileSystem& files = real_file_system())
      : path_(std::move(path)), keep_(keep), files_(files), lock_(path_, files) {
    require(keep > 0, "keep: expected at least 1 checkpoint");
    std::error_code ignored;
    for (const std::string& name : folder_names(path_, ignored)) {
      if (AtomicFile::is_leftover(name)) remove(detail::concat({path_, "/", name}));
    }
  }

  const std::string& path() const noexcept { return path_; }
  std::string best() const { return detail::concat({path_, "/best.safetensors"}); }
  /// The run's numbers: see MetricsFile.
  std::string metrics() const { return detail::concat({path_, "/metrics.csv"}); }
  /// What the model wrote in its course: see SamplesFile.
  std::string samples() const { return detail::concat({path_, "/samples.tsv"}); }
  /// The page about the run: see RunReport.
  std::string report() const { return detail::concat({path_, "/report.html"}); }
  /// What it ends with: see save_model.
  std::string model() const { return detail::concat({path_, "/model.safetensors"}); }

  /// What was done with an earlier run.
  enum class SetAside { nothing, moved, replaced };

  /// Moves the checkpoints of an earlier run, its model and what it tells of itself, into the
  /// folder "earlier"; `replaced` if the run that lay there is gone. Without that a new run's
  /// checkpoints would push them out.
  SetAside set_aside() const {
    const std::vector<NamedCheckpoint> old = find_checkpoints(path_);
    if (old.empty()) return SetAside::nothing;
    std::error_code ignored;
    const bool replaces =
        !detail::find_checkpoints(detail::concat({path_, "/earlier"}), ignored).empty();
    const std::string earlier = make_room();
    if (earlier.empty()) throw not_moved();
    for (const NamedCheckpoint& one : old) {
      if (!move(one.path, earlier)) throw not_moved();
    }
    for (const std::string& other : {best(), metrics(), samples(), report(), model()}) {
      remove(earlier + other.substr(path_.size()));
      if (!move(other, earlier)) throw not_moved();
    }
    return replaces ? SetAside::replaced : SetAside::moved;
  }

  /// Saves a run and returns the checkpoint's path; older ones beyond `keep` go only after that.
  template <Scalar T, typename... Model>
  std::string save(const Trainer<T, Model...>& trainer, const AnyTokenizer& tokenizer,
                   const CorpusIdentity& corpus) {
    const Index step = trainer.state().steps_done;
    const std::string path = detail::concat({path_, "/", detail::checkpoint_name(step)});
    save_checkpoint(path, trainer, tokenizer, corpus, files_);
    remove_old(step);
    return path;
  }

  template <Scalar T, typename... Model>
  void save_best(const Trainer<T, Model...>& trainer, const AnyTokenizer& tokenizer,
                 const CorpusIdentity& corpus) {
    save_checkpoint(best(), trainer, tokenizer, corpus, files_);
  }

 private:
  void remove(const std::string& path) const {
    detail::uninterrupted([&] { return files_.unlink(path.c_str()); });
  }

  /// The folder "earlier", made and without checkpoints; empty if it cannot be made.
  std::string make_room() const {
    std::string earlier = detail::concat({path_, "/earlier"});
    if (files_.mkdir(earlier.c_str(), 0777) != 0 && errno != EEXIST) return {};
    std::error_code ignored;
    for (const NamedCheckpoint& one : detail::find_checkpoints(earlier, ignored)) remove(one.path);
    return earlier;
  }

  /// Moves a file of this folder to another one, if it is there.
  bool move(const std::string& from, const std::string& folder) const {
    const std::string to = folder + from.substr(path_.size());
    const int moved =
        detail::uninterrupted([&] { return files_.rename(from.c_str(), to.c_str()); });
    return moved == 0 || errno == ENOENT;
  }

  IoError not_moved() const {
    return IoError(ErrorCode::cannot_create,
                   detail::concat({"cannot move the checkpoints of an earlier run to ",
                                   printable(detail::concat({path_, "/earlier"}))}),
                   detail::last_error(), "choose another folder");
  }

  /// The newest `keep` stay, counted from the one just saved. Those of later steps, which a run
  /// left that this one took up before its end, would be taken for its future: they are set aside.
  /// The save has succeeded, whatever fails here.
  void remove_old(Index newest) {
    std::error_code ignored;
    Index kept = 0;
    std::vector<NamedCheckpoint> later;
    for (NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > newest) {
        later.push_back(std::move(one));
      } else if (++kept > keep_) {
        remove(one.path);
      }
    }
    if (later.empty()) return;
    const std::string earlier = make_room();
    for (const NamedCheckpoint& one : later) {
      if (earlier.empty() || !move(one.path, earlier)) remove(one.path);
    }
    detail::flush_folder(files_, path_);
  }

  std::string path_;
  Index keep_;
  FileSystem& files_;
  FolderLock lock_;
};

}  // namespace octavo
