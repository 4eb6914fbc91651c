// SPDX-License-Identifier: MIT
// A run of train_full, once it is settled what to train and on what.
#pragma once

#include <string>

#include <octavo/octavo.hpp>

#include "support/train_full_options.hpp"

namespace support {

/// What the run is trained on: tokens, and the beginning of the text, with which samples begin.
struct Corpus {
  std::string name;
  std::string beginning;
  bool from_file = true;
  octavo::CorpusIdentity identity;
  octavo::AnyTokenizer tokenizer;
  octavo::TokenStore tokens;
};

/// Plans, reports, and unless it is a dry run trains, samples and saves; goes on with `resumed`
/// where there is one. Returns the exit status.
int run_float(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
              const Resumed* resumed);
/// The same in double. Two source files, so that a run touches the code of one scalar alone.
int run_double(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
               const Resumed* resumed);

}  // namespace support
