// SPDX-License-Identifier: MIT
#include "support/train_full_report.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/sample.hpp"
#include "support/texts.hpp"

namespace support {
namespace {

octavo::FactGroup facts_of(const Corpus& corpus, octavo::Index sequence) {
  octavo::FactGroup group{"Text", {}};
  group.add("data", one_line(corpus.name));
  group.add_count("bytes", corpus.identity.bytes);
  group.add_count("tokens", corpus.tokens().size());
  group.add("val", one_line(corpus.validation(sequence)));
  const std::string& documents = corpus.identity.documents;
  const bool marked = documents.starts_with("end ");
  group.add("documents", documents.empty() ? "none"
                         : marked          ? "by their end"
                                           : documents.substr(0, 4));
  group.add("document-end", marked ? octavo::printable(documents.substr(4)) : "none");
  group.add("SHA-256", corpus.identity.hash);
  if (corpus.learned) {
    group.add("learned from", of_words(*corpus.learned));
    group.add("learned in", octavo::readable_bytes(corpus.learned->memory_bytes));
  }
  return group;
}

/// What changes nothing of what is computed.
octavo::FactGroup facts_of(const FullOptions& options, const Corpus& corpus) {
  octavo::FactGroup group{"Run", {}};
  group.add("out", one_line(options.saving.out));
  group.add("map-above", octavo::readable_bytes(options.map_above));
  group.add("token-file",
            options.token_file.empty() ? "tokens.bin in --out" : one_line(options.token_file));
  group.add("save-every", options.saving.save_every);
  group.add("keep", options.saving.keep);
  group.add("sample-every", options.sample_every);
  group.add("sample-tokens", options.sample_tokens);
  group.add("prompt", one_line(prompt_of(options, corpus)));
  group.add("log-every", options.log_every);
  group.add("metrics-every", options.metrics_every);
  group.add("memory-budget",
            options.memory_budget == 0 ? "none" : octavo::readable_bytes(options.memory_budget));
  return group;
}

}  // namespace

const std::string& prompt_of(const FullOptions& options, const Corpus& corpus) {
  return options.prompt.empty() ? corpus.beginning : options.prompt;
}

std::string describe_steps(const octavo::TrainingOptions& training) {
  const octavo::LearningRateSchedule rate = training.rate();
  std::string text = std::to_string(training.steps) + " steps of " + std::to_string(training.batch);
  if (training.accumulate > 1) text += " x " + std::to_string(training.accumulate);
  char rates[120];
  std::snprintf(rates, sizeof(rates), " x %td tokens, lr %.3g to %.3g, warm-up %td, ",
                training.sequence, rate.peak, rate.min_lr, training.warmup);
  return text + rates + std::string(name_of(training.optimizer));
}

std::string describe_passes(const octavo::TrainingOptions& training, octavo::Index text_tokens) {
  const double seen = static_cast<double>(training.steps) *
                      static_cast<double>(training.step_options().step.rows());
  const double passes = seen / static_cast<double>(text_tokens);
  char text[100];
  if (passes < 1) {
    std::snprintf(text, sizeof(text), "%.2g of the text will be seen: %.0f of %td tokens", passes,
                  seen, text_tokens);
  } else {
    std::snprintf(text, sizeof(text), "%.0f tokens: the text is seen %.3g times", seen, passes);
  }
  return text;
}

std::string describe_evaluations(const octavo::TrainingOptions& training, octavo::Index targets) {
  if (training.evaluate_every == 0) return "evaluation: at the end alone";
  const octavo::EvaluationWindows windows(targets, training.sequence, training.evaluation_tokens);
  const double trained = 3 * static_cast<double>(training.evaluate_every) *
                         static_cast<double>(training.step_options().step.rows());
  char text[160];
  std::snprintf(text, sizeof(text),
                "evaluation: %s%td tokens every %td steps, %.2g of the training's arithmetic%s",
                windows.is_sample() ? "" : "all ", windows.targets(), training.evaluate_every,
                static_cast<double>(windows.targets()) / trained,
                windows.is_sample() ? "; all at the end" : "");
  return text;
}

std::string resume_command(const FullOptions& options) {
  std::string command =
      command_of("train_full") + " --resume " + shell_word(options.saving.out) + options.not_kept;
  const auto add = [&](const char* option, const std::vector<std::string>& names) {
    if (std::any_of(names.begin(), names.end(), is_read_once)) command += option;
  };
  add(" --data -", options.data);  // the same text once more
  add(" --val FILE", options.validation);
  return command;
}

octavo::RunReport describe_run(const FullOptions& options, const Corpus& corpus,
                               octavo::Index parameters, const octavo::MemoryPlan& plan,
                               const octavo::ThreadPool& threads, double per_character) {
  octavo::RunReport report;
  report.title = "train_full: " + one_line(corpus.name);
  octavo::FactGroup model = octavo::facts_of(options.shape);
  model.add("tokenizer", options.tokenizer);
  const auto* characters = corpus.tokenizer.get_if<octavo::CharacterTokenizer>();
  model.add("unknown", characters != nullptr && characters->has_unknown());
  model.add("scalar", options.double_precision ? "double" : "float");
  model.add_count("parameters", parameters);
  report.settings = octavo::settings_of(options.training);
  report.facts = {facts_of(corpus, options.training.sequence), model,
                  octavo::facts_of(options.training), facts_of(options, corpus),
                  octavo::facts_of_machine(threads)};
  report.resume = resume_command(options);
  report.prompt = prompt_of(options, corpus);
  report.generate = " --prompt " + shell_word(report.prompt);
  report.plan = &plan;
  report.phase_names = octavo::phase::names;
  report.clip = options.training.clip;
  report.tokens_per_character = per_character;
  return report;
}

}  // namespace support
