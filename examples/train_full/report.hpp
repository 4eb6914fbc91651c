// SPDX-License-Identifier: MIT
// What a run of train_full tells of its configuration.
#pragma once

#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>

#include "train_full/run.hpp"

namespace support {

/// What samples begin with: what was asked, or the text's beginning.
const std::string& prompt_of(const FullOptions& options, const octavo::Corpus& corpus);

/// What is trained on what, before it is; warns of characters that the model does not know.
void print_run(const FullOptions& options, const octavo::Corpus& corpus,
               const octavo::ResumedRun* resumed);

/// How a run that was stopped goes on, with what no checkpoint says.
std::string resume_command(const FullOptions& options);

/// The page about the run, which knows its trainer already, with its text and commands.
octavo::RunReport page_of(const FullOptions& options, const octavo::Corpus& corpus,
                          octavo::RunReport page);

}  // namespace support
