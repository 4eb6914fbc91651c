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
#include "train_full/input_files.hpp"
#include "train_full/options.hpp"
#include "train_full/processes.hpp"
#include "train_full/read_text.hpp"
#include "train_full/report.hpp"
#include "train_full/run.hpp"
#include "train_full/started_by_mpirun.hpp"
#include "train_full/stored_base.hpp"

namespace {

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
  support::spare_what_is_read(options, from_path, resumed.get());
  if (options.quiet) support::silence_output();
  support::release_idle_memory();  // memory from the start of the program is not needed to read a
                                   // text
  const auto [recipe, corpus] = support::first_before_others(
      [&] { return support::read_text(command_line, options, resumed.get()); });
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
  return support::first_reports_divergence(options.training, [&, &text = corpus] {
    return options.double_precision ? support::run_double(options, text, threads, resumed.get())
                                    : support::run_float(options, text, threads, resumed.get());
  });
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
