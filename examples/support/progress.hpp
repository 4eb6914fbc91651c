// SPDX-License-Identifier: MIT
// What a run shows while it trains, and the files that tell of it.
#pragma once

#include <chrono>
#include <limits>
#include <optional>
#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>

#include "support/run_saver.hpp"

namespace support {

/// What standard output can show: its width, colours unless NO_COLOR is set, UTF-8 where the locale
/// says so.
octavo::TerminalStyle terminal_style();

/// On a terminal a line that is rewritten, below the loss so far once there was an evaluation, as
/// long as the run is in its foreground; elsewhere one line every `every` steps, or half a minute.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    octavo::Index steps = 0;  ///< in all
    octavo::Index tokens_per_step = 0;
    octavo::Index every = 100;         ///< steps between lines where there is no terminal
    octavo::Index metrics_every = 10;  ///< steps per row of the table
    octavo::Index evaluate_every = 0;  ///< steps between evaluations; 0: only at the end
    octavo::ReferenceLosses references = {};
    octavo::RunReport report = {};  ///< what the page tells that stays the same
  };

  explicit Progress(const Options& options);

  /// A run begins, or goes on, after `done` steps.
  void begin(octavo::Index done, const RunFiles& files);
  /// After each step.
  void step(const octavo::StepResult& result);
  /// After an evaluation, with the steps done, and whether it was the best; says what seems wrong,
  /// if anything.
  void evaluation(octavo::Index done, double validation_loss, bool best);
  /// After the last step: the loss of the whole validation text, of so many tokens, where the
  /// evaluations before were of a sample.
  void whole_evaluation(double validation_loss, octavo::Index tokens);
  /// What the model writes after `done` steps, said in one line.
  void sample(octavo::Index done, const std::string& text);
  /// The same in the table of samples alone.
  void keep_sample(octavo::Index done, const std::string& text);
  /// The step is done with: what happens before the next begins is no part of it.
  void completed();
  /// How many of the pool's threads take part in a step; says once that some are left idle.
  void threads(const octavo::ThreadPool& pool, const octavo::ThreadTuner& in_use);
  /// Brings the table up to now.
  void saved();
  /// Writes the page about the run; `model`: the file to generate with, none if empty.
  void report(octavo::RunReport::Stage stage, const octavo::RunState& state,
              const std::string& model);
  /// Prints a line of its own, whatever is being rewritten.
  void say(const std::string& line);
  /// The last word: leaves the line being rewritten.
  void finish();

  /// Mean loss of the last (at most) 100 steps, unless there was none; times; peak memory.
  void print_summary() const;

 private:
  double seconds() const;
  double evaluation_seconds() const { return evaluated_ + seconds() - trained_here_; }
  double bits(double loss) const;
  std::string bits_text(double loss) const;
  octavo::RunProgress now() const;
  std::string log_line(const octavo::StepResult& result) const;
  void erase();
  void draw();
  void diagnose();
  void write_rows(Clock::time_point time, bool at_once);
  void tell_damaged(const std::string& path, octavo::Index rows) const;
  template <typename File, typename Write>
  void attempt(File& file, Write write);
  template <typename File, typename Open>
  void open_table(File& file, const std::string& path, bool go_on, Open open);

  Options options_;
  bool terminal_;
  octavo::RunHistory history_;
  std::optional<octavo::MetricsFile> metrics_;
  std::optional<octavo::SamplesFile> samples_;
  std::optional<std::string> page_;      ///< where it goes
  std::optional<octavo::Finding> told_;  ///< the finding that was said, and not withdrawn
  octavo::Index told_step_ = 0;          ///< when
  bool told_threads_ = false;
  octavo::Index begun_ = 0;  ///< steps done when begin() was called
  double trained_ = 0;       ///< seconds of steps, since the run began
  double trained_here_ = 0;  ///< seconds of steps, since begin() was called
  double evaluated_ = 0;     ///< seconds beside steps, before begin() was called
  octavo::Index lines_ = 0;  ///< on the terminal that the next drawing replaces
  octavo::Index width_ = 0;  ///< of the terminal when they were drawn
  double validation_loss_ = std::numeric_limits<double>::quiet_NaN();
  double whole_validation_ = std::numeric_limits<double>::quiet_NaN();
  Clock::time_point start_ = Clock::now();
  Clock::time_point step_began_ = start_;
  Clock::time_point last_drawn_ = start_;    ///< or printed, off a terminal
  Clock::time_point rows_written_ = start_;  ///< of the table
};

}  // namespace support
