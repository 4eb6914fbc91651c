// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/generation/visible_text.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/process_memory.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/metrics_file.hpp>
#include <octavo/report/page.hpp>
#include <octavo/report/progress_line.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/training_step.hpp>

namespace OCTAVO_NAMESPACE {

/// Options of a run's log.
struct RunLogOptions {
  Index metrics_every = 10;  ///< steps per row of the table; 0: no table
  Index evaluate_every = 0;  ///< steps between evaluations; 0: only at the end
  /// Returns the command that generates with a model, by its path, for the page; empty: no command.
  std::function<std::string(const std::string&)> generate = {};
};

/// The log of a run: its history, the tables of numbers and of samples, the page about it, and
/// lines for the user, sent to RunCallbacks::say. A file that cannot be written does not end the
/// run: RunCallbacks::warn is called, and the file is not written any more.
class RunLog {
 public:
  using Clock = std::chrono::steady_clock;

  /// `page`: the constant part of the page; its plan must outlive the log.
  explicit RunLog(RunReport page, RunLogOptions options = {}, RunCallbacks callbacks = {})
      : page_(std::move(page)), options_(std::move(options)), callbacks_(std::move(callbacks)) {}

  /// Starts or continues the run after `done` steps. `folder`: the folder of its files; null: no
  /// files. `goes_on_there`: existing files belong to this run, and a damaged table is moved away
  /// and started again; otherwise FormatError if another table is found.
  void begin(Index done, const CheckpointFolder* folder, bool goes_on_there) {
    begun_ = done;
    trained_ = evaluated_ = trained_here_ = 0;
    history_ = RunHistory();
    metrics_.reset();
    samples_.reset();
    path_.reset();
    page_.samples.clear();
    if (folder != nullptr) open_files(*folder, done, goes_on_there);
    start_ = step_began_ = rows_written_ = Clock::now();
  }

  /// Call after each step.
  void step(const StepResult& result) {
    const auto time = Clock::now();
    const double took = std::chrono::duration<double>(time - step_began_).count();
    const HistoryPoint point{result.step + 1,      1,   result.loss, result.learning_rate,
                             result.gradient_norm, took};
    history_.add(point);
    trained_ += took;
    trained_here_ += took;
    if (metrics_) attempt(metrics_, [&] { metrics_->step(point); });
    const Index done = result.step + 1;
    // An evaluation may take a long time.
    const bool evaluates = options_.evaluate_every > 0 && done % options_.evaluate_every == 0;
    write_rows(time, done == page_.steps || evaluates);
  }

  /// Call after an evaluation, with the steps done, its mean loss, and whether it was the best.
  /// Reports a problem, if one is found.
  void evaluation(Index done, double validation_loss, bool best) {
    page_.validation_loss = validation_loss;
    history_.add(EvaluationPoint{done, history_.recent_loss(), validation_loss});
    if (metrics_) attempt(metrics_, [&] { metrics_->evaluation(validation_loss); });
    callbacks_.message(detail::concat({"step ", FormattedNumber("%6td", done), "  validation loss ",
                                       FormattedNumber::fixed(validation_loss, 4),
                                       bits_text(validation_loss), best ? "  best so far" : ""}));
    diagnose();
  }

  /// Call after the last step with the loss of the whole validation text of `tokens` tokens, if
  /// earlier evaluations used a sample.
  void whole_evaluation(double validation_loss, Index tokens) {
    page_.whole_validation = validation_loss;
    callbacks_.message(
        detail::concat({"whole validation text, ", tokens, " tokens: loss ",
                        FormattedNumber::fixed(validation_loss, 4), bits_text(validation_loss)}));
  }

  /// Records the sample after `done` steps and reports it in one line.
  void sample(Index done, const std::string& text) {
    callbacks_.message("sample: " + one_line(text));
    keep_sample(done, text);
  }
  /// As above, without reporting it.
  void keep_sample(Index done, const std::string& text) {
    if (samples_) attempt(samples_, [&] { samples_->add(done, text); });
  }

  /// Answers to rows that are not trained on, for the page.
  void examples(std::vector<AnsweredExample> all) { page_.examples = std::move(all); }
  const std::vector<AnsweredExample>& examples() const noexcept { return page_.examples; }

