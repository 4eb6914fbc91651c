// SPDX-License-Identifier: MIT
#include "train_full/report.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace support {
namespace {

/// The options that change no result.
octavo::SettingGroup setting_group(const FullOptions& options, const octavo::Corpus& corpus) {
  octavo::SettingGroup group{"Run", {}};
  group.add("out", octavo::one_line(options.saving.folder));
  group.add("map-above", octavo::readable_bytes(options.corpus.load_at_most));
  group.add("token-file", options.corpus.token_file.empty()
                              ? "tokens.bin in --out"
                              : octavo::one_line(options.corpus.token_file));
  group.add("save-every", options.saving.save_every);
  group.add("keep", options.saving.keep);
  group.add("sample-every", options.sample_every);
  group.add("sample-tokens", options.sample_tokens);
  if (corpus.rows == nullptr) group.add("prompt", octavo::one_line(prompt_of(options, corpus)));
  group.add("log-every", options.log_every);
  group.add("metrics-every", options.metrics_every);
  group.add("memory-budget", options.corpus.memory_budget == 0
                                 ? "none"
                                 : octavo::readable_bytes(options.corpus.memory_budget));
  return group;
}

/// Warns about characters that the model does not know.
void tell_unknown(const char* where, const octavo::UnknownCount& count) {
  if (count.unknown == 0) return;
  char text[160];
  std::snprintf(text, sizeof(text),
                "%zu of %zu characters of %s (%.3g%%) are not in the model's vocabulary",
                count.unknown, count.characters, where,
                100 * static_cast<double>(count.unknown) / static_cast<double>(count.characters));
  warn(text);
}

}  // namespace

const std::string& prompt_of(const FullOptions& options, const octavo::Corpus& corpus) {
  return options.prompt.empty() ? corpus.beginning : options.prompt;
}

void print_run(const FullOptions& options, const octavo::Corpus& corpus,
               const octavo::ResumedRun* resumed) {
  std::printf("train_full: %s\n%s, %s\ntext: %s, ",
              resumed != nullptr ? ("continuing from " + resumed->path()).c_str()
              : options.from != nullptr
                  ? "beginning with the model of --from"
                  : ("preset --" + options.preset + " (" + options.why + ")").c_str(),
              describe(options.config).c_str(), options.double_precision ? "double" : "float",
              octavo::one_line(corpus.name).c_str());
  if (corpus.rows != nullptr) {
    std::printf("%s\n", octavo::describe_rows(*corpus.rows, corpus.identity.documents).c_str());
  }
  const octavo::Index tokens = corpus.tokens().size();
  if (corpus.rows != nullptr) {
  } else if (corpus.is_large && corpus.mapped == nullptr) {
    std::printf("%zu bytes, whose tokens would be in a file\n", corpus.text_bytes);
  } else {
    const std::string validation = corpus.validation(options.training.sequence);
    if (validation.starts_with("none")) {
      std::printf("%td tokens; too short for a validation split: none used\n", tokens);
    } else {
      std::printf("%td tokens, %s for validation\n", tokens, octavo::one_line(validation).c_str());
    }
  }
  if (corpus.documents > 0) {
    std::printf("%zu document%s\n", corpus.documents, corpus.documents == 1 ? "" : "s");
  }
  if (corpus.left_out_characters > 0) {
    std::printf(
        "characters: the %zu most frequent beyond ASCII; %zu others are read byte by byte\n",
        octavo::AlphabetFinder::most_characters, corpus.left_out_characters);
  }
  if (!options.prompt.empty()) {
    // Encoded here, so that an unknown character is an error at once and not at the first sample.
    static_cast<void>(corpus.tokenizer.encode(options.prompt));
    tell_unknown("--prompt", count_unknown(corpus.tokenizer, options.prompt));
  }
  tell_unknown("the text", corpus.unknown);
  tell_unknown("the text of --val", corpus.validation_unknown);
  if (options.corpus.tokenizer == octavo::TokenizerKind::byte_pairs && tokens > 0 &&
      corpus.rows == nullptr) {
    std::printf("byte pairs: %.2f bytes a token%s\n",
                static_cast<double>(corpus.text_bytes) / static_cast<double>(tokens),
                resumed == nullptr && options.config.vocabulary < options.corpus.vocabulary
                    ? "; the text has no more of them"
                    : "");
  }
  if (corpus.left_out_words()) {
    std::printf("learned from %s, in %s: the others do not fit into the memory\n",
                octavo::learned_words(*corpus.learned).c_str(),
                octavo::readable_bytes(corpus.learned->memory_bytes).c_str());
  }
  if (resumed == nullptr) return;
  const octavo::RunState& state = resumed->info().state;
  std::printf("%td of %td steps are done", state.steps_done, options.training.steps);
  if (options.training.steps != resumed->info().options.steps) {
    std::printf("; new schedule: there were %td", resumed->info().options.steps);
  }
  print("\n");
}

std::string resume_command(const FullOptions& options) {
  std::string command = command_of("train_full") + " --resume " +
                        shell_word(options.saving.folder) + options.session_flags;
  const auto add = [&](const char* option, const std::vector<std::string>& names) {
    if (std::any_of(names.begin(), names.end(), octavo::is_read_once)) command += option;
  };
  add(" --data -", options.corpus.data);  // the same text once more
  add(" --val FILE", options.corpus.validation);
  return command;
}

octavo::RunReport page_of(const FullOptions& options, const octavo::Corpus& corpus,
                          octavo::RunReport page) {
  page.title = "train_full: " + octavo::one_line(corpus.name);
  page.configuration.insert(page.configuration.end() - 1, setting_group(options, corpus));
  page.resume = resume_command(options);
  if (corpus.rows == nullptr) {
    page.prompt = prompt_of(options, corpus);
    page.generate = " --prompt " + shell_word(page.prompt);
  } else if (!corpus.tokenizer.chat().chat_template.empty()) {
    page.generate = " --chat";
  } else if (!corpus.rows->examples.empty()) {
    std::string prompt;
    for (const octavo::Token token : corpus.rows->examples.front().prompt) {
      prompt += corpus.tokenizer.decode(token);
    }
    page.generate = " --prompt " + shell_word(prompt);
  }
  return page;
}

}  // namespace support
