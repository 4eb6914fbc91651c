// SPDX-License-Identifier: MIT
// Saving runs, and going on with them.
#pragma once

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/octavo.hpp>

#include "support/program.hpp"
#include "support/sample.hpp"

namespace support {

struct SaveOptions {
  std::string out;          ///< folder to save to; empty: none was named
  std::string default_out;  ///< taken where a run has nothing better
  octavo::Index save_every = 500;
  octavo::Index keep = 2;
  bool resume = false;
  std::string resume_from;     ///< a checkpoint or a folder; empty: `out`
  std::string resumed_folder;  ///< where the checkpoint that a run goes on with lies
  bool same_folder = false;    ///< what lies in `out` is the run that goes on
  bool allow_corpus_change = false;
  bool replaces_future = false;  ///< the run that goes on is not the one that was saved
  bool rollback = false;         ///< what rollbacks go back to is saved
};

/// --out, --save-every, --keep, --resume, --allow-corpus-change. Set default_out before.
void add_save_options(CLI::App& app, SaveOptions& options);

/// Files that a run tells of itself in; an empty name stands for none.
struct RunFiles {
  std::string metrics = {}, samples = {}, report = {};
  bool go_on = false;  ///< those that are there are the run's
};

/// The checkpoint that a run goes on with.
class Resumed {
 public:
  explicit Resumed(const std::string& path) : source_(path), file_(source_) {}

  const std::string& path() const noexcept { return source_.name(); }
  const octavo::CheckpointInfo& info() const noexcept { return file_.info(); }
  const octavo::CheckpointFile& file() const noexcept { return file_; }

 private:
  octavo::FileSource source_;
  octavo::CheckpointFile file_;
};

/// What --resume names: a file as it is, or a folder's newest valid checkpoint, with a warning for
/// each that is skipped. None without --resume. Without --out a run goes on where it was.
std::unique_ptr<Resumed> find_resumed(SaveOptions& options, const char* program);

/// Throws DataError unless the text is the one that the run was trained on, or may be another.
void check_corpus(const SaveOptions& options, const Resumed& resumed,
                  const octavo::CorpusIdentity& corpus);

/// Several names as one, and back: with a zero byte between them, which no name has.
std::string join_names(const std::vector<std::string>& names);
std::vector<std::string> split_names(const std::string& joined);

/// How the text of a run is known again.
octavo::CorpusIdentity identity_of(const std::string& name, std::string_view text);

/// Refuses an `out` where files that are no run's would be replaced: a model of Hugging Face's
/// beside its config.json, or a device, FIFO or socket under the name of the trained or the best
/// model.
void check_out(const SaveOptions& options);

/// Where a run is saved and how often, as a line.
std::string saves_of(const SaveOptions& options);

/// Saves a run every so often. A save that fails does not end the run: it is told, and the next one
/// may succeed; the third in a row is final. Does nothing without a folder.
template <typename Trainer>
class RunSaver {
 public:
  using Say = std::function<void(const std::string&)>;

  /// `trainer` and `tokenizer` must outlive it.
  RunSaver(const SaveOptions& options, const Trainer& trainer,
           const octavo::AnyTokenizer& tokenizer, const octavo::CorpusIdentity& corpus, Say say)
      : options_(options),
        trainer_(trainer),
        tokenizer_(tokenizer),
        corpus_(corpus),
        say_(std::move(say)) {
    if (options.out.empty()) return;
    make_folder(options.out);
    folder_.emplace(options.out, options.keep);
    check_out(options);
    release_idle_memory();  // looking at folders touches code that training does not
    if (options.same_folder) return;
    if (const auto moved = folder_->set_aside()) {
      say_(options.out + " holds an earlier run: moved to " + *moved);
    }
    release_idle_memory();
  }

  /// Before the first step, and after the trainer was brought to where `resumed` was saved, if a
  /// run goes on.
  void begin(const Resumed* resumed) {
    if (resumed != nullptr) {
      last_ = resumed->path();
      resumed_step_ = trainer_.state().steps_done;
      replaces_ = options_.same_folder;
      if (folder_ && options_.same_folder) best_ = folder_->state_of(folder_->best());
    }
    if (folder_) say_(saves_of(options_));
    if (!folder_ || !options_.rollback) return;
    folder_->keep_rollback_targets(trainer_.state().steps_done);
    if (trainer_.state().steps_done == 0) attempt([&] { save(); });
  }

