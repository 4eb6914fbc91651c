// SPDX-License-Identifier: MIT
// Trains a model of any size, chosen at run time, on texts of any size or on the built-in text.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/interop/model_source.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs.hpp>

#include "support/program.hpp"
#include "train_full/choosing.hpp"
#include "train_full/download.hpp"
#include "train_full/input_files.hpp"
#include "train_full/options.hpp"
#include "train_full/processes.hpp"
#include "train_full/reading_line.hpp"
#include "train_full/report.hpp"
#include "train_full/run.hpp"
#include "train_full/started_by_mpirun.hpp"
#include "train_full/stored_base.hpp"

namespace {

/// Checks that the run does not replace files that it reads.
void spare_what_is_read(const support::FullOptions& options, const std::string& from,
                        const octavo::ResumedRun* resumed) {
  support::spare_run(options.corpus.token_file, options.saving.folder);
  std::vector<std::string> inputs = options.corpus.data;
  inputs.insert(inputs.end(), options.corpus.validation.begin(), options.corpus.validation.end());
  support::spare_texts(inputs, options.saving.folder);
  inputs.push_back(from);
  if (resumed != nullptr) inputs.push_back(resumed->path());
  octavo::require_not_input("--memory-report", options.memory_report.drawing, inputs, true);
}

/// The text, and the recipe if one is chosen for it.
struct Text {
  std::optional<octavo::Recipe> recipe;
  octavo::Corpus corpus;
};

Text read_text(const support::FullCommandLine& command_line, const support::FullOptions& options,
               const octavo::ResumedRun* resumed) {
  if (options.from != nullptr && !options.from->tokenizer()) {
    throw octavo::Error(octavo::ErrorCode::bad_data,
                        "--from: the model has no tokenizer that text can be read with",
                        "name a model file, a checkpoint, GGUF, or a folder with a tokenizer");
  }
  octavo::CorpusOptions corpus = options.corpus;
  if (corpus.token_file.empty()) corpus.token_file = options.saving.folder + "/tokens.bin";
  if (corpus.data.empty() && options.wants_shakespeare) {
    if (const auto path = support::find_shakespeare(options.dry_run)) corpus.data = {*path};
  }
  support::ReadingLine line;
  if (octavo::means_rows(corpus.documents)) {
    octavo::ChatCorpusReader reader(corpus, line.callbacks(), resumed);
    const bool given = resumed != nullptr || command_line.gives("sequence");
    return {std::nullopt, reader.read([&](octavo::Index longest) {
              if (given) return options.training.sequence;
              return octavo::chosen_sequence(longest,
                                             std::min<octavo::Index>(options.config.context, 1024));
            })};
  }
  octavo::CorpusReader reader(corpus, line.callbacks(), resumed);
  if (reader.is_large()) {
    support::catch_signals();
    support::tell_bus_errors();
  }
  auto recipe = support::recipe_for(command_line, options, reader.text_bytes());
  if (recipe) reader.set_tokenizer(recipe->tokenizer, recipe->vocabulary);
  return {std::move(recipe), reader.read()};
}

int run(support::FullCommandLine command_line, const std::vector<std::string>& words) {
  support::SaveOptions saving = command_line.saving();
  const auto resumed = support::first_before_others([&] { return support::find_resumed(saving); });
  const std::string from_path =
      support::path_of_weights(command_line.from(), command_line.base_path(), resumed.get());
  std::optional<octavo::ModelSource> from;
  if (!from_path.empty()) {
    support::spare_folder_of(from_path, saving.folder);
    from.emplace(from_path, support::warn_of_skipped, octavo::CheckpointKinds{},
                 octavo::real_file_system(),
                 resumed != nullptr ? std::string() : command_line.base_path());
    if (!from->base_path().empty()) support::spare_folder_of(from->base_path(), saving.folder);
    support::print_notes(from->notes());
  }
  std::shared_ptr<support::StoredBase> base;
  const auto resolve = [&] {
    support::FullOptions options = resumed != nullptr ? command_line.resolve(resumed->info())
                                   : from             ? command_line.resolve(*from)
                                                      : command_line.resolve();
    if (from) support::leave_base_stored(options, *from, from_path, base);
    saving.rollback = options.saving.rollback;
    saving.replaces_future = saving.replaces_future || options.saving.replaces_future;
    options.saving = saving;
    return options;
  };
  support::FullOptions options = resolve();
  spare_what_is_read(options, from_path, resumed.get());
  if (options.quiet) support::silence_output();
  support::release_idle_memory();  // memory from the start of the program is not needed to read a
                                   // text
  const auto [recipe, corpus] =
      support::first_before_others([&] { return read_text(command_line, options, resumed.get()); });
  if (corpus.rows != nullptr && resumed == nullptr) {
    command_line = support::with_row_choices(command_line, words, options, corpus);
    options = resolve();
  } else if (recipe || command_line.seconds()) {
    command_line = support::with_choices(command_line, words, options, recipe, corpus);
    options = resolve();
    options.why = "with the options above";
  }
  options.config.vocabulary = corpus.tokenizer.vocabulary_size();
  support::share(options, resumed != nullptr || command_line.gives("leaves"));
  support::require_equal_runs(options, corpus, resumed.get());
  octavo::ThreadPool threads(options.threads);
  support::warn_of_threads(threads);
  support::print_run(options, corpus, resumed.get());
  return options.double_precision ? support::run_double(options, corpus, threads, resumed.get())
                                  : support::run_float(options, corpus, threads, resumed.get());
}

}  // namespace

int main(int argc, char** argv) {
  return support::with_processes([=] {
    return support::run_program(
        "train_full", "Trains a transformer on your text.", argc, argv, [&](CLI::App& app) {
          const auto line = std::make_shared<support::FullCommandLine>(app);
          return [=] { return run(*line, {argv + std::min(argc, 1), argv + argc}); };
        });
  });
}
