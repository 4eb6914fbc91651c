// SPDX-License-Identifier: MIT
// float.cpp and double.cpp instantiate run_as for their scalar.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <type_traits>

#include <octavo/interop/model_source.hpp>

#include "support/training.hpp"
#include "train_full/processes.hpp"
#include "train_full/report.hpp"
#include "train_full/run.hpp"
#include "train_full/stored_base.hpp"

namespace support::detail {

using octavo::Index;

inline void print_parts(const octavo::ParameterList& parameters) {
  const auto part_of = [](std::string_view name) {
    if (octavo::is_adapter(name)) return "adapters";
    if (name.find("attention.") != name.npos) return "attention";
    if (name.find("feed_forward.") != name.npos) return "feed-forward";
    if (name.find("norm.") != name.npos) return "norms";
    if (name.find("head.") != name.npos) return "head";
    return "embedding";
  };
  std::map<std::string, Index> counts;
  for (const octavo::Parameter& parameter : parameters) {
    counts[part_of(parameter.name)] += parameter.count();
  }
  for (const char* part : {"embedding", "attention", "feed-forward", "norms", "head"}) {
    std::printf("  %-13s %12td\n", part, counts[part]);
  }
  if (counts.contains("adapters")) std::printf("  %-13s %12td\n", "adapters", counts["adapters"]);
}

/// Reports the steps, their share of the text, and the evaluations; gives a hint if the schedule
/// needs one.
inline void print_schedule(const octavo::TrainingOptions& training,
                           const octavo::TokenSplit& tokens) {
  print(describe_steps(training) + "\n");
  if (!tokens.train.empty()) print(describe_passes(training, tokens.train.size()) + "\n");
  if (tokens.validation.size() > 1) {
    print(describe_evaluations(training, tokens.validation.size() - 1) + "\n");
  }
}

/// As above of rows for fine-tuning.
inline void print_epochs(const octavo::TrainingOptions& training, const octavo::ChatRows& rows) {
  print(describe_steps(training) + "\n" + describe_epochs(training, rows.split) + "\n");
}

/// Bytes of the base beside the plan.
inline std::size_t base_bytes(const FullOptions& options) {
  return options.base == nullptr ? 0 : options.base->bytes();
}

/// Reports the plan of a dry run.
template <octavo::Scalar T>
void print_plan(const FullOptions& options, const octavo::MemoryPlan& plan,
                const octavo::Corpus& corpus) {
  const octavo::Transformer<T> model{options.config};
  const std::size_t peak =
      octavo::expected_peak(plan.total_bytes(), options.training, corpus, options.corpus);
  std::printf(
      "expected peak of the process %s at most: %zu bytes planned, %s%zu of tokens, the rest "
      "program and tokenizer\n",
      octavo::readable_bytes(peak).c_str(), plan.total_bytes(),
      options.base == nullptr ? ""
                              : (std::to_string(base_bytes(options)) + " of the base, ").c_str(),
      corpus.token_bytes());
  if (corpus.learned) {
    std::printf("%zu bytes for learning byte pairs before the run, given back\n",
                corpus.learned->memory_bytes);
  }
  const bool tokens_are_there = corpus.mapped != nullptr || !corpus.is_large;
  if (corpus.rows != nullptr) {
    print_epochs(options.training, *corpus.rows);
  } else {
    print_schedule(options.training, tokens_are_there ? corpus.split(options.training.sequence)
                                                      : octavo::TokenSplit{});
  }
  const std::string warning = octavo::schedule_warning(options.training.rate());
  if (!warning.empty()) std::printf("hint: %s\n", warning.c_str());
  std::printf("parameters %td\n", model.parameter_count());
  print_parts(model.parameters());
}

/// The weights of the base; empty without one.
template <octavo::Scalar T>
std::span<const octavo::Weight<T>> base_of(const FullOptions& options) {
  if constexpr (std::is_same_v<T, float>) {
    if (options.base != nullptr) return options.base->parameters();
  }
  return {};
}

template <octavo::Scalar T>
octavo::Trainer<T> trainer_of(const FullOptions& options, octavo::ThreadPool& threads) {
  const octavo::Transformer<T> model(options.config);
  if (options.base == nullptr) return {model, options.training, threads};
  octavo::Trainer<T> trainer(model, options.training, threads, base_of<T>(options));
  trainer.set_base_path(options.base->path());
  return trainer;
}

/// The run of a process other than the first, which writes nothing and prints nothing.
template <octavo::Scalar T>
int train_along(octavo::Trainer<T>& trainer, const octavo::Corpus& corpus,
                const octavo::ResumedRun* resumed) {
  if (resumed != nullptr) resumed->file().load(trainer);
  catch_signals();
  ProcessTimes times;
  const octavo::Index begin = trainer.state().steps_done;
  octavo::TrainingCallbacks callbacks;
  callbacks.step = [&](const octavo::StepResult& result) {
    if (times_are_due(trainer.options(), result.step + 1 - begin)) times(steps_before_times);
  };
  callbacks.stop = [] { return caught_signal() != 0; };
  const octavo::Index release_every =
      octavo::Corpus::steps_per_release(trainer.options().sequences());
  callbacks.completed = [&](octavo::Index done) {
    if (release_every > 0 && done % release_every == 0) corpus.release_pages();
  };
  if (corpus.rows != nullptr) {
    trainer.run(corpus.rows->split.train, corpus.rows->split.validation, callbacks);
  } else {
    const octavo::TokenSplit tokens = corpus.split(trainer.options().sequence);
    trainer.run(tokens.train, tokens.validation, callbacks);
  }
  times(trainer.state().steps_done - begin);
  trainer.on_first_rank([] {});  // it saves
  return caught_signal() == 0 ? 0 : 128 + caught_signal();
}

/// Ends the timing of a run.
inline void print_timings(octavo::ThreadPool& threads, octavo::PhaseClock& clock,
                          octavo::Index steps) {
  threads.set_clock(nullptr);
  clock.leave();
  print("\nA step's phases (between steps: batches, evaluations, samples, saves):\n" +
        octavo::phase_times(clock, std::max(steps, octavo::Index{1}), octavo::phase::names) + "\n");
}

/// Trains, samples, saves; returns the exit status.
template <octavo::Scalar T>
int train(const FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
          const octavo::ResumedRun* resumed) {
  const octavo::TrainingOptions& training = options.training;
  const octavo::ChatRows* const rows = corpus.rows.get();
  const octavo::TokenSplit tokens =
      rows != nullptr ? octavo::TokenSplit{} : corpus.split(training.sequence);
  if (is_first_process()) octavo::make_folder(options.saving.folder);
  release_idle_memory();
  const octavo::TextStatistics statistics =
      rows != nullptr
          ? octavo::text_statistics(*rows, corpus.tokenizer)
          : octavo::text_statistics(tokens, corpus.tokenizer, [&] { corpus.release_pages(); });
  corpus.release_pages();
  release_idle_memory();
  octavo::Trainer<T> trainer = trainer_of<T>(options, threads);
  if (processes() != nullptr) trainer.set_ranks(*processes());
  octavo::Generator<T> generator(trainer.model(), trainer.model_weights(), training.sequence,
                                 threads, trainer.between_steps());
  release_idle_memory();
  const std::string base =
      options.base == nullptr ? "" : ", " + std::to_string(base_bytes(options)) + " of the base";
  std::printf("parameters %td, memory planned %zu bytes%s and %zu of tokens, %s, seed %ju\n",
              trainer.model().parameter_count(), trainer.plan().total_bytes(), base.c_str(),
              corpus.token_bytes(), octavo::counted(threads.size(), "thread").c_str(),
              static_cast<std::uintmax_t>(training.seed));
  if (rows != nullptr) {
    print_epochs(training, *rows);
  } else {
    print_schedule(training, tokens);
  }
  // Read everything before an earlier run is moved aside.
  if (resumed == nullptr && options.from != nullptr && options.base == nullptr) {
    options.from->read_base(trainer.parameters(), training.seed, trainer.weights());
  }
  if (!is_first_process()) return train_along(trainer, corpus, resumed);
  const auto answers = [&] {
    release_idle_memory();
    const auto averaged = trainer.use_averages();
    auto all = octavo::answer_examples(generator, corpus.tokenizer, rows->examples,
                                       options.sample_tokens, training.sequence);
    release_idle_memory();
    return all;
  };
  const auto sample = [&] {
    if (rows != nullptr) {
      std::string text;
      for (const auto& one : answers()) {
        text += (text.empty() ? "" : "\n---\n") + one.prompt + one.after;
      }
      return text;
    }
    release_idle_memory();  // training code is not needed while generating, nor the other way round
    const auto averaged = trainer.use_averages();
    std::string text =
        octavo::generate_text(generator, corpus.tokenizer, prompt_of(options, corpus),
                              options.sample_tokens, {.temperature = 0.8});
    release_idle_memory();
    return text;
  };
  Run run{corpus, resumed, options.saving, options.memory_report,
          page_of(options, corpus, run_page(trainer, corpus, threads, statistics))};
  run.log = {.metrics_every = options.metrics_every, .evaluate_every = training.evaluate_every};
  run.log_every = options.log_every;
  run.base_bytes = base_bytes(options);
  run.nothing_left = "nothing is left to do; to continue: " + run.page.resume + " --new-schedule " +
                     std::to_string(2 * training.steps);
  run.recorded = {.sample_every = options.sample_every,
                  .sample = [&](Index) { return sample(); },
                  .release_every = octavo::Corpus::steps_per_release(training.sequences()),
                  .release = [&] { corpus.release_pages(); }};
  std::optional<ProcessTimes> times;
  std::optional<octavo::PhaseClock> clock;
  octavo::Index begin = 0;
  run.begin = [&] {
    times.emplace();
    begin = trainer.state().steps_done;
    if (options.timings) threads.set_clock(&clock.emplace(octavo::phase::between_steps));
  };
  run.note = [&](const octavo::StepResult& result) {
    const bool due = times_are_due(training, result.step + 1 - begin);
    return due ? (*times)(steps_before_times) : std::string();
  };
  run.before_last_save = [&] {
    const std::string line = (*times)(trainer.state().steps_done - begin);
    if (!line.empty()) print(line + "\n");
    if (clock) print_timings(threads, *clock, trainer.state().steps_done - begin);
    if (corpus.mapped == nullptr) return;
    std::printf(
        "of its own %s; the rest of the memory is pages of the token file and the program\n",
        octavo::readable_bytes(octavo::process_memory().anonymous_bytes).c_str());
  };
  run.last_sample = [&] {
    std::string text = sample();
    if (rows == nullptr) print("\n" + octavo::visible_text(text) + "\n");
    return text;
  };
  run.base_name = options.from_name;
  if (rows != nullptr) {
    run.examples = answers;
    if (resumed == nullptr) run.answers_before = answers();
  }
  return support::train(trainer, threads, std::move(run));
}

/// Sets what changes no result: memory for samples, micro-batch, recomputation. Without a corpus no
/// budget is kept, but memory is as little as a micro-batch can make it.
template <octavo::Scalar T>
void fit(FullOptions& options, const octavo::Corpus* corpus, octavo::Index workers) {
  octavo::TrainingOptions& training = options.training;
  const auto between_steps = [&](const octavo::ModelConfig& config) {
    return octavo::generation_bytes<T>(config, training.sequence, workers);
  };
  training.between_steps_bytes = between_steps(options.config);
  if (options.leanest_micro_batch) {
    training.micro_batch = octavo::leanest_micro_batch<T>(options.config, training, workers);
  }
  if (corpus == nullptr) return;
  try {
    training = octavo::fit_run<T>(options.config, training, workers, *corpus, options.corpus,
                                  between_steps);
  } catch (const octavo::ConfigError& error) {
    if (options.base == nullptr) throw;
    throw octavo::ConfigError(error.what(), error.hint() + "; " + hint_of_base(*options.base));
  }
}

template <octavo::Scalar T>
double step_seconds_as(FullOptions& options, const octavo::Corpus* corpus,
                       octavo::ThreadPool& threads) {
  fit<T>(options, corpus, threads.size());
  return octavo::measure_step<T>(options.config, options.training, threads, 1, base_of<T>(options));
}

template <octavo::Scalar T>
std::size_t least_bytes_as(const FullOptions& options, octavo::Index workers) {
  return octavo::least_training_bytes<T>(options.config, options.training, workers);
}

template <octavo::Scalar T>
int run_as(FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
           const octavo::ResumedRun* resumed) {
  octavo::TrainingOptions& training = options.training;
  fit<T>(options, &corpus, threads.size());
  agree_on_memory(training);
  if (const std::size_t budget = options.corpus.memory_budget; budget != 0) {
    std::printf("memory budget %s: --micro-batch %td%s%s%s\n",
                octavo::readable_bytes(budget).c_str(), training.micro_batch,
                training.recompute ? " --recompute" : "",
                training.recompute_logits ? " --recompute-logits" : "",
                training.fused_update ? " --fused-update" : "");
  }
  const octavo::MemoryPlan plan =
      octavo::TrainingPlan<octavo::Transformer<T>>(options.config, training, threads.size()).plan;
  if (is_first_process()) {
    report_plan(options.memory_report, plan, corpus.token_bytes() + base_bytes(options),
                "train_full --" + options.preset,
                corpus.learned ? corpus.learned->memory_bytes : 0);
  }
  if (!options.dry_run) return train<T>(options, corpus, threads, resumed);
  print_plan<T>(options, plan, corpus);
  return 0;
}

}  // namespace support::detail
