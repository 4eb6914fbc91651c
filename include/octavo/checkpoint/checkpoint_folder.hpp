// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/earlier_runs.hpp>
#include <octavo/checkpoint/named_checkpoint.hpp>
#include <octavo/checkpoint/rollback_target.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/folder_lock.hpp>
#include <octavo/files/list_directory.hpp>

namespace OCTAVO_NAMESPACE {

/// The folder to which a run saves, locked for this process. It contains the newest checkpoints
/// and, separately, the best model, "best.safetensors".
class CheckpointFolder {
 public:
  /// The folder must exist: see make_folder. Error of code cannot_create if it does not, or if it
  /// is locked already. Removes partly written files of a killed process, and undoes its unfinished
  /// moves. `kinds`: the kinds of models and optimizers of its runs.
  CheckpointFolder(std::string path, Index keep, const CheckpointKinds& kinds = {},
                   FileSystem& files = real_file_system())
      : path_(std::move(path)),
        keep_(keep),
        files_(files),
        kinds_(kinds),
        lock_(path_, files),
        earlier_(path_, files) {
    require(keep > 0, "keep: expected at least 1 checkpoint");
    std::error_code ignored;
    for (const std::string& name : list_directory(path_, ignored)) {
      if (AtomicFile::is_leftover(name)) remove(in(name));
    }
    earlier_.recover();
  }

  const std::string& path() const noexcept { return path_; }
  std::string best() const { return in("best.safetensors"); }
  /// The table of the run's numbers: see MetricsFile.
  std::string metrics() const { return in("metrics.csv"); }
  /// The table of the run's samples: see SamplesFile.
  std::string samples() const { return in("samples.tsv"); }
  /// Answers to held-out rows before the run: see save_answers.
  std::string answers() const { return in("answers.tsv"); }
  /// The page about the run: see RunReport.
  std::string report() const { return in("report.html"); }
  /// The trained model: see save_model.
  std::string model() const { return in("model.safetensors"); }

  /// Error of code cannot_create if another process has taken the folder, or if the check fails:
  /// see FolderLock. Call it before another class replaces a file of the folder; `output` is that
  /// file.
  void check(const std::string& output) { lock_.check(output); }

  /// Moves the files of an earlier run (checkpoints, models, tables and page; regular files and
  /// links to them) to a new folder, "earlier-1" or the next number, and returns its path; nothing
  /// if there was no run. Otherwise the new run would replace them. All files are moved or none,
  /// even if the process is killed: see EarlierRuns.
  std::optional<std::string> set_aside() {
    check(model());
    const std::vector<NamedCheckpoint> old = find_checkpoints(path_);
    const bool there = !old.empty() || is_file(best()) || is_file(model()) || is_file(report()) ||
                       begins_with(metrics(), "step,loss,learning_rate,") ||
                       begins_with(samples(), "step\ttext\n");
    if (!there) return std::nullopt;
    std::vector<std::string> names;
    for (const std::string& file : {report(), metrics(), samples(), answers(), model(), best()}) {
      if (is_file(file)) names.push_back(name_of(file));
    }
    for (auto one = old.rbegin(); one != old.rend(); ++one) names.push_back(name_of(one->path));
    return earlier_.move(names);
  }

  /// For a run resumed at `step`, before its first save: moves the checkpoints of later steps
  /// aside, as an earlier run, together with the best model if it is of a later step. If there are
  /// none, the best model alone is moved only if the run is `another` than the saved one: otherwise
  /// the run will reach it again.
  std::optional<std::string> set_aside_after(Index step, bool another = false) {
    check(best());
    std::vector<std::string> names;
    std::error_code ignored;
    const std::vector<NamedCheckpoint> all = detail::find_checkpoints(path_, ignored);
    for (auto one = all.rbegin(); one != all.rend(); ++one) {
      if (one->step > step) names.push_back(name_of(one->path));
    }
    if (names.empty() && !another) return std::nullopt;
    const auto state = state_of(best());
    if (state && state->steps_done > step) names.insert(names.begin(), name_of(best()));
    if (names.empty()) return std::nullopt;
    return earlier_.move(names);
  }

