// SPDX-License-Identifier: MIT
#include "support/train_full_report.hpp"

#include <algorithm>
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
  group.add("bytes", corpus.identity.bytes);
  group.add("tokens", corpus.tokens().size());
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
octavo::FactGroup facts_of(const FullOptions& options) {
  octavo::FactGroup group{"Run", {}};
  group.add("out", one_line(options.saving.out));
  group.add("map-above", octavo::readable_bytes(options.map_above));
  group.add("token-file",
            options.token_file.empty() ? "tokens.bin in --out" : one_line(options.token_file));
  group.add("save-every", options.saving.save_every);
  group.add("keep", options.saving.keep);
  group.add("sample-every", options.sample_every);
  group.add("log-every", options.log_every);
  group.add("metrics-every", options.metrics_every);
  group.add("memory-budget",
            options.memory_budget == 0 ? "none" : octavo::readable_bytes(options.memory_budget));
  return group;
}

}  // namespace

std::string resume_command(const FullOptions& options) {
  std::string command = "train_full --resume " + shell_word(options.saving.out) + options.not_kept;
  const auto add = [&](const char* option, const std::vector<std::string>& names) {
    if (std::any_of(names.begin(), names.end(), is_read_once)) command += option;
  };
  add(" --data -", options.data);  // the same text once more
  add(" --val FILE", options.validation);
  return command;
}

octavo::RunReport describe_run(const FullOptions& options, const Corpus& corpus,
                               octavo::Index parameters, const octavo::MemoryPlan& plan,
                               const octavo::ThreadPool& threads) {
  octavo::RunReport report;
  report.title = "train_full: " + one_line(corpus.name);
  octavo::FactGroup model = octavo::facts_of(options.shape);
  model.add("tokenizer", options.tokenizer);
  const auto* characters = corpus.tokenizer.get_if<octavo::CharacterTokenizer>();
  model.add("unknown", characters != nullptr && characters->has_unknown());
  model.add("scalar", options.double_precision ? "double" : "float");
  model.add("parameters", parameters);
  report.facts = {facts_of(corpus, options.training.sequence), model,
                  octavo::facts_of(options.training), facts_of(options),
                  octavo::facts_of_machine(threads)};
  report.resume = resume_command(options);
  report.generate = " --prompt " + shell_word(corpus.beginning);
  report.plan = &plan;
  report.phase_names = octavo::phase::names;
  report.clip = options.training.clip;
  return report;
}

}  // namespace support
