// SPDX-License-Identifier: MIT
// Options for where a run is saved and from what it continues.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>
#include <octavo/runs.hpp>

namespace support {

struct SaveOptions : octavo::SaveOptions {
  std::string default_folder;  ///< used if no folder is given
  bool resume = false;
  std::string resume_from;  ///< a checkpoint or a folder; empty: `folder`
  bool allow_corpus_change = false;
};

/// --out, --save-every, --keep, --resume, --allow-corpus-change. Set default_folder before.
void add_save_options(CLI::App& app, SaveOptions& options);

/// The checkpoint of --resume, with a warning for each skipped checkpoint. Null without --resume.
/// Without --out a run continues in its own folder.
std::unique_ptr<octavo::ResumedRun> find_resumed(SaveOptions& options);

/// The settings about saving for the page about a run.
octavo::SettingGroup setting_group(const SaveOptions& options);

/// What the model answered before the run, in `after`: `begun` of a new run, saved in its folder,
/// or that of the folder of `resumed`. Files that cannot be read or written are warned of.
std::vector<octavo::AnsweredExample> answers_before(std::vector<octavo::AnsweredExample> begun,
                                                    const octavo::CheckpointFolder* folder,
                                                    const octavo::ResumedRun* resumed,
                                                    const octavo::RunCallbacks& callbacks);

/// The command that resumes a run, with the options common to the programs.
std::string resume_command(const char* program, const SaveOptions& options, octavo::Index threads);

/// Prints why a run ended before its last step, and the path of its best model.
void print_end(octavo::StopReason reason, const octavo::RunState& state, const std::string& best);

}  // namespace support
