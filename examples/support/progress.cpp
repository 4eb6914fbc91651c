// SPDX-License-Identifier: MIT
#include "support/progress.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

#include "support/program.hpp"
#include "support/sample.hpp"

namespace support {
namespace {

constexpr octavo::Index curve_rows = 7;
/// Off a terminal the most between two lines.
constexpr std::chrono::seconds longest_silence(30);
/// The most that rows of the table are held back.
constexpr std::chrono::seconds row_delay(1);

/// The run was stopped, by Ctrl-Z, and goes on: others have written to the terminal.
volatile std::sig_atomic_t was_stopped = 0;

void watch_stops() {
  struct sigaction action {};
  action.sa_handler = [](int) { was_stopped = 1; };
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGCONT, &action, nullptr);
}

/// Whether nobody else, such as a shell, is to be written over. A terminal that is not the run's
/// own has no foreground.
bool in_foreground() {
  const pid_t group = ::tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == ::getpgrp();
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return value.find("utf-8") != value.npos || value.find("utf8") != value.npos;
  }
  return false;
}

/// Columns and rows of the terminal; 80 x 24 if it does not tell.
winsize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {24, 80, 0, 0};
  return size;
}

}  // namespace

octavo::TerminalStyle terminal_style() {
  return {terminal_size().ws_col, variable("NO_COLOR").empty(), locale_is_utf8()};
}