  /// Whether the run is saved after that step.
  bool is_due(octavo::Index done) const {
    const bool asked = options_.save_every != 0 && done % options_.save_every == 0;
    return folder_ && (asked || (options_.rollback && octavo::is_rollback_step(done)));
  }

  /// After every step.
  void step(octavo::Index done) {
    if (is_due(done)) attempt([&] { save(); });
  }

  /// After an evaluation that was the best.
  void best() {
    if (!folder_) return;
    attempt([&] {
      release_idle_memory();
      replace_future();
      folder_->save_best(trainer_, tokenizer_, corpus_);
      release_idle_memory();
      best_ = trainer_.state();
    });
  }

  /// At the end: saves, unless the step has just been saved, and says where.
  void finish() {
    if (!folder_) return;
    if (saved_step_ != trainer_.state().steps_done) save();
    say_("saved " + last_);
  }

  /// Before a file is written that tells of the run: ends it (Error of code cannot_create) if its
  /// folder has become another run's.
  void check_folder() {
    if (folder_) folder_->check(folder_->report());
  }

  /// What the run tells of itself; nothing if nothing is saved.
  RunFiles files() const {
    if (!folder_) return {};
    return {folder_->metrics(), folder_->samples(), folder_->report(), options_.same_folder};
  }
  std::string model_path() const { return folder_ ? folder_->model() : ""; }
  /// The best evaluation's model; empty if the run has none, or if what lies there is of another
  /// future of it, which this run has replaced.
  std::string best_path() const {
    const octavo::RunState state = trainer_.state();
    const bool ours = best_ && state.best_step > 0 && best_->steps_done == state.best_step &&
                      best_->best_validation == state.best_validation;
    std::error_code unknown;
    return ours && std::filesystem::exists(folder_->best(), unknown) ? folder_->best() : "";
  }
  /// What can be generated with while the run goes on: the best model, or the last checkpoint;
  /// empty if there is neither.
  std::string newest_model() const {
    const std::string best = best_path();
    return best.empty() ? last_ : best;
  }
  /// The last checkpoint of this run, or the one that it was resumed from; empty if there is none.
  const std::string& last() const noexcept { return last_; }

  /// Where the run goes back to after a loss spike: see octavo::rollback_target. Until the step
  /// that it was resumed at, the checkpoints beside the one that it was resumed from are its own as
  /// well.
  std::optional<octavo::NamedCheckpoint> rollback_target() const {
    if (!folder_ || !options_.rollback) return std::nullopt;
    std::vector<octavo::NamedCheckpoint> found = octavo::find_checkpoints(folder_->path());
    if (resumed_step_ >= 0 && !options_.same_folder) {
      std::error_code ignored;
      for (const auto& one : octavo::detail::find_checkpoints(options_.resumed_folder, ignored)) {
        const bool here = std::any_of(found.begin(), found.end(),
                                      [&](const auto& other) { return other.step == one.step; });
        if (one.step <= resumed_step_ && !here) found.push_back(one);
      }
      std::sort(found.begin(), found.end(),
                [](const auto& a, const auto& b) { return a.step > b.step; });
    }
    return octavo::rollback_target(found, trainer_.state(), [](const octavo::Error& error) {
      std::fprintf(stderr, "warning: skipped: %s\n", error.what());
    });
  }

