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
#include <octavo/files/folder_names.hpp>

namespace OCTAVO_NAMESPACE {

/// The folder that a run saves to, locked for this process. Keeps the newest checkpoints and,
/// apart, the best: "best.safetensors".
class CheckpointFolder {
 public:
  /// Error of code cannot_create if another process works there. Removes what a killed one has left
  /// half-written, and undoes what it has left half-moved. The optimizers of the runs that it saves
  /// and models are of `kinds`.
  CheckpointFolder(std::string path, Index keep, FileSystem& files = real_file_system(),
                   const CheckpointKinds& kinds = {})
      : path_(std::move(path)),
        keep_(keep),
        files_(files),
        kinds_(kinds),
        lock_(path_, files),
        earlier_(path_, files) {
    require(keep > 0, "keep: expected at least 1 checkpoint");
    std::error_code ignored;
    for (const std::string& name : folder_names(path_, ignored)) {
      if (AtomicFile::is_leftover(name)) remove(in(name));
    }
    earlier_.recover();
  }

  const std::string& path() const noexcept { return path_; }
  std::string best() const { return in("best.safetensors"); }
  /// The run's numbers: see MetricsFile.
  std::string metrics() const { return in("metrics.csv"); }
  /// What the model wrote in its course: see SamplesFile.
  std::string samples() const { return in("samples.tsv"); }
  /// The page about the run: see RunReport.
  std::string report() const { return in("report.html"); }
  /// What it ends with: see save_model.
  std::string model() const { return in("model.safetensors"); }

  /// Error of code cannot_create if the folder has become another process's, or if it cannot be
  /// known: see FolderLock. To be called before a file of the folder that is not saved by this
  /// class is replaced; `output` is that file.
  void check(const std::string& output) { lock_.check(output); }

  /// Moves whatever an earlier run has left (checkpoints, models, tables and page; regular files,
  /// and links to such) into a folder of its own, "earlier-1" or the next number, which is
  /// returned; nothing if there was no run. Without that the new run's files would replace them.
  /// Either all of it is moved or nothing, whenever the process is killed: see EarlierRuns.
  std::optional<std::string> set_aside() {
    check(model());
    const std::vector<NamedCheckpoint> old = find_checkpoints(path_);
    const bool there = !old.empty() || is_file(best()) || is_file(model()) || is_file(report()) ||
                       begins_with(metrics(), "step,loss,learning_rate,") ||
                       begins_with(samples(), "step\ttext\n");
    if (!there) return std::nullopt;
    std::vector<std::string> names;
    for (const std::string& file : {report(), metrics(), samples(), model(), best()}) {
      if (is_file(file)) names.push_back(name_of(file));
    }
    for (auto one = old.rbegin(); one != old.rend(); ++one) names.push_back(name_of(one->path));
    return earlier_.move(names);
  }

  /// For a run that is taken up at `step`, before its first save: the later checkpoints, which are
  /// the future that it replaces, are moved as a whole run is, and with them the best model if it
  /// is from after that step. Where there are none, the best alone is moved only if the run is
  /// `another` than was saved: else it will come again.
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

  /// From here on the checkpoints that a rollback can go back to stay, beside the newest: see
  /// rollback_target(). `step`: where the run is; what no rollback from there can reach goes.
  void keep_rollback_targets(Index step) {
    keeps_targets_ = true;
    std::error_code ignored;
    Index kept = 0;
    for (const NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > step || ++kept <= keep_ || !is_rollback_step(one.step)) continue;
      if (!is_rollback_target(one.step, step)) remove(one.path);
    }
  }

  /// Removes the checkpoints of later steps: after a rollback they are of a run that is not to be.
  void forget_after(Index step) {
    check(model());
    std::error_code ignored;
    for (const NamedCheckpoint& one : detail::find_checkpoints(path_, ignored)) {
      if (one.step > step) remove(one.path);
    }
    detail::flush_folder(files_, path_);
  }

  /// Saves a run and returns the checkpoint's path; older ones beyond `keep` go only after that.
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

  /// The state that a checkpoint was saved in; none if there is none that can be read.
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

  /// Tables of something else, which have these names by chance, do not belong to a run.
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

  /// The newest `keep` stay, counted from the one just saved, and what rollbacks need. Those of
  /// later steps, which a run left that this one took up before its end, would be taken for its
  /// future: they are set aside. The save has succeeded, whatever fails here.
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