  /// From now on retains the checkpoints that a rollback may need, in addition to the newest: see
  /// rollback_target(). `step`: the current step; checkpoints that no rollback can reach are
  /// removed.
  void keep_rollback_targets(Index step) {
    keeps_targets_ = true;
    std::error_code ignored;
    Index kept = 0;
    for (const NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > step || ++kept <= keep_ || !is_rollback_step(one.step)) continue;
      if (!is_rollback_target(one.step, step)) remove(one.path);
    }
  }

  /// Removes the checkpoints of later steps: after a rollback the run takes another course.
  void forget_after(Index step) {
    check(model());
    std::error_code ignored;
    for (const NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > step) remove(one.path);
    }
    detail::flush_folder(files_, path_);
  }

  /// Saves a run and returns the checkpoint's path; then removes older checkpoints beyond `keep`.
  /// Errors: see save_checkpoint and check().
  template <Scalar T, typename... Model>
  std::string save(const Trainer<T, Model...>& trainer, const AnyTokenizer& tokenizer,
                   const CorpusIdentity& corpus) {
    const Index step = trainer.state().steps_done;
    const std::string path = in(detail::checkpoint_name(step));
    check(path);
    save_checkpoint(path, trainer, tokenizer, corpus, files_);
    remove_old(step);
    return path;
  }

  template <Scalar T, typename... Model>
  void save_best(const Trainer<T, Model...>& trainer, const AnyTokenizer& tokenizer,
                 const CorpusIdentity& corpus) {
    check(best());
    save_checkpoint(best(), trainer, tokenizer, corpus, files_);
  }

  /// The state of the run in a checkpoint; nothing if the checkpoint cannot be read.
  std::optional<RunState> state_of(const std::string& checkpoint) const {
    try {
      const FileSource source(checkpoint, files_);
      return CheckpointFile(source, kinds_).info().state;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

 private:
  std::string in(std::string_view name) const { return detail::concat({path_, "/", name}); }
  std::string name_of(const std::string& path) const { return path.substr(path_.size() + 1); }

  void remove(const std::string& path) const {
    detail::uninterrupted([&] { return files_.unlink(path.c_str()); });
  }

  bool is_file(const std::string& path) const {
    struct stat status {};
    return detail::uninterrupted([&] { return files_.stat(path.c_str(), &status); }) == 0 &&
           S_ISREG(status.st_mode);
  }

  /// Other tables that happen to have these names do not belong to a run.
  bool begins_with(const std::string& path, std::string_view start) const {
    try {
      const FileSource source(path, files_);
      std::string found(std::min(source.size(), start.size()), '\0');
      source.read(0, std::as_writable_bytes(std::span(found)));
      return found == start;
    } catch (const Error&) {
      return false;
    }
  }

  /// Keeps the newest `keep` checkpoints, counted from the one just saved, and those for rollbacks.
  /// Checkpoints of later steps, from a run that was resumed at an earlier step, are moved aside.
  /// Failures here are ignored: the save has succeeded.
  void remove_old(Index newest) {
    std::error_code ignored;
    Index kept = 0;
    bool later = false;
    for (const NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > newest) {
        later = true;
        continue;
      }
      if (++kept <= keep_) continue;
      if (!keeps_targets_ || !is_rollback_target(one.step, newest)) remove(one.path);
    }
    if (!later) return;
    try {
      set_aside_after(newest);
    } catch (const Error&) {
    }
  }

  std::string path_;
  Index keep_;
  FileSystem& files_;
  CheckpointKinds kinds_;
  FolderLock lock_;
  EarlierRuns earlier_;
  bool keeps_targets_ = false;
};

}  // namespace OCTAVO_NAMESPACE