  /// The trainer has been brought to where that checkpoint was saved; what came after is forgotten.
  void went_back(const octavo::NamedCheckpoint& to) {
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
  template <typename Save>
  void attempt(Save save) {
    try {
      save();
      failures_ = 0;
    } catch (const octavo::IoError& error) {
      if (++failures_ == 3) throw;
      std::fprintf(stderr, "warning: %s\n  the run goes on; the next save may succeed\n",
                   error.what());
    }
  }

  void save() {
    release_idle_memory();  // what trains need not be there while saving, nor the other way round
    replace_future();
    last_ = folder_->save(trainer_, tokenizer_, corpus_);
    release_idle_memory();
    saved_step_ = trainer_.state().steps_done;
  }

  /// Before the first file is saved by a run that goes on: what came after the step that it was
  /// taken up at is moved aside.
  void replace_future() {
    if (!replaces_) return;
    if (const auto moved = folder_->set_aside_after(resumed_step_, options_.replaces_future)) {
      say_("what came after step " + std::to_string(resumed_step_) + " is moved to " + *moved);
      best_ = folder_->state_of(folder_->best());
    }
    replaces_ = false;
  }

  SaveOptions options_;
  const Trainer& trainer_;
  const octavo::AnyTokenizer& tokenizer_;
  octavo::CorpusIdentity corpus_;
  Say say_;
  std::optional<octavo::CheckpointFolder> folder_;
  std::string last_;
  std::optional<octavo::RunState> best_;  ///< that the best model was saved in
  octavo::Index resumed_step_ = -1;       ///< -1: the run has begun here
  octavo::Index saved_step_ = -1;
  bool replaces_ = false;  ///< a future that is not set aside yet
  int failures_ = 0;
};

/// Back to an earlier checkpoint, with half the learning rate. Diverged if there is none, or if
/// that has been tried ten times.
template <typename Trainer>
void roll_back(Trainer& trainer, RunSaver<Trainer>& saver, const std::string& why,
               const std::function<void(const std::string&)>& say) {
  const octavo::RunState before = trainer.state();
  const double factor = before.rate_factor / 2;
  const bool again = factor >= 1.0 / 1024;
  const auto target = again ? saver.rollback_target() : std::nullopt;
  if (!target) {
    throw octavo::Diverged(
        "training diverged at step " + std::to_string(before.steps_done) + ": " + why +
            (again ? ", and there is no checkpoint to go back to"
                   : ", and ten rollbacks have not helped"),
        before.steps_done, before.average_loss,
        again ? "a rollback goes to a multiple of " + std::to_string(octavo::rollback_interval) +
                    " steps, " + std::to_string(octavo::rollback_age) +
                    " or more before the spike, and to none twice; lower the "
                    "learning rate"
              : "lower the learning rate");
  }
  Resumed(target->path).file().load(trainer);
  saver.went_back(*target);
  octavo::RunState state = trainer.state();
  state.rate_factor = factor;
  trainer.set_state(state);
  char line[80];
  std::snprintf(line, sizeof(line), ", learning rate times %g from now on", factor);
  say("step " + std::to_string(before.steps_done) + ": " + why + "; back to " + target->path +
      line);
}

/// Calls run() until it ends for good: with `rollback` a spike or a loss that is not finite sends
/// the trainer back to an earlier checkpoint; without, Diverged names the last.
template <typename Trainer, typename Run>
octavo::RunResult run_through(Trainer& trainer, RunSaver<Trainer>& saver, bool rollback,
                              const std::function<void(const std::string&)>& say, Run run) {
  for (;;) {
    std::string why = "loss spike";
    try {
      const octavo::RunResult result = run();
      if (result.reason != octavo::StopReason::spike) return result;
    } catch (const octavo::Diverged& error) {
      if (!rollback) {
        throw octavo::Diverged(error.what(), error.step(), error.loss(),
                               saver.last().empty()
                                   ? error.hint()
                                   : "the last good checkpoint is " + saver.last() +
                                         "; lower the learning rate, or resume with --rollback");
      }
      why = error.what();
    }
    roll_back(trainer, saver, why, say);
  }
}

/// Says why a run ended before its last step.
template <typename Trainer>
void print_end(octavo::StopReason reason, const octavo::RunState& state,
               const RunSaver<Trainer>& saver) {
  if (reason == octavo::StopReason::asked) {
    std::printf("stopped at step %td\n", state.steps_done);
  }
  if (reason == octavo::StopReason::patience) {
    std::printf("stopped at step %td: no evaluation since step %td was better than %.4f\n",
                state.steps_done, state.best_step, state.best_validation);
  }
  const std::string best = saver.best_path();
  if (!best.empty()) std::printf("the best evaluation's model is %s\n", best.c_str());
}

}  // namespace support
