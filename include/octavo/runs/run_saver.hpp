// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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

/// Where a run is saved, and how often.
struct SaveOptions {
  std::string folder = {};       ///< empty: nothing is saved
  Index save_every = 500;        ///< steps between checkpoints; 0: only at the end
  Index keep = 2;                ///< checkpoints that stay, the newest
  bool rollback = false;         ///< what rollbacks go back to is saved too: see rollback_target()
  bool replaces_future = false;  ///< a run that goes on is not the one that was saved: a best model
                                 ///< of later steps will not come again, and is set aside
};

/// Where a run is saved and how often, as a line for people.
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

/// Makes a folder and those above it; IoError of code cannot_create if that fails.
inline void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return;
  throw IoError(ErrorCode::cannot_create,
                detail::concat({"cannot create folder ", printable(path)}), error,
                "choose another folder");
}

namespace detail {

/// Error of code cannot_create where a run's files would replace what is not a run's: a model of
/// Hugging Face's beside its config.json (unless the run that goes on lies there), or a device,
/// FIFO or socket under the name of the trained or the best model.
inline void check_run_folder(const CheckpointFolder& folder, bool goes_on_there) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const auto refuse = [](const std::string& path, const char* why) {
    throw Error(ErrorCode::cannot_create, concat({"cannot create ", printable(path), ": ", why}),
                "choose another folder");
  };
  for (const std::string& path : {folder.model(), folder.best()}) {
    if (fs::is_other(fs::status(path, unknown))) refuse(path, "what lies there is no regular file");
  }
  if (fs::is_directory(folder.model(), unknown)) refuse(folder.model(), "it is a folder");
  // Its weights may have other names: shards, or pytorch_model.bin.
  if (!goes_on_there && fs::exists(concat({folder.path(), "/config.json"}), unknown)) {
    refuse(folder.model(), "the folder is Hugging Face's, with a config.json");
  }
}

}  // namespace detail

/// Saves a run every so often. A save that fails does not end the run: RunCallbacks::warn hears
/// about it, and the next one may succeed; the third in a row is final. Does nothing without a
/// folder. `Trainer`: octavo::Trainer of any scalar and model.
template <typename Trainer>
class RunSaver {
 public:
  /// Makes the folder, locks it for this process, and moves an earlier run's files aside, unless
  /// `resumed` lies there: the run that goes on, with whose numbers `trainer` has been loaded
  /// before; null: the run begins. `trainer` and `tokenizer` must outlive the saver. Error of code
  /// cannot_create if the folder cannot be a run's.
  RunSaver(const SaveOptions& options, const Trainer& trainer, const AnyTokenizer& tokenizer,
           const CorpusIdentity& corpus, RunCallbacks callbacks = {},
           const ResumedRun* resumed = nullptr)
      : options_(options),
        trainer_(trainer),
        tokenizer_(tokenizer),
        corpus_(corpus),
        callbacks_(std::move(callbacks)) {
    if (resumed != nullptr) {
      last_ = resumed->path();
      resumed_step_ = trainer_.state().steps_done;
      resumed_folder_ = resumed->folder();
      goes_on_there_ = replaces_ = resumed->lies_in(options.folder);
    }
    if (options.folder.empty()) return;
    open_folder();
    callbacks_.told(saves_of(options_));
    if (!options_.rollback) return;
    folder_->keep_rollback_targets(trainer_.state().steps_done);
    if (trainer_.state().steps_done == 0) attempt([&] { save(); });
  }

  const SaveOptions& options() const noexcept { return options_; }
  const RunCallbacks& callbacks() const noexcept { return callbacks_; }
  /// Null: nothing is saved.
  const CheckpointFolder* folder() const noexcept { return folder_ ? &*folder_ : nullptr; }
  /// Whether files that lie in the folder are those of the run that goes on.
  bool goes_on_there() const noexcept { return goes_on_there_; }

  /// Whether the run is saved after `done` steps.
  bool is_due(Index done) const {
    const bool asked = options_.save_every != 0 && done % options_.save_every == 0;
    return folder_ && (asked || (options_.rollback && is_rollback_step(done)));
  }

