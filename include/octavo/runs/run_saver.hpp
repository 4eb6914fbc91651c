// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/checkpoint/rollback_target.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/training/trainer.hpp>

namespace OCTAVO_NAMESPACE {

/// Where and how often a run is saved.
struct SaveOptions {
  std::string folder = {};       ///< empty: no saves
  Index save_every = 500;        ///< steps between checkpoints; 0: only at the end
  Index keep = 2;                ///< number of newest checkpoints that are kept
  bool rollback = false;         ///< also save checkpoints for rollbacks: see rollback_target()
  bool replaces_future = false;  ///< the resumed run differs from the saved one: its best model of
                                 ///< later steps is moved to a numbered folder
};

/// Where and how often a run is saved, as a line for the user.
inline std::string saves_of(const SaveOptions& options) {
  const std::string every = options.save_every == 0 ? "at the end"
                            : options.save_every == 1
                                ? "every step"
                                : detail::concat({"every ", options.save_every, " steps"});
  std::string line =
      detail::concat({"saves to ", one_line(options.folder), ": a checkpoint ", every});
  if (options.save_every != 0) {
    line += options.keep == 1 ? std::string(", the newest stays")
                              : detail::concat({", the newest ", options.keep, " stay"});
  }
  if (options.rollback) {
    line += detail::concat({"; for rollbacks every ", rollback_interval, " steps"});
  }
  return line;
}

/// Creates a folder and its parents; IoError of code cannot_create on failure.
inline void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return;
  throw IoError(ErrorCode::cannot_create,
                detail::concat({"cannot create folder ", printable(path)}), error,
                "choose another folder");
}

namespace detail {

/// Error of code cannot_create if a run's files would replace other files: a Hugging Face model
/// beside its config.json (unless the resumed run is there), or a device, FIFO or socket with the
/// name of the trained or the best model.
inline void check_run_folder(const CheckpointFolder& folder, bool goes_on_there) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const auto refuse = [](const std::string& path, const char* why) {
    throw Error(ErrorCode::cannot_create, concat({"cannot create ", printable(path), ": ", why}),
                "choose another folder");
  };
  for (const std::string& path : {folder.model(), folder.best()}) {
    if (fs::is_other(fs::status(path, unknown))) refuse(path, "it is not a regular file");
  }
  if (fs::is_directory(folder.model(), unknown)) refuse(folder.model(), "it is a folder");
  // The weights may have other names: shards, or pytorch_model.bin.
  if (!goes_on_there && fs::exists(concat({folder.path(), "/config.json"}), unknown)) {
    refuse(folder.model(), "the folder is Hugging Face's, with a config.json");
  }
}

}  // namespace detail

/// Saves a run at intervals. A failed save does not end the run: RunCallbacks::warn is called, and
/// the next save may succeed; the third failure in a row is final. Does nothing without a folder.
/// `Trainer`: an octavo::Trainer of any scalar, model and optimizer, the user's included: what it
/// saves has the trainer's kinds.
template <typename Trainer>
class RunSaver {
 public:
  /// Creates and locks the folder, and moves an earlier run's files aside, unless `resumed` is in
  /// this folder. `resumed`: the run to continue, already loaded into `trainer`; null: a new run.
  /// `trainer` and `tokenizer` must outlive the saver. Error of code cannot_create if the folder
  /// cannot be used.
  RunSaver(const SaveOptions& options, const Trainer& trainer, const AnyTokenizer& tokenizer,
           const CorpusIdentity& corpus, RunCallbacks callbacks = {},
           const ResumedRun* resumed = nullptr)
      : options_(options),
        trainer_(trainer),
        tokenizer_(tokenizer),
        corpus_(corpus),
        callbacks_(std::move(callbacks)),
        optimizer_{trainer.options().optimizer} {
    if (resumed != nullptr) {
      last_ = resumed->path();
      resumed_step_ = trainer_.state().steps_done;
      resumed_folder_ = resumed->folder();
      goes_on_there_ = replaces_ = resumed->lies_in(options.folder);
    }
    if (options.folder.empty()) return;
    open_folder();
    callbacks_.message(saves_of(options_));
    if (!options_.rollback) return;
    folder_->keep_rollback_targets(trainer_.state().steps_done);
    if (trainer_.state().steps_done == 0) attempt([&] { save(); });
  }

  const SaveOptions& options() const noexcept { return options_; }
  const RunCallbacks& callbacks() const noexcept { return callbacks_; }
  /// The kinds of the trainer's model and optimizer; valid while the saver lives.
  CheckpointKinds kinds() const {
    return {.model = model_kind<typename Trainer::Model>, .optimizers = optimizer_};
  }
  /// The folder; null: no saves.
  const CheckpointFolder* folder() const noexcept { return folder_ ? &*folder_ : nullptr; }
  /// Whether the files in the folder belong to the resumed run.
  bool goes_on_there() const noexcept { return goes_on_there_; }

  /// Whether a save is due after `done` steps.
  bool is_due(Index done) const {
    const bool asked = options_.save_every != 0 && done % options_.save_every == 0;
    return folder_ && (asked || (options_.rollback && is_rollback_step(done)));
  }

  /// Call after every step, with the steps done: saves if due.
  void step(Index done) {
    if (is_due(done)) attempt([&] { save(); });
  }

