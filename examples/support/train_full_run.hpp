// SPDX-License-Identifier: MIT
// A run of train_full, once it is settled what to train and on what.
#pragma once

#include <octavo/octavo.hpp>

#include "support/corpus.hpp"
#include "support/train_full_options.hpp"

namespace support {

/// Plans, reports, and unless it is a dry run trains, samples and saves; goes on with `resumed`
/// where there is one. Returns the exit status.
int run_float(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
              const Resumed* resumed);
/// The same in double. Two source files, so that a run touches the code of one scalar alone.
int run_double(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
               const Resumed* resumed);

}  // namespace support
