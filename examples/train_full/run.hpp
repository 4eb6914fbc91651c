// SPDX-License-Identifier: MIT
// A run of train_full, after all options are resolved.
#pragma once

#include <octavo/octavo.hpp>
#include <octavo/runs.hpp>

#include "train_full/options.hpp"

namespace support {

/// Plans and reports the run and, unless it is a dry run, trains, samples and saves; continues
/// `resumed` if given. Returns the exit status.
int run_float(FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
              const octavo::ResumedRun* resumed);
/// As above in double. There are two source files, so that a run loads the code of only one scalar.
int run_double(FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
               const octavo::ResumedRun* resumed);

/// The measured wall time of a step in seconds. `corpus`: null before the text is read.
double float_step_seconds(FullOptions options, const octavo::Corpus* corpus,
                          octavo::ThreadPool& threads);
double double_step_seconds(FullOptions options, const octavo::Corpus* corpus,
                           octavo::ThreadPool& threads);
/// The fewest bytes of a plan for training.
std::size_t float_least_bytes(const FullOptions& options, octavo::Index workers);
std::size_t double_least_bytes(const FullOptions& options, octavo::Index workers);

}  // namespace support
