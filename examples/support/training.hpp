// SPDX-License-Identifier: MIT
// A run of a training program, from the constructed trainer to the saved model.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <octavo/checkpoint/trained_model.hpp>
#include <octavo/octavo.hpp>
#include <octavo/report.hpp>
#include <octavo/runs.hpp>

#include "support/adapters.hpp"
#include "support/memory_report.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/saving.hpp"

namespace support {

/// The parts of a run that depend on the program.
struct Run {
  const octavo::Corpus& corpus;
  const octavo::ResumedRun* resumed;
  const SaveOptions& saving;
  const MemoryReportOption& memory_report;
  octavo::RunReport page;
  octavo::RunLogOptions log = {};
  octavo::Index log_every = 100;
  std::size_t base_bytes = 0;  ///< of weights beside the trainer's plan
  octavo::RecordedRunOptions recorded = {};
  std::function<void()> begin = {};  ///< called before the first step
  /// A line to show after a step; empty: none.
  std::function<std::string(const octavo::StepResult&)> note = {};
  std::string nothing_left = {};                ///< a message if no steps are left; empty: none
  std::function<void()> before_last_save = {};  ///< prints the result of the run
  std::string base_name = {};                   ///< the model whose adapters are trained
  /// The held-out rows of a run for fine-tuning, answered; printed, and shown on the page.
  std::function<std::vector<octavo::AnsweredExample>()> examples = {};
  std::vector<octavo::AnsweredExample> answers_before = {};  ///< of these, by a new run's model
  std::function<std::string()> last_sample =
      {};  ///< recorded, and printed unless it was printed before
};

/// Trains `trainer`, with display and saves, and generates a last sample. Returns the exit status.
template <octavo::Scalar T, typename... Model>
int train(octavo::Trainer<T, Model...>& trainer, octavo::ThreadPool& threads, Run run) {
  using Stage = octavo::RunReport::Stage;
  run.log.generate = [&](const std::string& model) {
    return command_of("generate") + " " + shell_word(model) + run.page.generate;
  };
  Progress progress(run.page, run.log, run.log_every);
  const octavo::TrainingOptions& options = trainer.options();
  const std::string warning = octavo::schedule_warning(options.rate());
  if (!warning.empty()) progress.say("hint: " + warning);
  if (run.resumed != nullptr) run.resumed->file().load(trainer);
  release_idle_memory();
  octavo::RunSaver saver(run.saving, trainer, run.corpus.tokenizer, run.corpus.identity,
                         progress.callbacks(), run.resumed);
  const auto before = answers_before(std::move(run.answers_before), saver.folder(), run.resumed,
                                     progress.callbacks());
  const bool at_end = trainer.state().steps_done == options.steps;
  if (at_end && !run.nothing_left.empty()) progress.say(run.nothing_left);
  std::fflush(stdout);  // so that a log in a file shows the run before its first step
  catch_signals();
  run.recorded.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    const std::string note = run.note ? run.note(result) : std::string();
    if (!note.empty()) progress.say(note);
  };
  run.recorded.stop = [] { return caught_signal() != 0; };
  release_idle_memory();
  if (run.begin) run.begin();
  const octavo::RunResult result =
      run.corpus.rows != nullptr ? run_recorded(trainer, saver, progress.log(), threads,
                                                run.corpus.rows->split, run.recorded)
                                 : run_recorded(trainer, saver, progress.log(), threads,
                                                run.corpus.split(options.sequence), run.recorded);
  progress.finish();
  print_end(result.reason, trainer.state(), saver.best_path());
  print(progress.log().summary());
  if (run.before_last_save) run.before_last_save();
  release_idle_memory();
  trainer.on_first_rank([&] { saver.finish(); });
  if (saver.folder() != nullptr) {
    const std::string path = saver.folder()->model();
    saver.check_folder();
    {
      const auto averaged = trainer.use_averages();
      octavo::save_trained_model(path, trainer, run.corpus.tokenizer);
    }
    const std::string sample = run.last_sample();
    if (run.examples) {
      auto after = run.examples();
      octavo::add_answers_before(after, before);
      progress.log().examples(std::move(after));
      print(octavo::describe_examples(progress.log().examples()));
    }
    const std::string how = run.page.generate.substr(0, run.page.generate.find(" --temperature"));
    std::printf("\nSaved %s; try: %s %s%s\n", octavo::one_line(path).c_str(),
                command_of("generate").c_str(), shell_word(path).c_str(), how.c_str());
    if (trainer.config().lora.rank > 0) {
      const std::string best = saver.best_path();
      save_adapter(best.empty() ? path : best, saver.folder()->path() + "/adapter", run.base_name);
    }
    const bool asked = result.reason == octavo::StopReason::asked;
    if (asked) std::printf("Continue with: %s\n", run.page.resume.c_str());
    if (!asked) progress.log().keep_sample(trainer.state().steps_done, sample);
    progress.log().report(asked ? Stage::stopped : Stage::finished, trainer.state(), path);
    release_idle_memory();
  }
  report_process(run.memory_report,
                 trainer.plan().total_bytes() + run.base_bytes + run.corpus.token_bytes());
  return caught_signal() == 0 ? 0 : 128 + caught_signal();
}

}  // namespace support