  /// The number of threads used in a step; reports once if some are idle.
  void threads(const ThreadPool& pool, const ThreadTuner& in_use) {
    page_.threads = pool.size();
    page_.threads_in_use = in_use.count() == 0 ? pool.size() : in_use.count();
    if (reported_threads_ || !in_use.compared() || in_use.count() == pool.size()) return;
    reported_threads_ = true;
    callbacks_.message(
        detail::concat({in_use.count(), " of ", counted(pool.size(), "thread"),
                        " in use: more do not pay here (short steps, or cores that others use)"}));
  }

  /// Ends a step: the time until the next step does not count as training.
  void completed() {
    step_began_ = Clock::now();
    if (metrics_) attempt(metrics_, [&] { metrics_->completed(evaluation_seconds()); });
    write_rows(step_began_, false);
  }

  /// Writes the table up to now; call it at each save.
  void saved() {
    if (metrics_) attempt(metrics_, [&] { metrics_->flush(); });
  }

  /// Writes the page about the run. `model`: the file for the generate command; empty: none.
  void report(RunReport::Stage stage, const RunState& state, const std::string& model) {
    if (!path_) return;
    callbacks_.paused();
    if (!samples_) page_.samples.clear();
    page_.stage = stage;
    page_.written = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    page_.step = state.steps_done;
    page_.loss = history_.recent_loss();
    page_.best_validation = state.best_validation;
    page_.best_step = state.best_step;
    page_.tokens_per_second = state.steps_done > begun_ ? now().tokens_per_second
                                                        : std::numeric_limits<double>::quiet_NaN();
    page_.seconds = trained_;
    page_.evaluation_seconds = evaluation_seconds();
    page_.peak_bytes = process_memory().peak_bytes;
    page_.generate = model.empty() || !options_.generate ? "" : options_.generate(model);
    attempt(path_, [&] {
      AtomicFile file(*path_);
      int pieces = 0;
      write_report(page_, history_, [&](std::string_view piece) {
        file.write(piece);
        if (++pieces % 4 == 0) callbacks_.paused();
      });
      file.commit();
    });
    callbacks_.paused();
  }

  /// Call after the last step: reports a problem, if one is found, and writes the table up to now.
  void finish() {
    diagnose();
    saved();
  }

  const RunHistory& history() const noexcept { return history_; }
  const ReferenceLosses& references() const noexcept { return page_.references; }
  Index steps() const noexcept { return page_.steps; }

  /// The progress of the run, for a progress line.
  RunProgress now() const {
    const Index done = history_.steps_done();
    const auto here = static_cast<double>(done - begun_);
    const double rate = here / std::max(seconds(), 1e-9);  // wall time
    const double loss = history_.recent_loss();
    return {done,
            page_.steps,
            loss,
            page_.validation_loss,
            here / std::max(trained_here_, 1e-9) * static_cast<double>(page_.tokens_per_step),
            static_cast<double>(page_.steps - done) / rate,
            static_cast<double>(process_memory().resident_bytes),
            bits(std::isnan(page_.validation_loss) ? loss : page_.validation_loss)};
  }

  /// The text after a loss in a line, "  2.345 bits/char"; empty if characters were not counted.
  std::string bits_text(double loss) const {
    if (std::isnan(bits(loss))) return "";
    return detail::concat({"  ", FormattedNumber::fixed(bits(loss), 3), " bits/char"});
  }

  /// Reports the mean loss of the last (at most) 100 steps, if any, times and peak memory.
  std::string summary() const {
    const double loss = history_.recent_loss();
    std::string text;
    if (!std::isnan(loss)) {
      text = detail::concat({"mean loss of the last ", history_.recent_count(), " steps ",
                             FormattedNumber::fixed(loss, 4), bits_text(loss), "\n"});
    }
    return text + detail::concat({FormattedNumber::fixed(trained_here_, 1), " s of training, ",
                                  FormattedNumber::fixed(seconds() - trained_here_, 1),
                                  " s of evaluations, samples and saves, peak memory ",
                                  readable_bytes(process_memory().peak_bytes), "\n"});
  }

