// SPDX-License-Identifier: MIT
// Saving runs, and going on with them.
#pragma once

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
  std::string resume_from;   ///< a checkpoint or a folder; empty: `out`
  bool same_folder = false;  ///< what lies in `out` is the run that goes on
  bool allow_corpus_change = false;
};

/// --out, --save-every, --keep, --resume, --allow-corpus-change. Set default_out before.
void add_save_options(CLI::App& app, SaveOptions& options);

/// Files that a run tells of itself in; an empty name stands for none.
struct RunFiles {
  std::string metrics = {}, samples = {}, report = {};
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
    if (options.same_folder) return;
    using SetAside = octavo::CheckpointFolder::SetAside;
    const SetAside done = folder_->set_aside();
    if (done == SetAside::nothing) return;
    say_(options.out + " holds checkpoints of an earlier run: moved to " + options.out +
         "/earlier" + (done == SetAside::replaced ? ", in place of the run that lay there" : ""));
  }

  /// Whether the run is saved after that step.
  bool is_due(octavo::Index done) const {
    return folder_ && options_.save_every != 0 && done % options_.save_every == 0;
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
      folder_->save_best(trainer_, tokenizer_, corpus_);
      release_idle_memory();
      say_("saved " + folder_->best());
    });
  }

  /// At the end, unless it has just been saved.
  void finish() {
    if (folder_ && saved_step_ != trainer_.state().steps_done) save();
  }

  /// What the run tells of itself; nothing if nothing is saved.
  RunFiles files() const {
    if (!folder_) return {};
    return {folder_->metrics(), folder_->samples(), folder_->report()};
  }
  std::string model_path() const { return folder_ ? folder_->model() : ""; }
  std::string best_path() const { return folder_ ? folder_->best() : ""; }
  /// What can be generated with while the run goes on: the best model, or the last checkpoint;
  /// empty if there is neither.
  std::string newest_model() const { return trainer_.state().best_step > 0 ? best_path() : last_; }
  /// The last checkpoint of this run; empty if there is none.
  const std::string& last() const noexcept { return last_; }
  /// The one that the run was resumed from counts.
  void set_last(const std::string& path) { last_ = path; }

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
    last_ = folder_->save(trainer_, tokenizer_, corpus_);
    release_idle_memory();
    saved_step_ = trainer_.state().steps_done;
    say_("saved " + last_);
  }

  SaveOptions options_;
  const Trainer& trainer_;
  const octavo::AnyTokenizer& tokenizer_;
  octavo::CorpusIdentity corpus_;
  Say say_;
  std::optional<octavo::CheckpointFolder> folder_;
  std::string last_;
  octavo::Index saved_step_ = -1;
  int failures_ = 0;
};

/// Back to the last checkpoint, with half the learning rate. Diverged if there is none, or if that
/// has been tried ten times.
template <typename Trainer>
void roll_back(Trainer& trainer, const RunSaver<Trainer>& saver, const std::string& why,
               const std::function<void(const std::string&)>& say) {
  const octavo::RunState before = trainer.state();
  const double factor = before.rate_factor / 2;
  if (saver.last().empty() || factor < 1.0 / 1024) {
    throw octavo::Diverged("training diverged at step " + std::to_string(before.steps_done) + ": " +
                               why +
                               (saver.last().empty() ? ", and there is no checkpoint to go back to"
                                                     : ", and ten rollbacks have not helped"),
                           before.steps_done, before.average_loss, "lower the learning rate");
  }
  Resumed(saver.last()).file().load(trainer);
  octavo::RunState state = trainer.state();
  state.rate_factor = factor;
  trainer.set_state(state);
  char line[80];
  std::snprintf(line, sizeof(line), ", learning rate times %g from now on", factor);
  say("step " + std::to_string(before.steps_done) + ": " + why + "; back to " + saver.last() +
      line);
}

/// Calls run() until it ends for good: with `rollback` a spike or a loss that is not finite sends
/// the trainer back to its last checkpoint; without, Diverged names that checkpoint.
template <typename Trainer, typename Run>
octavo::RunResult run_through(Trainer& trainer, const RunSaver<Trainer>& saver, bool rollback,
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
  const std::string best = saver.best_path();  // a run may go on in another folder than it began in
  if (state.best_step > 0 && std::filesystem::exists(best)) {
    std::printf("the best evaluation's model is %s\n", best.c_str());
  }
}

}  // namespace support
