// SPDX-License-Identifier: MIT
// Reports the configuration of a run of train_full.
#pragma once

#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>

#include "train_full/run.hpp"

namespace support {

/// The prompt of samples: as given, or the start of the text.
const std::string& prompt_of(const FullOptions& options, const octavo::Corpus& corpus);

/// Reports model and text before the run; warns about characters that the model does not know.
void print_run(const FullOptions& options, const octavo::Corpus& corpus,
               const octavo::ResumedRun* resumed);

/// The command that resumes a stopped run, with the options that checkpoints do not store.
std::string resume_command(const FullOptions& options);

/// Adds text and commands to the page about the run, which already has its trainer.
octavo::RunReport page_of(const FullOptions& options, const octavo::Corpus& corpus,
                          octavo::RunReport page);

}  // namespace support