Progress::Progress(const Options& options)
    : options_(options), terminal_(::isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb") {
  if (terminal_) watch_stops();
  release_idle_memory();  // what has described the run need not be there any more
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

/// Opens a table of the run. One that is damaged does not end a run that goes on: it is moved away,
/// which is told, and begun anew.
template <typename File, typename Open>
void Progress::open_table(File& file, const std::string& path, bool go_on, Open open) {
  attempt(file, [&] {
    try {
      open();
    } catch (const octavo::FormatError& error) {
      if (!go_on) throw;
      std::string aside = path + ".damaged";
      std::error_code reason;
      for (int number = 1; std::filesystem::exists(aside, reason); ++number) {
        aside = path + ".damaged." + std::to_string(number);
      }
      std::filesystem::rename(path, aside, reason);
      if (reason) throw;
      std::fprintf(stderr, "warning: %s\n  it is moved to %s, and begun anew\n", error.what(),
                   octavo::printable(aside).c_str());
      open();
    }
  });
}

/// A file that cannot be written does not end a run: it is told, and no more is written to it.
template <typename File, typename Write>
void Progress::attempt(File& file, Write write) {
  try {
    write();
  } catch (const octavo::FormatError&) {
    throw;  // somebody else's table
  } catch (const octavo::Error& error) {
    file.reset();
    std::fprintf(stderr, "warning: %s\n  the run goes on without\n", error.what());
  }
}

void Progress::begin(octavo::Index done, const RunFiles& files) {
  begun_ = done;
  trained_ = evaluated_ = trained_here_ = 0;
  history_ = octavo::RunHistory();
  metrics_.reset();
  samples_.reset();
  if (!files.metrics.empty() && options_.metrics_every > 0) {
    open_table(metrics_, files.metrics, files.go_on, [&] {
      history_ = octavo::RunHistory();
      metrics_.emplace(files.metrics, options_.metrics_every, options_.tokens_per_step,
                       options_.report.tokens_per_character, done, history_);
      trained_ = metrics_->seconds();
      evaluated_ = metrics_->evaluation_seconds();
      tell_damaged(files.metrics, metrics_->damaged_rows());
    });
  }
  if (!files.samples.empty()) {
    open_table(samples_, files.samples, files.go_on, [&] {
      samples_.emplace(files.samples, done);
      tell_damaged(files.samples, samples_->damaged_rows());
    });
  }
  options_.report.samples = files.samples;
  page_.reset();
  if (!files.report.empty()) page_ = files.report;
  start_ = step_began_ = last_drawn_ = rows_written_ = Clock::now();
}

void Progress::tell_damaged(const std::string& path, octavo::Index rows) const {
  if (rows == 0) return;
  std::fprintf(stderr, "warning: %s: %td damaged row%s left out\n", octavo::printable(path).c_str(),
               rows, rows == 1 ? " is" : "s are");
}

/// Writes the rows at most once a second, so that the file can be followed and a step stays fast.
void Progress::write_rows(Clock::time_point time, bool at_once) {
  if (!metrics_ || (!at_once && time - rows_written_ < row_delay)) return;
  attempt(metrics_, [&] { metrics_->write(); });
  rows_written_ = time;
}

void Progress::completed() {
  step_began_ = Clock::now();
  if (metrics_) attempt(metrics_, [&] { metrics_->completed(evaluation_seconds()); });
  write_rows(step_began_, false);
}

void Progress::step(const octavo::StepResult& result) {
  const auto time = Clock::now();
  const double took = std::chrono::duration<double>(time - step_began_).count();
  const octavo::HistoryPoint point{result.step + 1,      1,   result.loss, result.learning_rate,
                                   result.gradient_norm, took};
  history_.add(point);
  trained_ += took;
  trained_here_ += took;
  if (metrics_) attempt(metrics_, [&] { metrics_->step(point); });
  const octavo::Index done = result.step + 1;
  const bool last = done == options_.steps;
  // An evaluation may take long.
  const bool evaluates = options_.evaluate_every > 0 && done % options_.evaluate_every == 0;
  write_rows(time, last || evaluates);
  if (terminal_) {
    if (!last && time - last_drawn_ < std::chrono::milliseconds(200)) return;
    last_drawn_ = time;
    if (was_stopped != 0) was_stopped = 0, lines_ = 0;
    if (!in_foreground()) {
      lines_ = 0;
      return;
    }
    const octavo::TerminalText line = progress_line(now(), terminal_style());
    if (lines_ == 0 || width_ != terminal_size().ws_col) return draw();
    print("\r\x1b[K");
    print(line.view());
    std::fflush(stdout);
  } else if (last || (options_.every > 0 &&
                      (done % options_.every == 0 || time - last_drawn_ >= longest_silence))) {
    last_drawn_ = time;
    release_idle_memory();  // what trains need not be there while printing, nor the other way round
    print(log_line(result) + "\n");
    std::fflush(stdout);
    release_idle_memory();
  }
}

/// NaN: not known.
double Progress::bits(double loss) const {
  const double factor = options_.report.tokens_per_character;
  return factor > 0 ? octavo::bits_per_character(loss, factor)
                    : std::numeric_limits<double>::quiet_NaN();
}

/// What a line says after a loss; empty: not known.
std::string Progress::bits_text(double loss) const {
  char text[40] = "";
  if (!std::isnan(bits(loss))) std::snprintf(text, sizeof(text), "  %.3f bits/char", bits(loss));
  return text;
}

void Progress::evaluation(octavo::Index done, double validation_loss, bool best) {
  validation_loss_ = validation_loss;
  history_.add(octavo::EvaluationPoint{done, history_.recent_loss(), validation_loss});
  if (metrics_) attempt(metrics_, [&] { metrics_->evaluation(validation_loss); });
  char line[80];
  std::snprintf(line, sizeof(line), "step %6td  validation loss %.4f", done, validation_loss);
  say(line + bits_text(validation_loss) + (best ? "  best so far" : ""));
  diagnose();
}

void Progress::whole_evaluation(double validation_loss, octavo::Index tokens) {
  whole_validation_ = validation_loss;
  char line[100];
  std::snprintf(line, sizeof(line), "whole validation text, %td tokens: loss %.4f", tokens,
                validation_loss);
  say(line + bits_text(validation_loss));
}

void Progress::sample(octavo::Index done, const std::string& text) {
  say("sample: " + one_line(text));
  keep_sample(done, text);
}

void Progress::keep_sample(octavo::Index done, const std::string& text) {
  if (samples_) attempt(samples_, [&] { samples_->add(done, text); });
}

void Progress::threads(const octavo::ThreadPool& pool, const octavo::ThreadTuner& in_use) {
  options_.report.threads = pool.size();
  options_.report.threads_in_use = in_use.count() == 0 ? pool.size() : in_use.count();
  if (told_threads_ || !in_use.compared() || in_use.count() == pool.size()) return;
  told_threads_ = true;
  say(idle_threads(pool, in_use));
}

void Progress::saved() {
  if (metrics_) attempt(metrics_, [&] { metrics_->flush(); });
}

void Progress::report(octavo::RunReport::Stage stage, const octavo::RunState& state,
                      const std::string& model) {
  if (!page_) return;
  release_idle_memory();
  octavo::RunReport page = options_.report;
  if (!samples_) page.samples.clear();
  page.references = options_.references;
  page.tokens_per_step = options_.tokens_per_step;
  page.stage = stage;
  page.written = std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  page.step = state.steps_done;
  page.steps = options_.steps;
  page.loss = history_.recent_loss();
  page.validation_loss = validation_loss_;
  page.whole_validation = whole_validation_;
  page.best_validation = state.best_validation;
  page.best_step = state.best_step;
  if (state.steps_done > begun_) page.tokens_per_second = now().tokens_per_second;
  page.seconds = trained_;
  page.evaluation_seconds = evaluation_seconds();
  page.peak_bytes = octavo::process_memory().peak_bytes;
  if (model.empty()) {
    page.generate.clear();
  } else {
    page.generate = command_of("generate") + " " + shell_word(model) + page.generate;
  }
  attempt(page_, [&] {
    octavo::AtomicFile file(*page_);
    int pieces = 0;
    write_report(page, history_, [&](std::string_view piece) {
      file.write(piece);
      if (++pieces % 4 == 0) release_idle_memory();  // of the parts that are written
    });
    file.commit();
  });
  release_idle_memory();
}

/// What was said is not said again as long as it holds, and withdrawn when it does not.
void Progress::diagnose() {
  const auto found = octavo::diagnose(history_, options_.references, options_.steps);
  if (told_ && (!found || found->finding != *told_)) {
    say("the hint of step " + std::to_string(told_step_) + " no longer holds");
    told_.reset();
  }
  if (!found || told_) return;
  say("hint: " + found->text);
  told_ = found->finding;
  told_step_ = history_.steps_done();
}

octavo::RunProgress Progress::now() const {
  const octavo::Index done = history_.steps_done();
  const auto here = static_cast<double>(done - begun_);
  const double rate = here / std::max(seconds(), 1e-9);  // by the clock
  return {done,
          options_.steps,
          history_.recent_loss(),
          validation_loss_,
          here / std::max(trained_here_, 1e-9) * static_cast<double>(options_.tokens_per_step),
          static_cast<double>(options_.steps - done) / rate,
          static_cast<double>(octavo::process_memory().resident_bytes),
          bits(std::isnan(validation_loss_) ? history_.recent_loss() : validation_loss_)};
}

std::string Progress::log_line(const octavo::StepResult& result) const {
  const octavo::RunProgress run = now();
  char text[200];
  std::snprintf(text, sizeof(text),
                "step %6td/%td  loss %.4f%s  lr %.2e  %8.0f tokens/s  %s  %s left", run.step,
                run.steps, run.loss, bits_text(run.loss).c_str(), result.learning_rate,
                run.tokens_per_second,
                octavo::readable_bytes(octavo::process_memory().resident_bytes).c_str(),
                std::string(octavo::clock_time(run.seconds_left)).c_str());
  return text;
}

/// Goes back to where the drawing began, unless the terminal has been resized: then its lines may
/// have been wrapped, and the next drawing comes below.
void Progress::erase() {
  if (lines_ == 0) return;
  if (width_ != terminal_size().ws_col) {
    print("\n");
  } else if (lines_ == 1) {
    print("\r\x1b[J");
  } else {
    char up[32];
    std::snprintf(up, sizeof(up), "\r\x1b[%tdA\x1b[J", lines_ - 1);
    print(up);
  }
  lines_ = 0;
}

void Progress::draw() {
  erase();
  const octavo::TerminalStyle style = terminal_style();
  if (!history_.evaluations().empty() && terminal_size().ws_row > curve_rows + 4) {
    draw_loss_curve(history_, options_.references, style, curve_rows, [&](std::string_view line) {
      print(line);
      print("\n");
      ++lines_;
    });
  }
  print(progress_line(now(), style).view());
  ++lines_;
  width_ = style.width;
  std::fflush(stdout);
}

void Progress::say(const std::string& text) {
  if (terminal_ && (was_stopped != 0 || !in_foreground())) was_stopped = 0, lines_ = 0;
  const bool drawn = lines_ > 0;
  erase();
  print(text + "\n");
  if (drawn) draw();
  std::fflush(stdout);
}

void Progress::print_summary() const {
  const double loss = history_.recent_loss();
  if (!std::isnan(loss)) {
    std::printf("mean loss of the last %td steps %.4f%s\n", history_.recent_count(), loss,
                bits_text(loss).c_str());
  }
  std::printf("%.1f s of training, %.1f s of evaluations, samples and saves, peak memory %s\n",
              trained_here_, seconds() - trained_here_,
              octavo::readable_bytes(octavo::process_memory().peak_bytes).c_str());
}

void Progress::finish() {
  if (lines_ > 0) print("\n");
  lines_ = 0;
  diagnose();
  saved();
}

}  // namespace support
