// SPDX-License-Identifier: MIT
// A run of train_full, once it is settled what to train and on what.
#pragma once

#include <octavo/octavo.hpp>
#include <octavo/runs.hpp>

#include "train_full/options.hpp"

namespace support {

/// Plans, reports, and unless it is a dry run trains, samples and saves; goes on with `resumed`
/// where there is one. Returns the exit status.
int run_float(FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
              const octavo::ResumedRun* resumed);
/// The same in double. Two source files, so that a run touches the code of one scalar alone.
int run_double(FullOptions& options, const octavo::Corpus& corpus, octavo::ThreadPool& threads,
               const octavo::ResumedRun* resumed);

}  // namespace support