 private:
  /// The longest time for which rows of the table are held back.
  static constexpr std::chrono::seconds row_delay{1};

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double evaluation_seconds() const { return evaluated_ + seconds() - trained_here_; }

  /// NaN: unknown.
  double bits(double loss) const {
    return page_.tokens_per_character > 0 ? bits_per_character(loss, page_.tokens_per_character)
                                          : std::numeric_limits<double>::quiet_NaN();
  }
  void open_files(const CheckpointFolder& folder, Index done, bool goes_on_there) {
    if (options_.metrics_every > 0) {
      open_table(metrics_, folder.metrics(), goes_on_there, [&] {
        history_ = RunHistory();
        metrics_.emplace(folder.metrics(), options_.metrics_every, page_.tokens_per_step,
                         page_.tokens_per_character, done, history_);
        trained_ = metrics_->seconds();
        evaluated_ = metrics_->evaluation_seconds();
        warn_of_damage(folder.metrics(), metrics_->damaged_rows());
      });
    }
    open_table(samples_, folder.samples(), goes_on_there, [&] {
      samples_.emplace(folder.samples(), done);
      warn_of_damage(folder.samples(), samples_->damaged_rows());
    });
    page_.samples = folder.samples();
    path_ = folder.report();
  }

  template <typename File, typename Open>
  void open_table(File& file, const std::string& path, bool goes_on_there, Open open) {
    attempt(file, [&] {
      try {
        open();
      } catch (const FormatError& error) {
        if (!goes_on_there) throw;
        std::string aside = path + ".damaged";
        std::error_code reason;
        for (int number = 1; std::filesystem::exists(aside, reason); ++number) {
          aside = detail::concat({path, ".damaged.", number});
        }
        std::filesystem::rename(path, aside, reason);
        if (reason) throw;
        callbacks_.warning(error.what(), detail::concat({"it is moved to ", printable(aside),
                                                         ", and a new file is started"}));
        open();
      }
    });
  }

  template <typename File, typename Write>
  void attempt(File& file, Write write) {
    try {
      write();
    } catch (const FormatError&) {
      throw;  // another table
    } catch (const Error& error) {
      file.reset();
      callbacks_.warning(error.what(), "the run continues without it");
    }
  }

  void warn_of_damage(const std::string& path, Index rows) const {
    if (rows == 0) return;
    callbacks_.warning(detail::concat(
        {printable(path), ": ", rows, " damaged row", rows == 1 ? " is" : "s are", " left out"}));
  }

  /// Writes the rows once a second, so that the file can be followed while steps stay fast.
  void write_rows(Clock::time_point time, bool at_once) {
    if (!metrics_ || (!at_once && time - rows_written_ < row_delay)) return;
    attempt(metrics_, [&] { metrics_->write(); });
    rows_written_ = time;
  }

  /// A finding is not repeated while it holds, and withdrawn when it no longer holds.
  void diagnose() {
    const auto found = octavo::diagnose(history_, page_.references, page_.steps);
    if (reported_ && (!found || found->finding != *reported_)) {
      callbacks_.message(detail::concat({"the hint of step ", reported_step_, " no longer holds"}));
      reported_.reset();
    }
    if (!found || reported_) return;
    callbacks_.message("hint: " + found->text);
    reported_ = found->finding;
    reported_step_ = history_.steps_done();
  }

  RunReport page_;
  RunLogOptions options_;
  RunCallbacks callbacks_;
  RunHistory history_;
  std::optional<MetricsFile> metrics_;
  std::optional<SamplesFile> samples_;
  std::optional<std::string> path_;  ///< of the page; nothing: no page
  std::optional<Finding> reported_;  ///< the finding that was reported and not withdrawn
  Index reported_step_ = 0;          ///< when
  bool reported_threads_ = false;
  Index begun_ = 0;          ///< steps done when begin() was called
  double trained_ = 0;       ///< seconds of steps, since the run began
  double trained_here_ = 0;  ///< seconds of steps, since begin() was called
  double evaluated_ = 0;     ///< seconds of other work before begin() was called
  Clock::time_point start_ = Clock::now();
  Clock::time_point step_began_ = start_;
  Clock::time_point rows_written_ = start_;
};

}  // namespace OCTAVO_NAMESPACE