  /// Call after the best evaluation so far: saves the best model.
  void best() {
    if (!folder_) return;
    attempt([&] {
      callbacks_.paused();
      replace_future();
      folder_->save_best(trainer_, tokenizer_, corpus_);
      callbacks_.paused();
      best_ = trainer_.state();
    });
  }

  /// Call at the end: saves, unless this step was just saved, and reports the path.
  void finish() {
    if (!folder_) return;
    if (saved_step_ != trainer_.state().steps_done) save();
    callbacks_.message("saved " + last_);
  }

  /// Call before another file of the run is written: Error of code cannot_create if another run has
  /// taken the folder.
  void check_folder() {
    if (folder_) folder_->check(folder_->report());
  }

  /// The path of the best evaluation's model; empty if there is none, or if it is of later steps
  /// that this run replaces.
  std::string best_path() const {
    const RunState state = trainer_.state();
    const bool ours = best_ && state.best_step > 0 && best_->steps_done == state.best_step &&
                      best_->best_validation == state.best_validation;
    std::error_code unknown;
    return ours && std::filesystem::exists(folder_->best(), unknown) ? folder_->best() : "";
  }
  /// The model to generate with during the run: the best model, or the last checkpoint; empty if
  /// there is neither.
  std::string newest_model() const {
    const std::string best = best_path();
    return best.empty() ? last_ : best;
  }
  /// The last checkpoint of this run, or the checkpoint from which it was resumed; empty if there
  /// is none.
  const std::string& last() const noexcept { return last_; }

  /// The checkpoint to go back to after a loss spike: see octavo::rollback_target(). Up to the step
  /// at which the run was resumed, the checkpoints beside the resumed one count as well.
  std::optional<NamedCheckpoint> rollback_target() const {
    if (!folder_ || !options_.rollback) return std::nullopt;
    std::vector<NamedCheckpoint> found = find_checkpoints(folder_->path());
    if (resumed_step_ >= 0 && !goes_on_there_) {
      std::error_code ignored;
      for (const auto& one : detail::find_checkpoints(resumed_folder_, ignored)) {
        const bool here = std::any_of(found.begin(), found.end(),
                                      [&](const auto& other) { return other.step == one.step; });
        if (one.step <= resumed_step_ && !here) found.push_back(one);
      }
      std::sort(found.begin(), found.end(),
                [](const auto& a, const auto& b) { return a.step > b.step; });
    }
    const auto skipped = [&](const Error& error) {
      callbacks_.warning(detail::concat({"skipped: ", error.what()}));
    };
    return octavo::rollback_target(found, trainer_.state(), skipped, kinds());
  }

  /// To be called after the trainer was returned to a checkpoint: forgets the later steps.
  void went_back(const NamedCheckpoint& to) {
    replace_future();
    last_ = to.path;
    if (!to.path.starts_with(folder_->path() + "/checkpoint-")) {
      attempt(
          [&] { save(); });  // so that the folder has the checkpoint from which the run continues
    }
    folder_->forget_after(to.step);
    resumed_step_ = std::min(resumed_step_, to.step);
    saved_step_ = -1;
  }

 private:
  void open_folder() {
    make_folder(options_.folder);
    folder_.emplace(options_.folder, options_.keep, kinds());
    detail::check_run_folder(*folder_, goes_on_there_);
    callbacks_.paused();
    if (goes_on_there_) {
      best_ = folder_->state_of(folder_->best());
    } else if (const auto moved = folder_->set_aside()) {
      callbacks_.message(
          detail::concat({options_.folder, " holds an earlier run: moved to ", *moved}));
    }
    callbacks_.paused();
  }

  template <typename Save>
  void attempt(Save save) {
    try {
      save();
      failures_ = 0;
    } catch (const IoError& error) {
      if (++failures_ == 3) throw;
      callbacks_.warning(error.what(), "the run continues; the next save may succeed");
    }
  }

  void save() {
    callbacks_.paused();
    replace_future();
    last_ = folder_->save(trainer_, tokenizer_, corpus_);
    callbacks_.paused();
    saved_step_ = trainer_.state().steps_done;
  }

  /// Before a resumed run saves its first file: moves the files of later steps aside.
  void replace_future() {
    if (!replaces_) return;
    if (const auto moved = folder_->set_aside_after(resumed_step_, options_.replaces_future)) {
      callbacks_.message(
          detail::concat({"the files after step ", resumed_step_, " are moved to ", *moved}));
      best_ = folder_->state_of(folder_->best());
    }
    replaces_ = false;
  }

  SaveOptions options_;
  const Trainer& trainer_;
  const AnyTokenizer& tokenizer_;
  CorpusIdentity corpus_;
  RunCallbacks callbacks_;
  std::array<AnyOptimizer, 1> optimizer_;  ///< the trainer's, for kinds()
  std::optional<CheckpointFolder> folder_;
  std::string last_;
  std::string resumed_folder_;    ///< folder of the resumed checkpoint
  std::optional<RunState> best_;  ///< state in which the best model was saved
  Index resumed_step_ = -1;       ///< -1: a new run
  Index saved_step_ = -1;
  bool goes_on_there_ = false;  ///< the folder has the files of the resumed run
  bool replaces_ = false;       ///< later steps that are not moved aside yet
  int failures_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