  /// After every step, with the steps done: saves where that is due.
  void step(Index done) {
    if (is_due(done)) attempt([&] { save(); });
  }

  /// After an evaluation that was the best so far: saves the best model.
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

  /// At the end: saves, unless the step has just been saved, and says where.
  void finish() {
    if (!folder_) return;
    if (saved_step_ != trainer_.state().steps_done) save();
    callbacks_.told("saved " + last_);
  }

  /// Before a file is written that tells of the run: Error of code cannot_create if its folder has
  /// become another run's.
  void check_folder() {
    if (folder_) folder_->check(folder_->report());
  }

  /// The best evaluation's model; empty if the run has none, or if what lies there is of another
  /// future of it, which this run has replaced.
  std::string best_path() const {
    const RunState state = trainer_.state();
    const bool ours = best_ && state.best_step > 0 && best_->steps_done == state.best_step &&
                      best_->best_validation == state.best_validation;
    std::error_code unknown;
    return ours && std::filesystem::exists(folder_->best(), unknown) ? folder_->best() : "";
  }
  /// What text can be generated with while the run goes on: the best model, or the last checkpoint;
  /// empty if there is neither.
  std::string newest_model() const {
    const std::string best = best_path();
    return best.empty() ? last_ : best;
  }
  /// The last checkpoint of this run, or the one that it was resumed from; empty if there is none.
  const std::string& last() const noexcept { return last_; }

  /// Where the run goes back to after a loss spike: see octavo::rollback_target(). Until the step
  /// that it was resumed at, the checkpoints beside the one that it was resumed from are its own as
  /// well.
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
    return octavo::rollback_target(found, trainer_.state(), [&](const Error& error) {
      callbacks_.warned(detail::concat({"skipped: ", error.what()}));
    });
  }

  /// The trainer has been brought to where that checkpoint was saved; what came after is forgotten.
  void went_back(const NamedCheckpoint& to) {
    replace_future();
    last_ = to.path;
    if (!to.path.starts_with(folder_->path() + "/checkpoint-")) {
      attempt([&] { save(); });  // so that the folder has what the run goes on from
    }
    folder_->forget_after(to.step);
    resumed_step_ = std::min(resumed_step_, to.step);
    saved_step_ = -1;
  }

 private:
  void open_folder() {
    make_folder(options_.folder);
    folder_.emplace(options_.folder, options_.keep);
    detail::check_run_folder(*folder_, goes_on_there_);
    callbacks_.paused();
    if (goes_on_there_) {
      best_ = folder_->state_of(folder_->best());
    } else if (const auto moved = folder_->set_aside()) {
      callbacks_.told(
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
      callbacks_.warned(error.what(), "the run goes on; the next save may succeed");
    }
  }

  void save() {
    callbacks_.paused();
    replace_future();
    last_ = folder_->save(trainer_, tokenizer_, corpus_);
    callbacks_.paused();
    saved_step_ = trainer_.state().steps_done;
  }

  /// Before the first file is saved by a run that goes on: what came after the step that it was
  /// taken up at is moved aside.
  void replace_future() {
    if (!replaces_) return;
    if (const auto moved = folder_->set_aside_after(resumed_step_, options_.replaces_future)) {
      callbacks_.told(
          detail::concat({"what came after step ", resumed_step_, " is moved to ", *moved}));
      best_ = folder_->state_of(folder_->best());
    }
    replaces_ = false;
  }

  SaveOptions options_;
  const Trainer& trainer_;
  const AnyTokenizer& tokenizer_;
  CorpusIdentity corpus_;
  RunCallbacks callbacks_;
  std::optional<CheckpointFolder> folder_;
  std::string last_;
  std::string resumed_folder_;    ///< where the checkpoint lies that the run goes on with
  std::optional<RunState> best_;  ///< that the best model was saved in
  Index resumed_step_ = -1;       ///< -1: the run has begun here
  Index saved_step_ = -1;
  bool goes_on_there_ = false;  ///< what lies in the folder is the run that goes on
  bool replaces_ = false;       ///< a future that is not set aside yet
  int failures_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
