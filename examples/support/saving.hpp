// SPDX-License-Identifier: MIT
// Options for where a run is saved and from what it continues.
#pragma once

#include <memory>
#include <string>

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
/// Without --out a run goes on where it was.
std::unique_ptr<octavo::ResumedRun> find_resumed(SaveOptions& options);

/// What the page about a run tells of how it is saved.
octavo::FactGroup facts_of(const SaveOptions& options);

/// The command that goes on with a run, but for what only some programs have.
std::string resume_command(const char* program, const SaveOptions& options, octavo::Index threads);

/// Says why a run ended before its last step, and where its best model is.
void print_end(octavo::StopReason reason, const octavo::RunState& state, const std::string& best);

}  // namespace support
