// SPDX-License-Identifier: MIT
// What the page about a run of train_full tells of its configuration.
#pragma once

#include <string>

#include <octavo/octavo.hpp>
#include <octavo/report.hpp>

#include "support/train_full_run.hpp"

namespace support {

/// What samples begin with: what was asked, or the text's beginning.
const std::string& prompt_of(const FullOptions& options, const Corpus& corpus);

/// Steps, their tokens and learning rates, in one line.
std::string describe_steps(const octavo::TrainingOptions& training);
/// How much of a text of so many tokens a run sees, in one line.
std::string describe_passes(const octavo::TrainingOptions& training, octavo::Index text_tokens);
/// What is evaluated of so many tokens and how much that takes, in one line.
std::string describe_evaluations(const octavo::TrainingOptions& training, octavo::Index targets);

/// How a run that was stopped goes on, with what no checkpoint says.
std::string resume_command(const FullOptions& options);

/// All but what changes in the course of the run. `plan` must outlive it; `per_character`: see
/// RunReport::tokens_per_character.
octavo::RunReport describe_run(const FullOptions& options, const Corpus& corpus,
                               octavo::Index parameters, const octavo::MemoryPlan& plan,
                               const octavo::ThreadPool& threads, double per_character);

}  // namespace support
