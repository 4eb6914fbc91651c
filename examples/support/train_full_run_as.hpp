// SPDX-License-Identifier: MIT
// train_full_float.cpp and train_full_double.cpp instantiate run_as for their scalar.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>
#include <octavo/report.hpp>

#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/sample.hpp"
#include "support/train_full_report.hpp"
#include "support/train_full_run.hpp"

namespace support::detail {

using octavo::Index;

inline void print_parts(const octavo::ParameterList& parameters) {
  const auto part_of = [](std::string_view name) {
    if (name.find(".attn.") != name.npos) return "attention";
    if (name.find(".mlp.") != name.npos) return "feed-forward";
    if (name.find("ln_") != name.npos) return "norms";
    if (name.find("lm_head") != name.npos) return "head";
    return "embedding";
  };
  std::map<std::string, Index> counts;
  for (const octavo::Parameter& parameter : parameters) {
    counts[part_of(parameter.name)] += parameter.count();
  }
  for (const char* part : {"embedding", "attention", "feed-forward", "norms", "head"}) {
    std::printf("  %-13s %12td\n", part, counts[part]);
  }
}

/// Makes the run fit the budget, if there is one, and says how.
template <octavo::Scalar T>
void obey_budget(FullOptions& options, Index workers, const Corpus& corpus) {
  if (options.memory_budget == 0) return;
  octavo::TrainingOptions& training = options.training;
  const Index sequences = training.step_options().step.sequences();
  const auto fit = [&](Index vocabulary, std::size_t besides) {
    octavo::ModelShape shape = options.shape;
    shape.vocabulary = vocabulary;
    octavo::TrainingMemoryOptions memory = training.step_options().memory(workers);
    memory.between_steps_bytes = octavo::generation_bytes<T>(shape, training.sequence, workers);
    return octavo::fit_budget<T>(shape, memory, options.memory_budget,
                                 octavo::checked_add(process_overhead, besides),
                                 corpus.before_bytes(vocabulary));
  };
  const auto way = [&] {
    try {
      return fit(options.shape.vocabulary, corpus.besides_bytes(sequences));
    } catch (const octavo::ConfigError&) {
      if (!corpus.left_out_words()) throw;
      // With a larger budget byte pairs are learned from more words, and may be more of them.
      return fit(options.vocabulary, corpus.most_besides_bytes(sequences, options.vocabulary));
    }
  }();
  training.micro_batch = way.step.micro_batch;
  training.recompute = way.recompute;
  std::printf("memory budget %s: --micro-batch %td%s%s\n",
              octavo::readable_bytes(options.memory_budget).c_str(), training.micro_batch,
              training.recompute ? " --recompute" : "",
              training.fused_update ? " --fused-update" : "");
}

template <octavo::Scalar T>
octavo::MemoryPlan plan_of(const FullOptions& options, Index workers) {
  const auto memory = options.training.step_options().memory(workers);
  return octavo::TrainingPlan<octavo::Transformer<T>>(options.shape, memory).plan;
}

/// What the whole process needs at most: the plan, or what is needed before it, and what stands
/// beside both.
template <octavo::Scalar T>
std::size_t expected_peak(const FullOptions& options, const octavo::MemoryPlan& plan,
                          const Corpus& corpus) {
  const std::size_t before = std::max(corpus.before_bytes(options.shape.vocabulary),
                                      corpus.learned ? corpus.learned->memory_bytes : 0);
  const std::size_t besides =
      corpus.besides_bytes(options.training.step_options().step.sequences());
  return octavo::checked_add(std::max(plan.total_bytes(), before),
                             octavo::checked_add(besides, process_overhead));
}

/// What the run does: steps, what they see of the text, evaluations.
inline void print_schedule(const octavo::TrainingOptions& training,
                           const octavo::TokenSplit& tokens) {
  print(describe_steps(training) + "\n");
  if (!tokens.train.empty()) print(describe_passes(training, tokens.train.size()) + "\n");
  if (tokens.validation.size() > 1) {
    print(describe_evaluations(training, tokens.validation.size() - 1) + "\n");
  }
}

/// The plan of a run that is not made.
template <octavo::Scalar T>
void print_plan(const FullOptions& options, const octavo::MemoryPlan& plan, const Corpus& corpus) {
  const octavo::Transformer<T> model{octavo::RuntimeConfig(options.shape)};
  const std::size_t peak = expected_peak<T>(options, plan, corpus);
  std::printf(
      "expected peak of the process %s at most: %zu bytes planned, %zu of tokens, the rest "
      "program and tokenizer\n",
      octavo::readable_bytes(peak).c_str(), plan.total_bytes(), corpus.token_bytes());
  if (corpus.learned) {
    std::printf("%zu bytes for learning byte pairs before the run, given back\n",
                corpus.learned->memory_bytes);
  }
  const bool tokens_are_there = corpus.mapped != nullptr || !corpus.is_large;
  print_schedule(options.training,
                 tokens_are_there ? corpus.split(options.training.sequence) : octavo::TokenSplit{});
  const std::string warning = octavo::schedule_warning(options.training.rate());
  if (!warning.empty()) std::printf("hint: %s\n", warning.c_str());
  std::printf("parameters %td\n", model.parameter_count());
  print_parts(model.parameters());
}

/// Trains, samples, saves; returns the exit status.
template <octavo::Scalar T>
int train(const FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
          const Resumed* resumed) {
  const Index sequence = options.training.sequence;
  const octavo::TokenSplit tokens = corpus.split(sequence);
  make_folder(options.saving.out);
  release_idle_memory();
  const octavo::TextEntropy entropy = octavo::text_entropy(
      tokens.train, options.shape.vocabulary, 64, Index{1} << 20, [&] { corpus.release_pages(); });
  const double per_character = octavo::tokens_per_character(
      corpus.tokenizer, tokens.validation.empty() ? tokens.train : tokens.validation);
  corpus.release_pages();
  release_idle_memory();
  octavo::Trainer<T> trainer(octavo::RuntimeConfig(options.shape), options.training, threads);
  octavo::Generator<T> generator(trainer.model(), trainer.weights(), sequence, threads,
                                 trainer.between_steps());
  release_idle_memory();
  std::printf("parameters %td, memory planned %zu bytes and %zu of tokens, %s, seed %ju\n",
              trainer.model().parameter_count(), trainer.plan().total_bytes(), corpus.token_bytes(),
              octavo::counted(threads.size(), "thread").c_str(),
              static_cast<std::uintmax_t>(options.training.seed));
  print_schedule(options.training, tokens);
  const auto sample = [&] {
    release_idle_memory();  // what trains need not be there while it writes, nor the other way
                            // round
    std::string text = write_on(generator, corpus.tokenizer, prompt_of(options, corpus),
                                options.sample_tokens, {.temperature = 0.8}, 1);
    release_idle_memory();
    return text;
  };
  Progress progress({.steps = options.training.steps,
                     .tokens_per_step = options.training.step_options().step.rows(),
                     .every = options.log_every,
                     .metrics_every = options.metrics_every,
                     .evaluate_every = options.training.evaluate_every,
                     .references = {std::log(static_cast<double>(options.shape.vocabulary)),
                                    entropy.unigram, entropy.bigram},
                     .report = describe_run(options, corpus, trainer.model().parameter_count(),
                                            trainer.plan(), threads, per_character)});
  const auto say = [&](const std::string& line) { progress.say(line); };
  const std::string warning = octavo::schedule_warning(options.training.rate());
  if (!warning.empty()) say("hint: " + warning);
  // What cannot be read moves no earlier run aside.
  if (resumed == nullptr && options.from != nullptr) options.from->read(trainer.weights());
  if (resumed != nullptr) resumed->file().load(trainer);
  release_idle_memory();
  RunSaver saver(options.saving, trainer, corpus.tokenizer, corpus.identity, say);
  saver.begin(resumed);
  if (trainer.state().steps_done == options.training.steps) {
    say("nothing is left to do; to go on: " + resume_command(options) + " --new-schedule " +
        std::to_string(2 * options.training.steps));
  }
  std::fflush(stdout);  // so that a log in a file shows what runs before the first step
  release_idle_memory();
  using Stage = octavo::RunReport::Stage;
  const auto report = [&](Stage stage, const std::string& model) {
    saver.check_folder();
    progress.report(stage, trainer.state(), model);
  };
  bool evaluated = false;
  const Index pages_stay = steps_per_release(options.training.step_options().step.sequences());
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    progress.step(result);
    progress.threads(threads, trainer.training_step().threads_in_use());
    const Index done = result.step + 1;
    if (options.sample_every > 0 && done % options.sample_every == 0) {
      progress.sample(done, sample());
    }
  };
  callbacks.evaluation = [&](Index done, double loss) {
    const bool best = trainer.state().best_step == done;
    progress.evaluation(done, loss, best);
    if (best) saver.best();
    evaluated = true;
    corpus.release_pages();
    release_idle_memory();
  };
  callbacks.completed = [&](Index done) {
    if (saver.is_due(done) || evaluated) saver.check_folder();
    if (saver.is_due(done)) progress.saved();
    saver.step(done);
    if (saver.is_due(done) || evaluated) report(Stage::running, saver.newest_model());
    evaluated = false;
    if (done % pages_stay == 0) corpus.release_pages();
    progress.completed();
  };
  callbacks.stop = [] { return caught_signal() != 0; };
  release_idle_memory();
  catch_signals();
  const auto run = [&] {
    try {
      return run_through(trainer, saver, options.rollback, say, [&] {
        progress.begin(trainer.state().steps_done, saver.files());
        return trainer.run(tokens.train, tokens.validation, callbacks);
      });
    } catch (const octavo::Diverged&) {
      report(Stage::diverged, saver.newest_model());
      throw;
    }
  };
  const octavo::RunResult result = run();
  saver.check_folder();
  progress.finish();
  const Index targets = tokens.validation.size() - 1;
  const octavo::EvaluationWindows windows(targets, sequence, options.training.evaluation_tokens);
  if (!std::isnan(result.validation_loss) && trainer.state().steps_done == options.training.steps &&
      options.training.evaluate_every > 0 && windows.is_sample()) {
    progress.whole_evaluation(result.validation_loss, targets);
  }
  print_end(result.reason, trainer.state(), saver);
  progress.print_summary();
  if (corpus.mapped != nullptr) {
    std::printf(
        "of its own %s; the rest of the memory is pages of the token file and the program\n",
        octavo::readable_bytes(octavo::process_memory().anonymous_bytes).c_str());
  }
  release_idle_memory();
  saver.finish();
  const std::string path = saver.model_path();
  saver.check_folder();
  octavo::save_model<T>(path, options.shape, sequence, corpus.tokenizer, trainer.weights());
  const std::string last = sample();
  std::printf("\n%s\n\nSaved %s; try: %s %s --prompt %s\n", visible_text(last).c_str(),
              one_line(path).c_str(), command_of("generate").c_str(), shell_word(path).c_str(),
              shell_word(prompt_of(options, corpus)).c_str());
  const bool asked = result.reason == octavo::StopReason::asked;
  if (!asked) progress.keep_sample(trainer.state().steps_done, last);
  report(asked ? Stage::stopped : Stage::finished, path);
  if (result.reason == octavo::StopReason::asked) {
    std::printf("Go on with: %s\n", resume_command(options).c_str());
  }
  release_idle_memory();
  report_process(options.memory_report, trainer.plan().total_bytes() + corpus.token_bytes());
  return caught_signal() == 0 ? 0 : 128 + caught_signal();
}

template <octavo::Scalar T>
int run_as(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
           const Resumed* resumed) {
  const std::size_t text_bytes = corpus.token_bytes();
  options.training.between_steps_bytes =
      octavo::generation_bytes<T>(options.shape, options.training.sequence, threads.size());
  if (options.leanest_micro_batch) {
    options.training.micro_batch = octavo::leanest_micro_batch<T>(
        options.shape, options.training.step_options().memory(threads.size()));
  }
  obey_budget<T>(options, threads.size(), corpus);
  const octavo::MemoryPlan plan = plan_of<T>(options, threads.size());
  report_plan(options.memory_report, plan, text_bytes, "train_full --" + options.preset,
              corpus.learned ? corpus.learned->memory_bytes : 0);
  if (!options.dry_run) return train<T>(options, corpus, threads, resumed);
  print_plan<T>(options, plan, corpus);
  return 0;
}

}  // namespace support::detail
