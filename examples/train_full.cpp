// SPDX-License-Identifier: MIT
// Trains a model of any shape, chosen at run time, on texts of any size or on the built-in one.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>

#include "support/corpus.hpp"
#include "support/input_files.hpp"
#include "support/program.hpp"
#include "support/sample.hpp"
#include "support/train_full_options.hpp"
#include "support/train_full_run.hpp"

namespace {

using octavo::Index;

/// Warns of characters that the model does not know.
void tell_unknown(const char* where, const octavo::UnknownCount& count) {
  if (count.unknown == 0) return;
  std::fprintf(stderr,
               "train_full: warning: %zu of %zu characters of %s (%.3g%%) are not in the model's "
               "vocabulary\n",
               count.unknown, count.characters, where,
               100 * static_cast<double>(count.unknown) / static_cast<double>(count.characters));
}

void print_run(const support::FullOptions& options, const support::Corpus& corpus,
               const support::Resumed* resumed) {
  std::printf("train_full: %s\n%s, %s\ntext: %s, ",
              resumed != nullptr ? ("going on with " + resumed->path()).c_str()
              : options.from != nullptr
                  ? "beginning with the model of --from"
                  : ("preset --" + options.preset + " (" + options.why + ")").c_str(),
              describe(options.shape).c_str(), options.double_precision ? "double" : "float",
              support::one_line(corpus.name).c_str());
  const Index tokens = corpus.tokens().size();
  if (corpus.is_large && corpus.mapped == nullptr) {
    std::printf("%zu bytes, whose tokens would be in a file\n", corpus.text_bytes);
  } else {
    const std::string validation = corpus.validation(options.training.sequence);
    if (validation.starts_with("none")) {
      std::printf("%td tokens; too short for validation, so there is none\n", tokens);
    } else {
      std::printf("%td tokens, %s for validation\n", tokens, support::one_line(validation).c_str());
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
    // What the tokenizer cannot express is an error here, not at the first sample.
    static_cast<void>(corpus.tokenizer.encode(options.prompt));
    tell_unknown("--prompt", count_unknown(corpus.tokenizer, options.prompt));
  }
  tell_unknown("the text", corpus.unknown);
  tell_unknown("the text of --val", corpus.validation_unknown);
  if (options.tokenizer == "bpe" && tokens > 0) {
    std::printf("byte pairs: %.2f bytes a token%s\n",
                static_cast<double>(corpus.text_bytes) / static_cast<double>(tokens),
                resumed == nullptr && options.shape.vocabulary < options.vocabulary
                    ? "; the text has no more of them"
                    : "");
  }
  if (corpus.left_out_words()) {
    std::printf("learned from %s, in %s: the others do not fit into the memory\n",
                support::of_words(*corpus.learned).c_str(),
                octavo::readable_bytes(corpus.learned->memory_bytes).c_str());
  }
  if (resumed == nullptr) return;
  const octavo::RunState& state = resumed->info().state;
  std::printf("%td of %td steps are done", state.steps_done, options.training.steps);
  if (options.training.steps != resumed->info().options.steps) {
    std::printf("; new schedule: there were %td", resumed->info().options.steps);
  }
  support::print("\n");
}

/// Nothing that the run reads may be replaced by what it writes.
void spare_what_is_read(const support::FullOptions& options, const std::string& from,
                        const support::Resumed* resumed) {
  support::spare_run(options.token_file, options.saving.out);
  std::vector<std::string> inputs = options.data;
  inputs.insert(inputs.end(), options.validation.begin(), options.validation.end());
  support::spare_texts(inputs, options.saving.out);
  inputs.push_back(from);
  if (resumed != nullptr) inputs.push_back(resumed->path());
  support::spare_inputs("--memory-report", options.memory_report.drawing, inputs);
}

int run(const support::FullCommandLine& command_line) {
  support::SaveOptions saving = command_line.saving();
  const auto resumed = support::find_resumed(saving, "train_full");
  std::optional<octavo::ModelSource> from;
  if (!command_line.from().empty()) {
    octavo::require(resumed == nullptr, "--from: the run that --resume goes on with has weights");
    support::spare_folder_of(command_line.from(), saving.out);
    from.emplace(command_line.from(), [](const octavo::Error& error) {
      std::fprintf(stderr, "train_full: warning: skipped: %s\n", error.what());
    });
    support::print_notes(from->notes(), "train_full");
  }
  support::FullOptions options = resumed != nullptr ? command_line.resolve(resumed->info())
                                 : from             ? command_line.resolve(*from)
                                                    : command_line.resolve();
  saving.rollback = options.saving.rollback;
  saving.replaces_future = saving.replaces_future || options.saving.replaces_future;
  options.saving = saving;
  spare_what_is_read(options, command_line.from(), resumed.get());
  if (options.quiet) support::silence_output();
  support::release_idle_memory();  // what starts the program is not needed to read a text
  const support::Corpus corpus = support::read_corpus(options, resumed.get());
  options.shape.vocabulary = corpus.tokenizer.vocabulary_size();
  octavo::ThreadPool threads(options.threads);
  support::warn_of_threads(threads, "train_full");
  print_run(options, corpus, resumed.get());
  return options.double_precision ? support::run_double(options, corpus, threads, resumed.get())
                                  : support::run_float(options, corpus, threads, resumed.get());
}

}  // namespace

int main(int argc, char** argv) {
  return support::run_program("train_full", "Trains a transformer on your text.", argc, argv,
                              [](CLI::App& app) {
                                const auto line = std::make_shared<support::FullCommandLine>(app);
                                return [line] { return run(*line); };
                              });
}
