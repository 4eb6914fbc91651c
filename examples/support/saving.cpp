// SPDX-License-Identifier: MIT
#include "support/saving.hpp"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "support/program.hpp"

namespace support {

void add_save_options(CLI::App& app, SaveOptions& options) {
  add_name(
      app, "--out", options.folder,
      "Folder for checkpoints, the trained model, metrics.csv, samples.tsv and report.html; an "
      "earlier run's are moved to its folder earlier-1, earlier-2, ..." +
          (options.default_folder.empty() ? "" : " (" + options.default_folder + ")"))
      ->type_name("DIR");
  add_integer(app, "--save-every", options.save_every, 0,
              "Steps between checkpoints; 0: only at the end (500)");
  add_integer(app, "--keep", options.keep, 1, "Checkpoints that stay, the newest (2)");
  app.add_option_function<std::string>(
         "--resume",
         [&options](const std::string& path) {
           options.resume = true;
           options.resume_from = path;
         },
         "Continue from a checkpoint, or from the newest valid one of a folder (--out's)")
      ->type_name("[FILE|DIR]")
      ->expected(0, 1);
  app.add_flag("--allow-corpus-change", options.allow_corpus_change,
               "Continue with another text than at the start of the run");
}

std::unique_ptr<octavo::ResumedRun> find_resumed(SaveOptions& options) {
  if (options.folder.empty() && options.resume_from.empty()) {
    options.folder = options.default_folder;
  }
  if (!options.resume) return nullptr;
  const std::string path = options.resume_from.empty() ? options.folder : options.resume_from;
  octavo::require(!path.empty(), "--resume: expected a checkpoint, a folder, or --out DIR");
  std::error_code unknown;
  if (path.find_first_not_of("0123456789") == path.npos &&
      !std::filesystem::exists(path, unknown)) {
    throw octavo::ConfigError(
        "--resume: there is no checkpoint or folder " + octavo::printable(path),
        "write ITERATIONS before --resume");
  }
  auto resumed = std::make_unique<octavo::ResumedRun>(path, warn_of_skipped);
  if (options.folder.empty()) {
    options.folder = std::filesystem::is_directory(path, unknown) ? path : resumed->folder();
  }
  options.replaces_future = options.replaces_future || options.allow_corpus_change;
  return resumed;
}

octavo::SettingGroup setting_group(const SaveOptions& options) {
  octavo::SettingGroup group{"Run", {}};
  group.add("out", octavo::one_line(options.folder));
  group.add("save-every", options.save_every);
  group.add("keep", options.keep);
  return group;
}

std::vector<octavo::AnsweredExample> answers_before(std::vector<octavo::AnsweredExample> begun,
                                                    const octavo::CheckpointFolder* folder,
                                                    const octavo::ResumedRun* resumed,
                                                    const octavo::RunCallbacks& callbacks) {
  try {
    if (resumed != nullptr) {
      const std::string path = resumed->folder() + "/answers.tsv";
      std::error_code unknown;
      if (!std::filesystem::exists(path, unknown)) return begun;
      begun = octavo::read_answers(octavo::FileSource(path));
    }
    const bool is_there =
        resumed != nullptr && folder != nullptr && resumed->lies_in(folder->path());
    if (folder != nullptr && !begun.empty() && !is_there) {
      octavo::save_answers(folder->answers(), begun);
    }
  } catch (const octavo::Error& error) {
    callbacks.warning(error.what(), "the run continues without it");
  }
  return begun;
}

std::string resume_command(const char* program, const SaveOptions& options, octavo::Index threads) {
  const SaveOptions usual;
  std::string command = command_of(program) + " --resume " + shell_word(options.folder);
  const auto add = [&](const char* name, octavo::Index value, octavo::Index otherwise) {
    if (value != otherwise) command += std::string(name) + std::to_string(value);
  };
  add(" --save-every ", options.save_every, usual.save_every);
  add(" --keep ", options.keep, usual.keep);
  add(" --threads ", threads, 0);
  return command;
}

void print_end(octavo::StopReason reason, const octavo::RunState& state, const std::string& best) {
  if (reason == octavo::StopReason::asked) {
    std::printf("stopped at step %td\n", state.steps_done);
  }
  if (reason == octavo::StopReason::patience) {
    std::printf("stopped at step %td: no evaluation since step %td was better than %.4f\n",
                state.steps_done, state.best_step, state.best_validation);
  }
  if (!best.empty()) std::printf("the best evaluation's model is %s\n", best.c_str());
}

}  // namespace support
